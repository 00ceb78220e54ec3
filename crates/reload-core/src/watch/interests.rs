//! What this child follows: directories by their watch descriptors, and who wants to hear of which names in them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::Instant;

use crate::watch::journal::{EventKind, JournalEntry};
use crate::watch::writers::Writers;

/// Who wants to hear of changes.
pub trait Listener: Send + Sync {
    /// Something happened to this path.
    fn changed(&self, path: &Path);
    /// Anything may have happened: compare everything.
    fn anything_changed(&self);
    /// Modules are to be loaded again even if nothing has changed: those of the name or package with this hash, or all.
    fn rebuild(&self, scope: Option<u64>);
}

/// What somebody wants to hear of.
pub enum Interest {
    /// A path.
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

/// A directory whose every entry somebody follows.
struct WholeDirectory {
    directory: PathBuf,
    listener: Weak<dyn Listener>,
}

/// What an event asks for, beside what the listeners were told.
#[derive(Debug, Default, Clone, Copy)]
pub struct Wakeups {
    /// Everybody must compare everything.
    pub everything: bool,
    /// The trigger file must be looked at.
    pub trigger: bool,
}

/// What this child follows.
#[derive(Default)]
pub struct Interests {
    /// The watch descriptors of directories. One descriptor may stand for several paths.
    pub directories: HashMap<PathBuf, i32>,
    interests: HashMap<(i32, u64), Vec<Interest>>,
    whole: HashMap<i32, Vec<WholeDirectory>>,
    /// Who is told when events were lost.
    pub listeners: Vec<Weak<dyn Listener>>,
    /// Files that have a writer.
    pub unfinished: Writers,
    /// Directories whose file system does not announce all changes.
    pub remote: HashSet<PathBuf>,
    /// Watch descriptors that nothing here stands for any more.
    pub abandoned: Vec<i32>,
}

impl Interests {
    /// Adds an interest in a name of a directory; what it is stored under.
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

    /// Takes away what a listener wants to hear of these paths.
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

    /// Tells those who follow the entry.
    pub fn tell(&mut self, entry: JournalEntry, what: EventKind) -> Wakeups {
        let interests = self.interests.get(&(entry.watch, entry.stem)).map(Vec::as_slice).unwrap_or_default();
        let exact = interests.iter().find(|i| i.path().file_name().is_some_and(|name| hash(name) == entry.name));
        self.unfinished.note(entry, what, exact.map(Interest::path));
        // Nothing is to be compared before the writer has closed the file.
        if what == EventKind::Written {
            return Wakeups::default();
        }
        for whole in self.whole.get(&entry.watch).into_iter().flatten() {
            if let Some(listener) = whole.listener.upgrade() {
                listener.changed(&whole.directory);
            }
        }
        let mut told = Wakeups::default();
        let mut moved = Vec::new();
        for interest in interests {
            match interest {
                Interest::File(path, listener) => {
                    if let Some(listener) = listener.upgrade() {
                        listener.changed(path);
                    }
                }
                Interest::Directory(path) => moved.push(path.clone()),
                Interest::Trigger(_) => told.trigger = true,
            }
        }
        // Of the names that share the stem only the directory's own means it.
        moved.retain(|path| path.file_name().is_some_and(|name| hash(name) == entry.name));
        for path in &moved {
            self.lose_below(path);
        }
        told.everything = !moved.is_empty();
        told
    }

    /// A watch has ended or its directory has moved: what lies below is to be watched anew.
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

    /// Since when a file that the listener follows has had a writer: the first of them, if there are several.
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

/// How the journal knows a name of a directory.
pub fn entry_of(watch: i32, name: &OsStr) -> JournalEntry {
    JournalEntry { watch, stem: hash(stem(name)), name: hash(name) }
}

/// The part of a name before its first dot: `x.py`, `x.pyc`, `x.cpython-311-x86_64-linux-gnu.so` and the directory `x` may each
/// stand in another's place. A name that begins with a dot is not divided.
fn stem(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    match memchr::memchr(b'.', bytes) {
        None | Some(0) => name,
        Some(dot) => OsStr::from_bytes(&bytes[..dot]),
    }
}

/// The same in every process of this build, which is all that the journal needs.
pub fn hash(name: &OsStr) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.as_bytes().hash(&mut hasher);
    hasher.finish()
}
