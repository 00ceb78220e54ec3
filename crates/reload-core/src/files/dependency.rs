//! What a module depends on besides other modules: files and directories that its body has read, and what it declares.
//!
//! Knows nothing of Python or httpd.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::files::fingerprint::{self, Content, Hash, Stat};
use crate::files::{pattern, symlinks};
use os::{Mutex, MutexGuard};

/// Of files larger than this the stat counts, not the content.
const LARGE: u64 = 16 << 20;

/// How deep a directory is looked through.
const DEPTH: usize = 64;

/// How many entries of directories are looked at for one dependency. Whoever names a whole disk would never get an answer.
const MOST: usize = 50_000;

/// Something on disk, by its absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// The content of a file.
    File(PathBuf),
    /// The names in a directory.
    Listing(PathBuf),
    /// The paths that match a pattern.
    Matches(PathBuf),
    /// The content of a file, of all files below a directory, or of all that matches a pattern.
    Contents(PathBuf),
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMark {
    /// Its content.
    Content(Hash),
    /// The stat of a large one.
    Large(Stat),
    /// It is there.
    There,
    /// It is not there.
    Absent,
    /// It cannot be read.
    Unreadable,
}

/// What a dependency was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// One file.
    One(FileMark),
    /// Several, by their paths.
    Many(BTreeMap<PathBuf, FileMark>),
    /// Too many to look at: what becomes of them is not seen.
    TooMany,
}

/// Hears of everything that is going to be looked at, and looks at files.
pub trait Observer {
    /// The directory is going to be listed, and files in it may be looked at.
    fn directory(&mut self, directory: &Path);
    /// What the file is. `is_listed` tells that its directory was announced.
    fn file(&mut self, file: &Path, is_listed: bool) -> FileMark;
    /// Whether one more entry of a directory may be looked at.
    fn goes_on(&mut self) -> bool {
        true
    }
}

/// Counts entries, and looks at nothing.
struct FileCount(usize);

impl Observer for FileCount {
    fn directory(&mut self, _directory: &Path) {}

    fn file(&mut self, _file: &Path, _is_listed: bool) -> FileMark {
        FileMark::There
    }

    fn goes_on(&mut self) -> bool {
        self.0 += 1;
        self.0 <= MOST
    }
}

impl Dependency {
    /// Whether it stands for so many files that it is not looked at.
    pub fn is_too_large(&self) -> bool {
        let mut count = FileCount(0);
        self.look(&mut count);
        count.0 > MOST
    }

    /// What it is now.
    pub fn mark(&self, observer: &mut impl Observer) -> Mark {
        let is_one = matches!(self, Self::File(_));
        if !is_one && self.is_too_large() { Mark::TooMany } else { self.look(observer) }
    }

    fn look(&self, observer: &mut impl Observer) -> Mark {
        let mut all = BTreeMap::new();
        match self {
            Self::File(path) => return Mark::One(observer.file(path, false)),
            Self::Listing(directory) => {
                observer.directory(directory);
                let names = entries(directory).take_while(|_| observer.goes_on());
                all.extend(names.map(|name| (directory.join(name), FileMark::There)));
            }
            Self::Matches(pattern) => expand(pattern, observer, &mut |path, _| {
                all.insert(path.to_owned(), FileMark::There);
            }),
            Self::Contents(path) if is_literal(path) => contents(path, false, observer, &mut all),
            Self::Contents(pattern) => expand(pattern, observer, &mut |path, observer| {
                contents(path, true, observer, &mut all);
            }),
        }
        Mark::Many(all)
    }
}

/// Whether a path that looks like a pattern is one.
fn is_literal(path: &Path) -> bool {
    !pattern::is_pattern(path.as_os_str().as_bytes()) || path.symlink_metadata().is_ok()
}

fn contents(path: &Path, is_listed: bool, observer: &mut impl Observer, all: &mut BTreeMap<PathBuf, FileMark>) {
    if !path.is_dir() {
        all.insert(path.to_owned(), observer.file(path, is_listed));
        return;
    }
    let mut seen = HashSet::new();
    below(path, observer, &mut seen, DEPTH, &mut |file, observer| {
        all.insert(file.to_owned(), observer.file(file, true));
    });
}

