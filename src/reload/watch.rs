//! What changed on disk: one inotify instance for the whole server, or, where that cannot be had, polling.
//!
//! The parent makes the instance, children inherit it and add watches on directories (never on files: a watch on a file dies
//! with the editor's first atomic save). All children share the kernel's queue, so whoever starts a request and finds events
//! waiting moves them to the [`Journal`], where every child reads them.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::journal::{Drain, Event, Journal};
use crate::httpd::log;

/// Who wants to hear of changes.
pub trait Listener: Send + Sync {
    /// Something happened to this path.
    fn changed(&self, path: &Path);
    /// Anything may have happened: compare everything.
    fn anything_changed(&self);
}

enum Interest {
    File(PathBuf, Weak<dyn Listener>),
    Directory(PathBuf),
}

/// A directory whose every entry somebody follows.
struct Whole {
    directory: PathBuf,
    listener: Weak<dyn Listener>,
}

#[derive(Default)]
struct Watched {
    directories: HashMap<PathBuf, i32>,
    interests: HashMap<(i32, u64), Vec<Interest>>,
    whole: HashMap<i32, Vec<Whole>>,
    listeners: Vec<Weak<dyn Listener>>,
}

/// The watch of one configuration.
pub struct Watch {
    instance: Option<(OwnedFd, Journal)>,
    cursor: AtomicU64,
    polling: AtomicBool,
    watched: Mutex<Watched>,
}

static CURRENT: Mutex<Option<Arc<Watch>>> = Mutex::new(None);

/// Makes the watch of a new configuration, in the parent.
pub fn prepare() {
    let watch = Watch::new();
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(watch));
}

