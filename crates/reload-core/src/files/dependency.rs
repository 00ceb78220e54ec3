//! What a module depends on besides other modules: the files and directories that its body reads or declares.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::files::fingerprint::{Hash, Stat};
use crate::files::pattern;

/// How many levels of directories are searched.
const DEPTH: usize = 64;

/// How many directory entries are visited for one dependency. A dependency on a whole disk would take forever.
const MOST: usize = 50_000;

/// Something on disk that a module depends on, by its absolute path.
///
/// ```text
/// open("/srv/menu.json")                File("/srv/menu.json")
/// os.listdir("/srv/pages")              Listing("/srv/pages")
/// glob.glob("/srv/pages/*.html")        Matches("/srv/pages/*.html")
/// depends_on("/srv/pages/**")           Contents("/srv/pages/**")
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// The content of a file.
    File(PathBuf),
    /// The names in a directory.
    Listing(PathBuf),
    /// The paths that match a pattern.
    Matches(PathBuf),
    /// The content of a file, of all files below a directory, or of all files that match a pattern.
    Contents(PathBuf),
}

/// The state of a file, for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMark {
    /// Its content.
    Content(Hash),
    /// The stat of a large file.
    Large(Stat),
    /// It exists, and is not a regular file or is only listed.
    There,
    /// It does not exist.
    Absent,
    /// It cannot be read.
    Unreadable,
}

/// The state of a dependency, for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The state of one file.
    One(FileMark),
    /// The states of several files, by path.
    Many(BTreeMap<PathBuf, FileMark>),
    /// Too many files: their changes are not noticed.
    TooMany,
}

/// Is told of each directory before it is listed, and looks at the files. An application follows paths here, so that no change is
/// missed between following and looking.
pub trait Observer {
    /// The directory is about to be listed, and files in it may be looked at.
    fn directory(&mut self, directory: &Path);
    /// The state of the file. `is_listed` if [`directory`](Observer::directory) was called for its directory.
    fn file(&mut self, file: &Path, is_listed: bool) -> FileMark;
    /// Whether one more directory entry may be visited.
    fn goes_on(&mut self) -> bool {
        true
    }
}

/// Counts directory entries without looking at files.
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
    /// Whether the dependency covers too many files to look at.
    pub fn is_too_large(&self) -> bool {
        let mut count = FileCount(0);
        self.look(&mut count);
        count.0 > MOST
    }

    /// The state now.
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

/// Whether a path is no pattern: it has no wildcards, or a file with exactly this name exists.
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

/// Calls `each` with all files below a directory. `seen` has the directories that were entered, as links may form cycles.
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
    // `**/**` matches the same paths as `**`, in more time.
    parts.dedup_by(|a, b| *a == "**" && *b == "**");
    if parts.is_empty() {
        // No part is a pattern: the dependency is on the existence of this path.
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
            // As in glob, `**` does not follow links to directories.
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

/// The names in a directory, except litter.
fn entries(directory: &Path) -> impl Iterator<Item = OsString> {
    let all = fs::read_dir(directory).into_iter().flatten();
    all.filter_map(|entry| Some(entry.ok()?.file_name())).filter(|name| !is_litter(name))
}

/// Whether a name is that of a hidden file, an editor's temporary file, a cache or a log. Such files change without meaning.
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
