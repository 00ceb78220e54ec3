//! What changed on disk: one inotify instance for the whole server, or, where that cannot be had, polling.
//!
//! The parent makes the instance, children inherit it and add watches on directories (never on files: a watch on a file dies
//! with the editor's first atomic save). All children share the kernel's queue, so whoever starts a request and finds events
//! waiting moves them to the [`Journal`], where every child reads them.

pub mod filesystem;
pub mod interests;
pub mod journal;
pub mod poll_schedule;
pub mod settings;
pub mod trigger;
pub mod writers;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::watch::interests::{Interest, Interests, Wakeups, entry_of, hash};
use crate::watch::journal::{Event, EventKind, Journal, JournalDrain};
use crate::watch::settings::{WatchMode, Watching};
use crate::watch::trigger::Trigger;
use os::{Mutex, MutexGuard, fork, log};

pub use crate::watch::interests::Listener;

/// What a directory's watch reports.
const REPORTED: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// How much is read of the kernel's queue at once.
const BUFFER: usize = 16 * 1024;
/// More than any event takes: its head, and the longest name with the zeros behind it.
const LARGEST_EVENT: usize = 512;

/// Stands for all names of a directory where the journal asks for one.
const ANY_NAME: u64 = u64::MAX;

/// The watch of one configuration.
pub struct Watch {
    mode: WatchMode,
    /// `PythonReloadInterval`, if it is set.
    pub interval: Option<Duration>,
    descriptor: Option<OwnedFd>,
    journal: Option<Journal>,
    trigger: Option<Trigger>,
    cursor: AtomicU64,
    /// Every file must be looked at.
    polling: AtomicBool,
    /// The administrator has been told that not all changes are announced.
    has_fallen_back: AtomicBool,
    /// Files of some directories must be looked at.
    has_remote: AtomicBool,
    /// Some file has a writer.
    is_waiting: AtomicBool,
    watched: Mutex<Interests>,
}

static CURRENT: Mutex<Option<Arc<Watch>>> = Mutex::new(None);

/// Makes the watch of a new configuration, in the parent.
///
/// # Errors
/// A sentence, where the configuration asks for inotify and it cannot be had.
pub fn prepare(configured: &Watching) -> Result<(), String> {
    let watch = Watch::new(configured)?;
    *CURRENT.lock() = Some(Arc::new(watch));
    Ok(())
}

/// Lets go of the parent's watch; children keep theirs.
pub fn release() {
    *CURRENT.lock() = None;
}

/// The watch that this process has inherited.
pub fn current() -> Option<Arc<Watch>> {
    CURRENT.lock().clone()
}

