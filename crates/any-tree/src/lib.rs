//! Directories made from arbitrary bytes, and what must be true of a lookup in them.
//!
//! The fuzzer chooses the bytes; the tests of `reload-core` choose them at random.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use reload_core::resolve::{Disk, Found, RealDisk, candidates, lookup};

/// The suffixes of C extensions that are looked for.
const SUFFIXES: [&str; 2] = [".cpython-311-x86_64-linux-gnu.so", ".so"];

/// The end of the name of an entry that is looked for, and of some that look similar.
const ENDS: [&str; 14] = [
    "",
    "/__init__.py",
    "/__init__.pyc",
    "/__init__.so",
    "/__init__.cpython-311-x86_64-linux-gnu.so",
    "/inner.py",
    ".py",
    ".pyc",
    ".so",
    ".cpython-311-x86_64-linux-gnu.so",
    ".cpython-313-x86_64-linux-gnu.so",
    ".pyi",
    ".py~",
    "y.py",
];

/// Names that are looked for, with the odd ones that a program may be made to ask for.
const NAMES: [&str; 16] = [
    "x",
    "x",
    "x",
    "__init__",
    "xy",
    "\u{e9}",
    "",
    ".",
    "..",
    "a/x",
    "../outside/x",
    "./x",
    "/",
    "x/",
    "x\0y",
    "x\u{ff0e}py",
];

/// Bytes as a source of decisions; zero when they have run out.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

/// The disk, which notes what it is asked for.
struct Watched(std::cell::RefCell<Vec<PathBuf>>);

impl Watched {
    fn note(&self, path: &Path) {
        self.0.borrow_mut().push(path.to_owned());
    }
}

impl Disk for Watched {
    fn is_dir(&self, path: &Path) -> bool {
        self.note(path);
        RealDisk.is_dir(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.note(path);
        RealDisk.is_file(path)
    }

    fn is_there(&self, path: &Path) -> bool {
        self.note(path);
        RealDisk.is_there(path)
    }
}

/// An entry of a directory, whatever its name is: `Path::join` would take a slash at its beginning for another place.
fn entry(directory: &Path, tail: &str, end: &str) -> PathBuf {
    let mut path = directory.as_os_str().to_owned();
    path.push(format!("/{tail}{end}"));
    PathBuf::from(path)
}

/// Makes something of that name below `top`, if it can be made and nothing is there.
fn plant(top: &Path, path: &Path, kind: usize) {
    // Names that lead upwards may reach other places of the same tree, and nothing else.
    let climbs = path.components().filter(|part| *part == Component::ParentDir).count();
    if !path.starts_with(top) || climbs > 1 {
        return;
    }
    let Some(parent) = path.parent() else { return };
    let _ = fs::create_dir_all(parent);
    // What cannot be made is one of the things that a tree may not have.
    let _ = match kind {
        0..=3 => fs::OpenOptions::new().write(true).create_new(true).open(path).map(drop),
        4 | 5 => fs::create_dir(path),
        6 => symlink("nowhere", path),
        7 => symlink(path, path),
        8 => symlink(top.join("outside/file"), path),
        9 => symlink(top.join("outside"), path),
        _ => rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).map_err(Into::into),
    };
}

fn is_source(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b".py")
}

/// Whether Python's finder takes the file. Our own sources may be more: what is no directory is reported, not passed over.
fn counts(path: &Path) -> bool {
    if is_source(path) { fs::symlink_metadata(path).is_ok() && !path.is_dir() } else { path.is_file() }
}

/// What `importlib.machinery.PathFinder` finds, told by its own rules: it asks the listing of a directory for a name, so that a
/// name never leads out of it.
fn expected(directories: &[PathBuf], tail: &str) -> Found {
    let source = |file: PathBuf, package: Option<PathBuf>| match (is_source(&file), package) {
        (false, _) => Found::Foreign(file),
        (true, None) => Found::Module(file),
        (true, Some(directory)) => Found::Package(file, directory),
    };
    let endings = || SUFFIXES.into_iter().chain([".py", ".pyc"]);
    let mut portions = Vec::new();
    for directory in directories {
        let Ok(listing) = fs::read_dir(directory) else { continue };
        let listing: BTreeSet<OsString> = listing.flatten().map(|entry| entry.file_name()).collect();
        let base = directory.join(tail);
        let is_directory = listing.contains(&OsString::from(tail)) && base.is_dir();
        if is_directory {
            let inits = endings().map(|ending| base.join(format!("__init__{ending}")));
            if let Some(init) = inits.into_iter().find(|path| counts(path)) {
                return source(init, Some(base));
            }
        }
        for ending in endings() {
            let name = format!("{tail}{ending}");
            let path = directory.join(&name);
            if listing.contains(&OsString::from(name)) && counts(&path) {
                return source(path, None);
            }
        }
        if is_directory {
            portions.push(base);
        }
    }
    if portions.is_empty() { Found::Nothing } else { Found::Namespace(portions) }
}