/// Calls `each` with all files below a directory. `seen` are the directories that were entered: links may lead in circles.
fn below<O: Observer>(
    directory: &Path,
    observer: &mut O,
    seen: &mut HashSet<(u64, u64)>,
    depth: usize,
    each: &mut impl FnMut(&Path, &mut O),
) {
    observer.directory(directory);
    let is_new = fs::metadata(directory).is_ok_and(|m| seen.insert((m.dev(), m.ino())));
    if !is_new || depth == 0 {
        return;
    }
    for name in entries(directory) {
        if !observer.goes_on() {
            return;
        }
        let path = directory.join(name);
        if path.is_dir() {
            below(&path, observer, seen, depth - 1, each);
        } else {
            each(&path, observer);
        }
    }
}

/// Calls `each` with the paths that match the pattern.
fn expand<O: Observer>(pattern: &Path, observer: &mut O, each: &mut impl FnMut(&Path, &mut O)) {
    let mut base = PathBuf::new();
    let mut parts = pattern.components().peekable();
    while let Some(part) = parts.next_if(|part| !pattern::is_pattern(part.as_os_str().as_bytes())) {
        base.push(part);
    }
    let mut parts: Vec<&OsStr> = parts.map(Component::as_os_str).collect();
    // Any number of directories, twice, is any number of them.
    parts.dedup_by(|a, b| *a == "**" && *b == "**");
    if parts.is_empty() {
        // No pattern after all: it is about this path being there.
        if observer.file(&base, false) != FileMark::Absent {
            each(&base, observer);
        }
        return;
    }
    matching(&base, &parts, observer, DEPTH, each);
}

fn matching<O: Observer>(
    base: &Path,
    parts: &[&OsStr],
    observer: &mut O,
    depth: usize,
    each: &mut impl FnMut(&Path, &mut O),
) {
    let Some((part, rest)) = parts.split_first() else {
        if base.symlink_metadata().is_ok() {
            each(base, observer);
        }
        return;
    };
    observer.directory(base);
    if depth == 0 {
        return;
    }
    if *part == "**" {
        if !rest.is_empty() {
            matching(base, rest, observer, depth, each);
        }
        for name in entries(base) {
            if !observer.goes_on() {
                return;
            }
            let path = base.join(name);
            if rest.is_empty() {
                each(&path, observer);
            }
            // As glob does, links to directories are not followed any number of times.
            if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
                matching(&path, parts, observer, depth - 1, each);
            }
        }
    } else if pattern::is_pattern(part.as_bytes()) {
        for name in entries(base).filter(|name| pattern::matches(part.as_bytes(), name.as_bytes())) {
            if !observer.goes_on() {
                return;
            }
            matching(&base.join(name), rest, observer, depth, each);
        }
    } else {
        matching(&base.join(part), rest, observer, depth, each);
    }
}

/// The names in a directory that count.
fn entries(directory: &Path) -> impl Iterator<Item = OsString> {
    let all = fs::read_dir(directory).into_iter().flatten();
    all.filter_map(|entry| Some(entry.ok()?.file_name())).filter(|name| !is_litter(name))
}

/// Whether a name is that of a hidden file, or of what editors, caches and logs leave: it comes and goes without meaning.
pub fn is_litter(name: &OsStr) -> bool {
    const ENDS: [&[u8]; 13] = [
        b"~",
        b".pyc",
        b".pyo",
        b".swp",
        b".swo",
        b".tmp",
        b".temp",
        b".bak",
        b".orig",
        b".log",
        b"-journal",
        b"-wal",
        b"-shm",
    ];
    let name = name.as_bytes();
    name.starts_with(b".")
        || name == b"__pycache__"
        || name == b"4913"
        || (name.starts_with(b"#") && name.ends_with(b"#"))
        || ENDS.iter().any(|end| name.ends_with(end))
        || name.windows(5).any(|part| part == b".log.")
}

