//! What this process follows: directories by their watch descriptors, and which listeners follow which names in them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::watch::journal::{EventKind, JournalEntry};
use crate::watch::writers::Writers;

/// What is told of changes: an application. The interests are locked meanwhile, so that a listener only remembers what it is told
/// and must not call the watch.
pub trait Listener: Send + Sync {
    /// Something happened to this path.
    fn changed(&self, path: &Path);
    /// Anything may have happened: compare everything.
    fn anything_changed(&self);
    /// Load modules again even if nothing has changed: those of the name or package with this hash, or all.
    fn rebuild(&self, scope: Option<u64>);
}

/// A path that is followed.
pub enum Interest {
    /// A file, or whatever else has this path; and the listener to tell.
    File(PathBuf, Weak<dyn Listener>),
    /// A watched directory, which may be moved or replaced.
    Directory(PathBuf),
    /// The file of `PythonReloadTrigger`.
    Trigger(PathBuf),
}

impl Interest {
    fn path(&self) -> &Path {
        match self {
            Self::File(path, _) | Self::Directory(path) | Self::Trigger(path) => path,
        }
    }
}

/// A directory whose every entry a listener follows.
struct WholeDirectory {
    directory: PathBuf,
    listener: Weak<dyn Listener>,
}

/// What an event requires beyond telling the listeners that follow its entry.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wakeups {
    /// Tell all listeners that anything may have changed.
    pub everything: bool,
    /// Compare the trigger file.
    pub trigger: bool,
}

impl Wakeups {
    /// Adds what another event requires.
    pub fn add(&mut self, other: Self) {
        self.everything |= other.everything;
        self.trigger |= other.trigger;
    }
}

/// What this process follows.
///
/// After `watch.follow("/srv/app/shop.py", "/srv/app", listener)`, where the kernel has given `/srv/app` the watch descriptor 7
/// and `/srv` the descriptor 8:
///
/// ```text
/// directories   { "/srv/app": 7, "/srv": 8 }
/// interests     { (7, hash("shop")): [File("/srv/app/shop.py", listener)],
///                 (8, hash("app")):  [Directory("/srv/app")] }
/// ```
///
/// The key is the stem of the name, so that `shop.pyc` or a directory `shop`, which Python may take instead, is noticed as well.
#[derive(Default)]
pub struct Interests {
    /// `(path, watch)`: the watch descriptor of a directory. One descriptor may belong to several paths.
    pub directories: HashMap<PathBuf, i32>,
    /// `((watch, stem), interests)`: what is followed in a directory.
    interests: HashMap<(i32, u64), Vec<Interest>>,
    /// `(watch, directories)`: the listeners that follow every entry of a directory.
    whole: HashMap<i32, Vec<WholeDirectory>>,
    listeners: Vec<Weak<dyn Listener>>,
    /// Files that have a writer.
    pub unfinished: Writers,
    /// Directories whose file system does not announce all changes.
    pub remote: HashSet<PathBuf>,
    /// Watch descriptors that no path needs any more.
    pub abandoned: Vec<i32>,
}

impl Interests {
    /// Adds a listener, to be told when events were lost.
    pub fn add_listener(&mut self, listener: Weak<dyn Listener>) {
        self.listeners.push(listener);
    }