impl Watch {
    fn new(configured: &Watching) -> Result<Self, String> {
        let journal = Journal::new().map_err(|e| {
            log::warning!("no shared memory for the journal of changes ({e}): every child polls");
        });
        let journal = journal.ok();
        let wants_inotify = configured.mode != WatchMode::Stat && journal.is_some();
        let made = wants_inotify.then(|| inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC));
        let advice = "raise fs.inotify.max_user_instances";
        let descriptor = match made {
            Some(Ok(descriptor)) => Some(descriptor),
            Some(Err(e)) if configured.mode == WatchMode::Inotify => {
                return Err(format!(
                    "PythonReloadWatch: inotify is not to be had ({e}): {advice}, or set PythonReloadWatch to auto or stat"
                ));
            }
            None if configured.mode == WatchMode::Inotify => {
                return Err("PythonReloadWatch: inotify needs shared memory, which is not to be had".to_owned());
            }
            Some(Err(e)) => {
                log::warning!(
                    "inotify is not to be had ({e}): edited files are found by polling; {advice} to have them announced"
                );
                None
            }
            None => None,
        };
        Ok(Self {
            mode: configured.mode,
            interval: configured.interval,
            polling: AtomicBool::new(descriptor.is_none()),
            descriptor,
            journal,
            trigger: configured.trigger.as_deref().map(Trigger::new),
            cursor: AtomicU64::new(0),
            has_fallen_back: AtomicBool::new(false),
            has_remote: AtomicBool::new(false),
            is_waiting: AtomicBool::new(false),
            watched: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Interests> {
        self.watched.lock()
    }

    /// Whether every file must be looked at, as the kernel does not tell of all changes.
    pub fn is_polling(&self) -> bool {
        self.polling.load(Ordering::Relaxed)
    }

    /// Whether some files must be looked at.
    pub fn has_unannounced(&self) -> bool {
        self.is_polling() || self.has_remote.load(Ordering::Relaxed)
    }

    /// Of these paths, those that must be looked at.
    pub fn unannounced<T>(&self, mut paths: Vec<T>, path_of: impl Fn(&T) -> &Path) -> Vec<T> {
        if !self.is_polling() {
            let watched = self.lock();
            paths.retain(|item| {
                let path = path_of(item);
                watched.remote.contains(path) || path.parent().is_some_and(|above| watched.remote.contains(above))
            });
        }
        paths
    }

    /// The kernel does not tell of everything from now on.
    fn fall_back(&self, reason: &str) {
        let polls = self.mode != WatchMode::Inotify;
        if !self.has_fallen_back.swap(true, Ordering::Relaxed) {
            let consequence = if polls { "edited files are found by polling" } else { "edits there are seen late" };
            log::warning!("{reason}: {consequence}");
        }
        self.polling.fetch_or(polls, Ordering::Relaxed);
    }

    /// Takes in what has happened. With nothing new this is one system call and three atomic loads.
    pub fn poll(&self) {
        let Some(journal) = &self.journal else { return };
        // A copy of the child would take the events away from it.
        if fork::is_copy() {
            return;
        }
        if let Some(descriptor) = &self.descriptor {
            // The order matters: whoever has taken the events out of the queue has first said that it drains.
            match rustix::io::ioctl_fionread(descriptor) {
                Ok(0) if !journal.is_draining() => {}
                Ok(_) => self.drain(descriptor, journal),
                Err(e) => self.fall_back(&format!("the inotify instance cannot be asked for its events ({e})")),
            }
        }
        if journal.epoch() != self.cursor.load(Ordering::Acquire) {
            self.catch_up(journal);
        }
    }

    fn drain(&self, descriptor: &OwnedFd, journal: &Journal) {
        let Some(drain) = journal.drain() else {
            self.fall_back("the lock of the journal of changes cannot be had any more");
            return;
        };
        if drain.is_inherited {
            log::info!("a child was ended while it took in changes: every managed file is compared again");
        }
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
        // No more than what is there now: a busy writer would keep this thread, and those that wait for it, for ever.
        let waiting = rustix::io::ioctl_fionread(descriptor).ok().and_then(|bytes| usize::try_from(bytes).ok());
        let mut reads = waiting.unwrap_or(0) / (BUFFER - LARGEST_EVENT) + 1;
        let mut reader = inotify::Reader::new(descriptor, &mut buffer);
        loop {
            if reader.is_buffer_empty() {
                if reads == 0 {
                    break;
                }
                reads -= 1;
            }
            match reader.next() {
                Ok(event) => post(&drain, descriptor, &event),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(e) => {
                    drain.post(Event::Lost);
                    self.fall_back(&format!("the inotify instance cannot be read ({e})"));
                    break;
                }
            }
        }
    }

    fn catch_up(&self, journal: &Journal) {
        let mut watched = self.lock();
        let mut told = Wakeups::default();
        let mut rebuilds = Vec::new();
        let cursor = journal.read(self.cursor.load(Ordering::Acquire), |event| match event {
            Event::Lost => told = Wakeups { everything: true, trigger: true },
            Event::Directory(watch) => told.everything |= watched.lose(watch),
            Event::Entry(entry, what) => {
                let Wakeups { everything, trigger } = watched.tell(entry, what);
                told.everything |= everything;
                told.trigger |= trigger;
            }
            Event::Rebuild(scope) => rebuilds.push(scope),
        });
        if (told.trigger || told.everything) && self.is_trigger_touched(&watched) {
            rebuilds.push(None);
        }
        for listener in watched.listeners.iter().filter_map(Weak::upgrade) {
            if told.everything {
                listener.anything_changed();
            }
            rebuilds.iter().for_each(|scope| listener.rebuild(*scope));
        }
        self.is_waiting.store(!watched.unfinished.is_empty(), Ordering::SeqCst);
        self.remove_abandoned(&mut watched);
        // Only now: another thread must not see the new cursor before the listeners know.
        self.cursor.store(cursor, Ordering::Release);
    }

    /// Ends watches that nothing in this child stands for. Another child that still needs one hears of its end, and adds it
    /// again.
    fn remove_abandoned(&self, watched: &mut Interests) {
        let Some(descriptor) = &self.descriptor else { return };
        for watch in std::mem::take(&mut watched.abandoned) {
            if !watched.directories.values().any(|w| *w == watch) {
                watched.unfinished.forget(watch);
                // Most have ended by themselves, with their directory.
                let _ = inotify::remove_watch(descriptor, watch);
            }
        }
    }

    /// Asks all children to load modules again: those of the name or package, or all.
    ///
    /// # Errors
    /// Where there is nothing that all children read.
    pub fn request_rebuild(&self, scope: Option<&str>) -> Result<(), &'static str> {
        let drain =
            self.journal.as_ref().and_then(Journal::drain).ok_or("there is no journal that all children read")?;
        drain.post(Event::Rebuild(scope.map(scope_hash)));
        Ok(())
    }

    /// Whether the trigger file was touched since the last time, and is complete.
    fn is_trigger_touched(&self, watched: &Interests) -> bool {
        self.trigger.as_ref().is_some_and(|trigger| !watched.has_writer(&trigger.path) && trigger.is_touched())
    }

    /// Looks at the trigger file, where nothing announces that it was touched.
    pub fn look_at_trigger(&self) {
        let watched = self.lock();
        if self.is_trigger_touched(&watched) {
            watched.listeners.iter().filter_map(Weak::upgrade).for_each(|listener| listener.rebuild(None));
        }
    }

    /// Follows the trigger file, in a child that begins.
    pub fn follow_trigger(&self) {
        let Some(trigger) = &self.trigger else { return };
        let mut watched = self.lock();
        if let Some(directory) = trigger.path.parent()
            && let Some(watch) = self.watch_directory(&mut watched, directory, directory)
        {
            self.add(&mut watched, watch, Interest::Trigger(trigger.path.clone()));
        }
        trigger.is_touched();
    }

    /// Adds someone to tell when events were lost.
    pub fn add_listener(&self, listener: Weak<dyn Listener>) {
        self.lock().listeners.push(listener);
    }

    /// Whether a file that the listener follows has a writer, so that what is read now may be half of a save.
    pub fn holds(&self, listener: &Weak<dyn Listener>) -> bool {
        self.writing_since(listener).is_some()
    }

    /// Since when such a file has had a writer.
    pub fn writing_since(&self, listener: &Weak<dyn Listener>) -> Option<Instant> {
        if !self.is_waiting.load(Ordering::SeqCst) {
            return None;
        }
        self.lock().writing_since(listener)
    }

    /// Whether this file has a writer.
    pub fn has_writer(&self, path: &Path) -> bool {
        self.is_waiting.load(Ordering::SeqCst) && self.lock().has_writer(path)
    }

    /// Ends the waiting for files whose writers have stopped writing without closing them, or never stop.
    pub fn expire_unfinished(&self) {
        if !self.is_waiting.load(Ordering::SeqCst) {
            return;
        }
        let mut watched = self.lock();
        let mut told = Wakeups::default();
        for entry in watched.unfinished.expire() {
            told.trigger |= watched.tell(entry, EventKind::Touched).trigger;
        }
        if told.trigger && self.is_trigger_touched(&watched) {
            watched.listeners.iter().filter_map(Weak::upgrade).for_each(|listener| listener.rebuild(None));
        }
        self.is_waiting.store(!watched.unfinished.is_empty(), Ordering::SeqCst);
    }

    /// From now on `listener` hears when something happens to `path`. `top` is the search directory that the path lies under;
    /// the directories between are followed too, and the one that holds `top`. To be called before the file is read.
    pub fn follow(&self, path: &Path, top: &Path, listener: &Weak<dyn Listener>) {
        let Some(directory) = path.parent() else { return };
        let mut watched = self.lock();
        if let Some(watch) = self.watch_directory(&mut watched, directory, top) {
            self.add(&mut watched, watch, Interest::File(path.to_owned(), listener.clone()));
        }
    }

    /// The listener does not follow these paths any more.
    pub fn unfollow(&self, paths: &HashSet<PathBuf>, listener: &Weak<dyn Listener>) {
        if !paths.is_empty() {
            self.lock().remove(paths, listener);
        }
    }

    /// From now on `listener` hears of `directory` when something happens to any entry in it; `top` is as for [`Self::follow`].
    /// Where the directory is not there yet, or goes, everything is to be compared when that changes, and then it must be
    /// followed again. To be called before the directory is read.
    pub fn follow_all(&self, directory: &Path, top: &Path, listener: &Weak<dyn Listener>) {
        let mut watched = self.lock();
        if let Some(watch) = self.watch_directory(&mut watched, directory, top) {
            watched.add_whole(watch, directory, listener);
            if let Some(journal) = &self.journal {
                journal.want(watch, ANY_NAME);
            }
        }
    }

    /// Watches again what another directory stands for now: one that was mounted over it, say. Nothing announces that.
    pub fn renew(&self) {
        let mut watched = self.lock();
        let before: Vec<(PathBuf, i32)> = watched.directories.iter().map(|(p, w)| (p.clone(), *w)).collect();
        let mut has_lost = false;
        for (path, watch) in before {
            if self.add_watch(&path) != Some(watch) {
                has_lost |= watched.lose(watch);
            }
        }
        if has_lost {
            watched.listeners.iter().filter_map(Weak::upgrade).for_each(|listener| listener.anything_changed());
            self.remove_abandoned(&mut watched);
        }
    }

    fn add(&self, watched: &mut Interests, watch: i32, interest: Interest) {
        if let (Some(entry), Some(journal)) = (watched.add(watch, interest), &self.journal) {
            journal.want(watch, entry.stem);
            journal.want(watch, entry.name);
        }
    }

    fn watch_directory(&self, watched: &mut Interests, directory: &Path, top: &Path) -> Option<i32> {
        if let Some(watch) = watched.directories.get(directory) {
            return Some(*watch);
        }
        let watch = self.add_watch(directory);
        if let Some(watch) = watch {
            watched.directories.insert(directory.to_owned(), watch);
        }
        if self.mode == WatchMode::Auto {
            self.look_at_file_system(watched, directory);
        }
        // The directory itself may be moved away, replaced or made: its parent tells.
        if (directory.starts_with(top) || watch.is_none())
            && let Some(parent) = directory.parent()
            && parent.parent().is_some()
            && let Some(above) = self.watch_directory(watched, parent, top)
        {
            self.add(watched, above, Interest::Directory(directory.to_owned()));
        }
        watch
    }

    fn add_watch(&self, directory: &Path) -> Option<i32> {
        match inotify::add_watch(self.descriptor.as_ref()?, directory, REPORTED) {
            Ok(watch) => Some(watch),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(e) => {
                self.fall_back(&format!(
                    "inotify cannot watch {} ({e}; if there is no room, raise fs.inotify.max_user_watches)",
                    directory.display()
                ));
                None
            }
        }
    }

    /// Remembers a directory whose file system does not announce all changes.
    fn look_at_file_system(&self, watched: &mut Interests, directory: &Path) {
        let Some(kind) = filesystem::unannounced(directory) else { return };
        if watched.remote.insert(directory.to_owned()) && !self.has_remote.swap(true, Ordering::Relaxed) {
            log::info!(
                "{} lies on {kind}, which does not announce all changes: its files, and others like them, are also looked at",
                directory.display()
            );
        }
    }
}

fn post(drain: &JournalDrain<'_>, descriptor: &OwnedFd, event: &inotify::Event<'_>) {
    let kind = event.events();
    let watch = event.wd();
    if kind.contains(ReadFlags::QUEUE_OVERFLOW) {
        log::warning!(
            "the inotify queue overflowed: every managed file is compared again; raise fs.inotify.max_queued_events if this is frequent"
        );
        drain.post(Event::Lost);
    } else if kind.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
        if kind.contains(ReadFlags::MOVE_SELF) {
            // The directory lives on under another name. Whoever follows that one adds a watch again.
            let _ = inotify::remove_watch(descriptor, watch);
        }
        drain.post(Event::Directory(watch));
    } else if let Some(name) = event.file_name() {
        let name = OsStr::from_bytes(name.to_bytes());
        let entry = entry_of(watch, name);
        let what = if kind.contains(ReadFlags::ISDIR) {
            EventKind::Touched
        } else if kind
            .intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO | ReadFlags::MOVED_FROM | ReadFlags::DELETE)
        {
            EventKind::Settled
        } else if kind.contains(ReadFlags::MODIFY) {
            EventKind::Written
        } else if kind.contains(ReadFlags::CREATE) {
            EventKind::Created
        } else {
            EventKind::Touched
        };
        // A source may be followed only after its writer has begun. Of other files, such as logs, writing is of no interest
        // unless somebody follows just them.
        let is_wanted = name.as_bytes().ends_with(b".py")
            || match what {
                EventKind::Written => drain.is_wanted(watch, entry.name),
                _ => drain.is_wanted(watch, entry.stem) || drain.is_wanted(watch, ANY_NAME),
            };
        if is_wanted {
            drain.post(Event::Entry(entry, what));
        }
    }
}

/// How a name or package is posted: as a hash.
pub fn scope_hash(scope: &str) -> u64 {
    hash(OsStr::new(scope))
}