/// The content hashes of files, kept as long as their stat proves that they hold.
#[derive(Debug, Default)]
pub struct ContentHashes(Mutex<HashMap<PathBuf, (Stat, Hash)>>);

impl ContentHashes {
    /// What a file is now.
    pub fn mark(&self, path: &Path) -> FileMark {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(e) if is_absence(&e) => return FileMark::Absent,
            Err(_) => return FileMark::Unreadable,
        };
        if !metadata.is_file() {
            return FileMark::There;
        }
        let now = Stat::of(&metadata);
        if metadata.len() > LARGE {
            return FileMark::Large(now.settled());
        }
        if let Some((stat, hash)) = self.lock().get(path)
            && stat.proves(&now)
        {
            return FileMark::Content(*hash);
        }
        match Content::read(path) {
            Ok(content) => {
                self.lock().insert(path.to_owned(), (content.stat, content.hash));
                FileMark::Content(content.hash)
            }
            Err(e) if is_absence(&e) => FileMark::Absent,
            Err(_) => FileMark::Unreadable,
        }
    }

    /// Forgets files.
    pub fn forget(&self, files: &HashSet<PathBuf>) {
        self.lock().retain(|file, _| !files.contains(file));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stat, Hash)>> {
        self.0.lock()
    }
}

fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// What one execution of a module has read, and what it was then.
#[derive(Debug, Clone, Default)]
pub struct ReadSet {
    marks: HashMap<Dependency, Arc<Mark>>,
    written: HashSet<PathBuf>,
}

impl ReadSet {
    /// Whether this must still be looked at: what was read first counts, and what the module writes itself does not.
    pub fn is_new(&self, dependency: &Dependency) -> bool {
        let is_own = matches!(dependency, Dependency::File(path) if self.is_written(path));
        !is_own && !self.marks.contains_key(dependency)
    }

    /// Remembers what a dependency was.
    pub fn add(&mut self, dependency: Dependency, mark: Mark) {
        if self.is_new(&dependency) {
            self.marks.insert(dependency, Arc::new(mark));
        }
    }

    /// Remembers that the module itself writes, moves or removes a file: a cache of its own is no reason to run again.
    pub fn add_written(&mut self, path: &Path) {
        let place = symlinks::with_canonical_parent(path);
        self.marks.retain(|dependency, _| match dependency {
            Dependency::File(file) => {
                file != path && (file.file_name() != path.file_name() || symlinks::with_canonical_parent(file) != place)
            }
            _ => true,
        });
        self.written.insert(place);
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Whether another execution of the module has read nothing more than this one.
    pub fn covers(&self, other: &Self) -> bool {
        other.marks.keys().all(|dependency| self.marks.contains_key(dependency))
    }

    /// Whether this execution has read what a comparison has found of the one before it: nothing new and, in one hash, the same.
    pub fn is_as_found(&self, before: &Self, found: Option<Hash>) -> bool {
        let read = |dependency: &Dependency| self.marks.get(dependency).map_or(Mark::TooMany, |mark| (**mark).clone());
        before.covers(self) && before.differ(read) == found
    }

    /// What everything is now, in one hash, if anything is not as it was.
    pub fn differ(&self, mut look: impl FnMut(&Dependency) -> Mark) -> Option<Hash> {
        let now: BTreeMap<&Dependency, Mark> =
            self.marks.keys().map(|dependency| (dependency, self.without_own(look(dependency)))).collect();
        let is_same = |(dependency, before): (&Dependency, &Arc<Mark>)| {
            now.get(dependency).is_some_and(|now| *now == self.without_own((**before).clone()))
        };
        (!self.marks.iter().all(is_same)).then(|| fingerprint::hash_of(&format!("{now:?}")))
    }

    /// The mark without the files that the module writes itself.
    fn without_own(&self, mut mark: Mark) -> Mark {
        if let Mark::Many(all) = &mut mark
            && !self.written.is_empty()
        {
            all.retain(|path, _| !self.is_written(path));
        }
        mark
    }

    fn is_written(&self, path: &Path) -> bool {
        !self.written.is_empty()
            && (self.written.contains(path) || self.written.contains(&symlinks::with_canonical_parent(path)))
    }
}