    /// The listeners that are still there.
    pub fn listeners(&self) -> impl Iterator<Item = Arc<dyn Listener>> + '_ {
        self.listeners.iter().filter_map(Weak::upgrade)
    }

    /// Adds an interest in a name of a directory. Returns the entry that its events have in the journal.
    pub fn add(&mut self, watch: i32, interest: Interest) -> Option<JournalEntry> {
        let entry = entry_of(watch, interest.path().file_name()?);
        let list = self.interests.entry((watch, entry.stem)).or_default();
        let is_known = list.iter().any(|other| match (other, &interest) {
            (Interest::File(p, l), Interest::File(path, listener)) => p == path && l.ptr_eq(listener),
            (Interest::Directory(p), Interest::Directory(path)) => p == path,
            (Interest::Trigger(p), Interest::Trigger(path)) => p == path,
            _ => false,
        });
        if !is_known {
            self.unfinished.follow(watch, entry.name, interest.path());
            list.push(interest);
        }
        Some(entry)
    }

    /// Adds an interest in all entries of a directory.
    pub fn add_whole(&mut self, watch: i32, directory: &Path, listener: &Weak<dyn Listener>) {
        let list = self.whole.entry(watch).or_default();
        if !list.iter().any(|w| w.directory == directory && w.listener.ptr_eq(listener)) {
            list.push(WholeDirectory { directory: directory.to_owned(), listener: listener.clone() });
        }
    }

    /// Removes a listener's interests in these paths.
    pub fn remove(&mut self, paths: &HashSet<PathBuf>, listener: &Weak<dyn Listener>) {
        self.interests.retain(|_, list| {
            list.retain(|i| !matches!(i, Interest::File(path, l) if l.ptr_eq(listener) && paths.contains(path)));
            !list.is_empty()
        });
        self.whole.retain(|_, list| {
            list.retain(|whole| !(whole.listener.ptr_eq(listener) && paths.contains(&whole.directory)));
            !list.is_empty()
        });
    }

    /// Tells the listeners that follow the entry. Returns what else the event requires.
    pub fn tell(&mut self, entry: JournalEntry, kind: EventKind) -> Wakeups {
        let interests = self.interests.get(&(entry.watch, entry.stem)).map(Vec::as_slice).unwrap_or_default();
        let exact = interests.iter().find(|i| i.path().file_name().is_some_and(|name| hash(name) == entry.name));
        self.unfinished.note(entry, kind, exact.map(Interest::path));
        // There is nothing to compare before the writer has closed the file.
        if kind == EventKind::Written {
            return Wakeups::default();
        }
        for whole in self.whole.get(&entry.watch).into_iter().flatten() {
            if let Some(listener) = whole.listener.upgrade() {
                listener.changed(&whole.directory);
            }
        }
        let mut wakeups = Wakeups::default();
        let mut moved = Vec::new();
        for interest in interests {
            match interest {
                Interest::File(path, listener) => {
                    if let Some(listener) = listener.upgrade() {
                        listener.changed(path);
                    }
                }
                Interest::Directory(path) => moved.push(path.clone()),
                Interest::Trigger(_) => wakeups.trigger = true,
            }
        }
        // Of the names that share the stem only the whole name means the directory.
        moved.retain(|path| path.file_name().is_some_and(|name| hash(name) == entry.name));
        for path in &moved {
            self.lose_below(path);
        }
        wakeups.everything = !moved.is_empty();
        wakeups
    }

    /// A watch has ended or its directory has moved: forgets what lies below, which has to be watched anew. Returns whether there
    /// was anything.
    pub fn lose(&mut self, watch: i32) -> bool {
        let lost: Vec<PathBuf> =
            self.directories.iter().filter(|(_, w)| **w == watch).map(|(path, _)| path.clone()).collect();
        for path in &lost {
            self.lose_below(path);
        }
        !lost.is_empty()
    }

    fn lose_below(&mut self, path: &Path) {
        let lost = self.directories.extract_if(|known, _| known.starts_with(path));
        self.abandoned.extend(lost.map(|(_, watch)| watch));
        self.interests.retain(|_, list| {
            list.retain(|i| !i.path().parent().is_some_and(|directory| directory.starts_with(path)));
            !list.is_empty()
        });
        self.whole.retain(|_, list| {
            list.retain(|whole| !whole.directory.starts_with(path));
            !list.is_empty()
        });
    }

    /// Since when a file that the listener follows has had a writer: the earliest time, if there are several files.
    pub fn writing_since(&self, listener: &Weak<dyn Listener>) -> Option<Instant> {
        let held = self.unfinished.entries().filter(|(entry, _)| {
            let interests = self.interests.get(&(entry.watch, entry.stem)).into_iter().flatten();
            interests.into_iter().any(|interest| {
                matches!(interest, Interest::File(path, l) if l.ptr_eq(listener) && self.is_unfinished(*entry, path))
            })
        });
        held.map(|(_, begun)| begun).min()
    }

    fn is_unfinished(&self, entry: JournalEntry, path: &Path) -> bool {
        path.file_name().is_some_and(|name| hash(name) == entry.name)
            && self.unfinished.contains(entry.watch, entry.name, path)
    }

    /// Whether this file has a writer.
    pub fn has_writer(&self, path: &Path) -> bool {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return false };
        self.directories.get(directory).is_some_and(|watch| self.unfinished.contains(*watch, hash(name), path))
    }
}

/// A name of a directory as the journal has it.
pub fn entry_of(watch: i32, name: &OsStr) -> JournalEntry {
    JournalEntry { watch, stem: hash(stem(name)), name: hash(name) }
}

/// The part of a name before its first dot: `x.py`, `x.pyc`, `x.cpython-311-x86_64-linux-gnu.so` and the directory `x` may each
/// take the place of another one. A name that begins with a dot is not divided.
fn stem(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    match memchr::memchr(b'.', bytes) {
        None | Some(0) => name,
        Some(dot) => OsStr::from_bytes(&bytes[..dot]),
    }
}

/// The hash of a name. It is the same in every process of this build, which is all that the journal needs.
pub fn hash(name: &OsStr) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.as_bytes().hash(&mut hasher);
    hasher.finish()
}