/// Lets go of the parent's watch; children keep theirs.
pub fn release() {
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The watch that this process has inherited.
pub fn current() -> Option<Arc<Watch>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Watch {
    fn new() -> Self {
        let made = Journal::new().and_then(|journal| {
            let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            Ok((descriptor, journal))
        });
        let instance = match made {
            Ok(instance) => Some(instance),
            Err(e) => {
                log::main(
                    log::WARNING,
                    &format!(
                        "inotify is not to be had ({e}): edited files are found by polling; raise \
                         fs.inotify.max_user_instances to have them announced"
                    ),
                );
                None
            }
        };
        Self {
            polling: AtomicBool::new(instance.is_none()),
            instance,
            cursor: AtomicU64::new(0),
            watched: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether changes must be looked for, as the kernel does not tell of all of them.
    pub fn is_polling(&self) -> bool {
        self.polling.load(Ordering::Relaxed)
    }

    /// Takes in what has happened. With nothing new this is one system call and two atomic loads.
    pub fn poll(&self) {
        let Some((descriptor, journal)) = &self.instance else { return };
        // The order matters: whoever has taken the events out of the queue has first said that it drains.
        if rustix::io::ioctl_fionread(descriptor).is_ok_and(|waiting| waiting > 0) || journal.is_draining() {
            self.drain(descriptor, journal);
        }
        if journal.epoch() != self.cursor.load(Ordering::Acquire) {
            self.catch_up(journal);
        }
    }

    fn drain(&self, descriptor: &OwnedFd, journal: &Journal) {
        let Some(drain) = journal.drain() else { return };
        let mut buffer = [const { MaybeUninit::uninit() }; 16 * 1024];
        let mut reader = inotify::Reader::new(descriptor, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => post(&drain, &event),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }

    fn catch_up(&self, journal: &Journal) {
        let mut watched = self.lock();
        let mut tell_all = false;
        let cursor = journal.read(self.cursor.load(Ordering::Acquire), |event| match event {
            Event::Lost => tell_all = true,
            Event::Directory(watch) => tell_all |= watched.lose(watch),
            Event::Entry(watch, name) => tell_all |= watched.tell(watch, name),
        });
        let listeners: Vec<_> = if tell_all { watched.listeners.clone() } else { Vec::new() };
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.anything_changed();
        }
        // Only now: another thread must not see the new cursor before the listeners know.
        self.cursor.store(cursor, Ordering::Release);
    }

    /// Adds someone to tell when events were lost.
    pub fn add_listener(&self, listener: Weak<dyn Listener>) {
        self.lock().listeners.push(listener);
    }

    /// From now on `listener` hears when something happens to `path`. `top` is the search directory that the path lies under;
    /// the directories between are followed too, and the one that holds `top`. To be called before the file is read.
    pub fn follow(&self, path: &Path, top: &Path, listener: &Weak<dyn Listener>) {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return };
        let mut watched = self.lock();
        if let Some(watch) = self.watch_directory(&mut watched, directory, top) {
            let list = watched.interests.entry((watch, hash(name))).or_default();
            let known = list.iter().any(|i| matches!(i, Interest::File(p, l) if p == path && l.ptr_eq(listener)));
            if !known {
                list.push(Interest::File(path.to_owned(), listener.clone()));
            }
        }
    }

    /// From now on `listener` hears of `directory` when something happens to any entry in it; `top` is as for [`Self::follow`].
    /// Where the directory is not there yet, or goes, everything is to be compared when that changes, and then it must be
    /// followed again. To be called before the directory is read.
    #[allow(dead_code, reason = "the files that bodies read will be followed by it")]
    pub fn follow_all(&self, directory: &Path, top: &Path, listener: &Weak<dyn Listener>) {
        let mut watched = self.lock();
        if let Some(watch) = self.watch_directory(&mut watched, directory, top) {
            let list = watched.whole.entry(watch).or_default();
            if !list.iter().any(|w| w.directory == directory && w.listener.ptr_eq(listener)) {
                list.push(Whole { directory: directory.to_owned(), listener: listener.clone() });
            }
        }
    }

    fn watch_directory(&self, watched: &mut Watched, directory: &Path, top: &Path) -> Option<i32> {
        if let Some(watch) = watched.directories.get(directory) {
            return Some(*watch);
        }
        let (descriptor, _) = self.instance.as_ref()?;
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let watch = match inotify::add_watch(descriptor, directory, flags) {
            Ok(watch) => Some(watch),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(e) => {
                if !self.polling.swap(true, Ordering::Relaxed) {
                    log::main(
                        log::WARNING,
                        &format!(
                            "inotify cannot watch {} ({e}): edited files are found by polling; raise \
                             fs.inotify.max_user_watches to have them announced",
                            directory.display()
                        ),
                    );
                }
                None
            }
        };
        if let Some(watch) = watch {
            watched.directories.insert(directory.to_owned(), watch);
        }
        // The directory itself may be moved away, replaced or made: its parent tells.
        if (directory.starts_with(top) || watch.is_none())
            && let (Some(parent), Some(name)) = (directory.parent(), directory.file_name())
            && parent.parent().is_some()
            && let Some(above) = self.watch_directory(watched, parent, top)
        {
            let list = watched.interests.entry((above, hash(name))).or_default();
            if !list.iter().any(|i| matches!(i, Interest::Directory(p) if p == directory)) {
                list.push(Interest::Directory(directory.to_owned()));
            }
        }
        watch
    }
}

impl Watched {
    /// Tells those who follow the entry; whether everybody must be told.
    fn tell(&mut self, watch: i32, name: u64) -> bool {
        for whole in self.whole.get(&watch).into_iter().flatten() {
            if let Some(listener) = whole.listener.upgrade() {
                listener.changed(&whole.directory);
            }
        }
        let Some(interests) = self.interests.get(&(watch, name)) else { return false };
        let mut moved = Vec::new();
        for interest in interests {
            match interest {
                Interest::File(path, listener) => {
                    if let Some(listener) = listener.upgrade() {
                        listener.changed(path);
                    }
                }
                Interest::Directory(path) => moved.push(path.clone()),
            }
        }
        for path in &moved {
            self.directories.retain(|known, _| !known.starts_with(path));
        }
        !moved.is_empty()
    }

    /// A watch has ended or its directory has moved: what lies below is to be watched anew.
    fn lose(&mut self, watch: i32) -> bool {
        let lost: Vec<PathBuf> =
            self.directories.iter().filter(|(_, w)| **w == watch).map(|(path, _)| path.clone()).collect();
        for path in &lost {
            self.directories.retain(|known, _| !known.starts_with(path));
        }
        !lost.is_empty()
    }
}

fn post(drain: &Drain<'_>, event: &inotify::Event<'_>) {
    let kind = event.events();
    if kind.contains(ReadFlags::QUEUE_OVERFLOW) {
        log::main(
            log::WARNING,
            "the inotify queue overflowed: every managed file is compared again; raise fs.inotify.max_queued_events if this is frequent",
        );
        drain.post(Event::Lost);
    } else if kind.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
        drain.post(Event::Directory(event.wd()));
    } else if let Some(name) = event.file_name() {
        drain.post(Event::Entry(event.wd(), hash(OsStr::from_bytes(name.to_bytes()))));
    }
}

/// The same in every process of this build, which is all that the journal needs.
fn hash(name: &OsStr) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.as_bytes().hash(&mut hasher);
    hasher.finish()
}
