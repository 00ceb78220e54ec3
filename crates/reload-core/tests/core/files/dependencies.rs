//! What a module depends on besides modules.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use reload_core::files::content_hashes::ContentHashes;
use reload_core::files::dependency::{Dependency, FileMark, Mark, Observer, is_litter};
use reload_core::files::read_set::ReadSet;
use reload_core::files::symlinks::hops;

/// Remembers what was announced.
#[derive(Default)]
struct Eye {
    hashes: ContentHashes,
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Observer for Eye {
    fn directory(&mut self, directory: &Path) {
        self.directories.push(directory.to_owned());
    }

    fn file(&mut self, file: &Path, _: bool) -> FileMark {
        self.files.push(file.to_owned());
        self.hashes.mark(file)
    }
}

/// A directory with these files; a name that ends in a slash is a directory.
fn tree(files: &[&str]) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory is made");
    for file in files {
        write(root.path(), file, file);
    }
    root
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("the directory is made");
    fs::write(path, text).expect("the file is written");
}

/// The names, relative to the root, of what a dependency covers.
fn covered(root: &Path, dependency: &Dependency) -> Vec<String> {
    let Mark::Many(all) = dependency.mark(&mut Eye::default()) else { panic!("a mark of many") };
    all.keys().map(|p| p.strip_prefix(root).expect("below the root").display().to_string()).collect()
}

fn is_stale(reads: &ReadSet) -> bool {
    reads.differ(|dependency| dependency.mark(&mut Eye::default())).is_some()
}

fn read(dependencies: &[Dependency]) -> ReadSet {
    let mut reads = ReadSet::default();
    for dependency in dependencies {
        reads.add(dependency.clone(), dependency.mark(&mut Eye::default()));
    }
    reads
}

#[test]
fn patterns_cover_what_glob_finds() {
    let root = tree(&["a/1.txt", "a/2.txt", "a/3.html", "a/.4.txt", "a/b/5.txt", "a/b/c/6.txt", "d/7.txt"]);
    let root = root.path();
    for (pattern, expected) in [
        ("a/*.txt", vec!["a/1.txt", "a/2.txt"]),
        ("*/*.txt", vec!["a/1.txt", "a/2.txt", "d/7.txt"]),
        ("a/**/*.txt", vec!["a/1.txt", "a/2.txt", "a/b/5.txt", "a/b/c/6.txt"]),
        ("**/c/6.txt", vec!["a/b/c/6.txt"]),
        ("a/b/**", vec!["a/b/5.txt", "a/b/c", "a/b/c/6.txt"]),
        ("a/[12].txt", vec!["a/1.txt", "a/2.txt"]),
        ("a/1.txt", vec!["a/1.txt"]),
        ("nowhere/*.txt", vec![]),
        ("nowhere", vec![]),
    ] {
        assert_eq!(covered(root, &Dependency::Matches(root.join(pattern))), expected, "{pattern}");
    }
    // Of directories, the content is that of all files below.
    for (pattern, expected) in [
        ("a", vec!["a/1.txt", "a/2.txt", "a/3.html", "a/b/5.txt", "a/b/c/6.txt"]),
        ("a/*", vec!["a/1.txt", "a/2.txt", "a/3.html", "a/b/5.txt", "a/b/c/6.txt"]),
        ("a/1.txt", vec!["a/1.txt"]),
    ] {
        assert_eq!(covered(root, &Dependency::Contents(root.join(pattern))), expected, "{pattern}");
    }
    assert_eq!(covered(root, &Dependency::Listing(root.join("a"))), ["a/1.txt", "a/2.txt", "a/3.html", "a/b"]);
}

/// A file whose name looks like a pattern is that file.
#[test]
fn a_name_with_brackets() {
    let root = tree(&["data[1].txt", "data1.txt"]);
    let path = root.path().join("data[1].txt");
    assert_eq!(covered(root.path(), &Dependency::Contents(path)), ["data[1].txt"]);
}