/// The directory, whichever links lead to it, and the part of the name that events are told apart by.
fn mark(path: &Path) -> (PathBuf, Vec<u8>) {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let stem = name.split(|byte| *byte == b'.').next().filter(|stem| !stem.is_empty()).unwrap_or(name);
    let directory = path.parent().unwrap_or(path);
    (directory.canonicalize().unwrap_or_else(|_| directory.to_owned()), stem.to_owned())
}

/// Makes a tree, looks a name up in it, changes it and looks again.
pub fn check(data: &[u8]) {
    let mut choices = Choices(data);
    let root = tempfile::tempdir().expect("a temporary directory can be made");
    let top = root.path();
    fs::create_dir(top.join("outside")).expect("it is new");
    for file in ["file", "x.py"] {
        fs::write(top.join("outside").join(file), "").expect("its directory is there");
    }
    let absolute = top.join("outside/x").to_string_lossy().into_owned();
    let tail = if choices.below(20) == 19 { absolute.as_str() } else { choices.of(&NAMES) };
    let count = 1 + choices.below(4);
    let directories: Vec<PathBuf> = (0..count).map(|at| top.join(format!("d{}", choices.below(at + 1)))).collect();
    for directory in &directories {
        let kind = choices.below(16);
        plant(top, directory, if kind < 6 { 4 } else { kind });
        for _ in 0..choices.below(5) {
            plant(top, &entry(directory, tail, choices.of(&ENDS)), choices.below(11));
        }
    }
    let suffixes = SUFFIXES.map(str::to_owned);
    let look = || lookup(&RealDisk, directories.iter().map(PathBuf::as_path), tail, &suffixes);

    let disk = Watched(Vec::new().into());
    let answer = lookup(&disk, directories.iter().map(PathBuf::as_path), tail, &suffixes);
    assert_eq!(answer.found, expected(&directories, tail), "{tail:?} in {directories:?}");
    assert_eq!(look(), answer, "the same answer twice");

    let asked = disk.0.into_inner();
    let first: Vec<PathBuf> = candidates(&directories, tail).collect();
    for path in asked.iter().chain(&answer.probed).chain(&first) {
        let inside = directories.iter().filter_map(|directory| path.strip_prefix(directory).ok());
        let is_inside = |inner: &Path| {
            let parts: Vec<Component> = inner.components().collect();
            matches!(parts.len(), 1 | 2) && parts.iter().all(|part| matches!(part, Component::Normal(_)))
        };
        assert!(inside.into_iter().any(is_inside), "{tail:?} leads to {path:?}");
    }

    // One more entry comes, or one goes.
    let directory = choices.of(&directories);
    let target = entry(&directory, tail, choices.of(&ENDS));
    if matches!(tail, "" | "." | "..") || tail.contains('/') || fs::read_dir(&directory).is_err() {
        return;
    }
    let changed: Vec<PathBuf> = target.ancestors().take_while(|path| *path != directory).map(PathBuf::from).collect();
    let state = || changed.iter().map(|path| path.symlink_metadata().is_ok()).collect::<Vec<_>>();
    let before = state();
    let marks: Vec<_> = changed.iter().map(|path| mark(path)).collect();
    let followed: Vec<_> = answer.probed.iter().map(|path| mark(path)).collect();
    match target.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => drop(fs::remove_dir_all(&target)),
        Ok(_) => drop(fs::remove_file(&target)),
        Err(_) => plant(top, &target, choices.below(11)),
    }
    let after = state();
    let now = look();
    assert_eq!(now.found, expected(&directories, tail), "{tail:?} in {directories:?} after a change");
    let differs = |at: &usize| before[*at] != after[*at];
    let seen = (0..changed.len()).filter(differs).any(|at| followed.contains(&marks[at]));
    assert!(now.found == answer.found || seen, "{:?} became {:?} by {target:?} unseen", answer, now.found);
}