/// Every directory that is listed is announced first, also one that is not there yet.
#[test]
fn directories_are_announced() {
    let root = tree(&["a/b/c/1.txt"]);
    for (dependency, expected) in [
        (Dependency::Contents(root.path().join("a")), vec!["a", "a/b", "a/b/c"]),
        (Dependency::Contents(root.path().join("a/*/x.txt")), vec!["a", "a/b"]),
        (Dependency::Matches(root.path().join("new/*.txt")), vec!["new"]),
        (Dependency::Listing(root.path().join("new")), vec!["new"]),
    ] {
        let mut eye = Eye::default();
        dependency.mark(&mut eye);
        let expected: Vec<PathBuf> = expected.iter().map(|d| root.path().join(d)).collect();
        assert_eq!(eye.directories, expected, "{dependency:?}");
    }
}

#[test]
fn content_decides() {
    let root = tree(&["a.txt", "d/b.txt"]);
    let [a, d, missing] = ["a.txt", "d", "missing.txt"].map(|name| root.path().join(name));
    let reads = read(&[
        Dependency::File(a.clone()),
        Dependency::File(missing),
        Dependency::Contents(d.clone()),
        Dependency::Listing(d),
    ]);
    assert!(!is_stale(&reads));
    write(root.path(), "a.txt", "a.txt");
    write(root.path(), "d/.b.txt.swp", "");
    assert!(!is_stale(&reads));
    for (file, text) in [("a.txt", "new"), ("missing.txt", ""), ("d/b.txt", "new"), ("d/c.txt", "")] {
        let before = fs::read(root.path().join(file)).ok();
        write(root.path(), file, text);
        assert!(is_stale(&reads), "{file}");
        match before {
            Some(bytes) => fs::write(root.path().join(file), bytes).expect("the file is written"),
            None => fs::remove_file(root.path().join(file)).expect("the file is removed"),
        }
        assert!(!is_stale(&reads), "{file} is as it was");
    }
}

/// What a module writes itself is no reason to run it again, whichever of reading and writing came first, and by whichever
/// path.
#[test]
fn own_files_do_not_count() {
    let root = tree(&["d/cache", "d/data"]);
    symlink("d", root.path().join("alias")).expect("a link");
    let file = Dependency::File(root.path().join("d/cache"));
    for writes_first in [false, true] {
        let mut reads = if writes_first { ReadSet::default() } else { read(std::slice::from_ref(&file)) };
        reads.add_written(&root.path().join("alias/cache"));
        assert!(!reads.is_new(&file));
        reads.add(
            Dependency::Listing(root.path().join("d")),
            Dependency::Listing(root.path().join("d")).mark(&mut Eye::default()),
        );
        write(root.path(), "d/cache", &format!("{writes_first}"));
        fs::remove_file(root.path().join("d/cache")).expect("the file is removed");
        assert!(!is_stale(&reads));
        write(root.path(), "d/other", "");
        assert!(is_stale(&reads));
        fs::remove_file(root.path().join("d/other")).expect("the file is removed");
        write(root.path(), "d/cache", "");
    }
}

/// Links that lead in circles have an end, and every link on the way to a file is known.
#[test]
fn symbolic_links() {
    let root = tree(&["real/deep/x.txt"]);
    let root = root.path().canonicalize().expect("it is there");
    symlink("..", root.join("real/deep/up")).expect("a link");
    symlink("real", root.join("one")).expect("a link");
    symlink("one/deep", root.join("two")).expect("a link");
    symlink("self", root.join("self")).expect("a link");
    assert_eq!(covered(&root, &Dependency::Contents(root.join("real"))), ["real/deep/x.txt"]);
    assert_eq!(hops(&root.join("two/x.txt")), [root.join("two"), root.join("one"), root.join("real/deep/x.txt")]);
    assert!(hops(&root.join("real/deep/x.txt")).is_empty());
    assert!(!hops(&root.join("self")).is_empty());
    assert_eq!(ContentHashes::default().mark(&root.join("self")), FileMark::Unreadable);
}

#[test]
fn litter() {
    for name in
        [".hidden", "x.py~", "#x#", "4913", "x.pyc", "__pycache__", "app.log", "app.log.1", "x.swp", "db-journal"]
    {
        assert!(is_litter(OsStr::new(name)), "{name}");
    }
    for name in ["x.py", "x.json", "logs", "login", "a.login", "tmp", "x.new", "~x"] {
        assert!(!is_litter(OsStr::new(name)), "{name}");
    }
}
