//! Finding the file of a module, as Python's path finder does.
//!
//! Promises: a lookup returns every path that it has probed: if a file appears or disappears there, the result may change.
//!
//! Does not know: which names are managed, and what has been loaded.

pub mod exclusions;
pub mod path_names;
pub mod search_path;

use std::path::{Path, PathBuf};

use crate::files::pattern;

/// What a lookup found in a list of directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A package: its `__init__.py` and its directory.
    Package(PathBuf, PathBuf),
    /// A module's file.
    Module(PathBuf),
    /// A namespace package: directories without `__init__.py`.
    Namespace(Vec<PathBuf>),
    /// Something that Python's own import loads: a C extension, or bytecode without source.
    Foreign(PathBuf),
    /// Nothing.
    Nothing,
}

/// The result of a lookup, and the paths it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// What was found.
    pub found: Found,
    /// Paths whose appearance or disappearance may change the result. Each stands for all entries of its directory that share the
    /// name up to the first dot, as the watch reports those together.
    pub probed: Vec<PathBuf>,
}

/// The file system that is searched: the real one, or one in which archives are directories.
pub trait Disk {
    /// Whether a directory of this name exists.
    fn is_dir(&self, path: &Path) -> bool;
    /// Whether a regular file of this name exists.
    fn is_file(&self, path: &Path) -> bool;
    /// Whether anything of this name exists that is not a directory: a dangling link or a FIFO named `x.py` is an error to report,
    /// not a module to skip.
    fn is_there(&self, path: &Path) -> bool;
}

/// The real file system.
pub struct RealDisk;

impl Disk for RealDisk {
    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_there(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|m| !(m.is_dir() || m.is_symlink() && path.is_dir()))
    }
}

/// Whether a package of this name can be an entry of a directory. Programs import names that clients send, and a name with slashes
/// must not lead out of the search path.
fn can_be_entry(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('/')
}

/// The paths to probe first for `tail` in these directories.
pub fn candidates<'a>(directories: &'a [PathBuf], tail: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
    let directories = if tail.contains('/') { &[] } else { directories };
    let package = move |directory: &Path| can_be_entry(tail).then(|| directory.join(tail));
    directories.iter().flat_map(move |d| package(d).into_iter().chain([d.join(format!("{tail}.py"))]))
}

/// Looks for `tail`, the last part of a dotted name, as Python's path finder does: in each directory a package, a C extension,
/// a source file, bytecode; and, if none of the directories has one of them, a namespace package.
pub fn lookup<'a>(
    disk: &impl Disk,
    directories: impl IntoIterator<Item = &'a Path>,
    tail: &str,
    extension_suffixes: &[String],
) -> Lookup {
    let mut probed = Vec::new();
    let mut portions = Vec::new();
    if tail.contains('/') {
        return Lookup { found: Found::Nothing, probed };
    }
    for directory in directories {
        let package = can_be_entry(tail).then(|| directory.join(tail));
        probed.extend(package.clone());
        let package = package.filter(|package| disk.is_dir(package));
        if let Some(package) = &package {
            let init = package.join("__init__.py");
            probed.push(init.clone());
            if let Some(path) = first_file(disk, package, "__init__", extension_suffixes) {
                return Lookup { found: Found::Foreign(path), probed };
            }
            if disk.is_there(&init) {
                return Lookup { found: Found::Package(init, package.clone()), probed };
            }
            let bytecode = package.join("__init__.pyc");
            if disk.is_file(&bytecode) {
                return Lookup { found: Found::Foreign(bytecode), probed };
            }
        }
        let source = directory.join(format!("{tail}.py"));
        probed.push(source.clone());
        if let Some(path) = first_file(disk, directory, tail, extension_suffixes) {
            return Lookup { found: Found::Foreign(path), probed };
        }
        if disk.is_there(&source) {
            return Lookup { found: Found::Module(source), probed };
        }
        let bytecode = directory.join(format!("{tail}.pyc"));
        if disk.is_file(&bytecode) {
            return Lookup { found: Found::Foreign(bytecode), probed };
        }
        portions.extend(package);
    }
    let found = if portions.is_empty() { Found::Nothing } else { Found::Namespace(portions) };
    Lookup { found, probed }
}

/// Looks for one file by its path.
pub fn file(path: PathBuf) -> Lookup {
    let found = if RealDisk.is_there(&path) { Found::Module(path.clone()) } else { Found::Nothing };
    Lookup { found, probed: vec![path] }
}

/// The first file `stem + suffix` in a directory.
fn first_file(disk: &impl Disk, directory: &Path, stem: &str, suffixes: &[String]) -> Option<PathBuf> {
    suffixes.iter().map(|suffix| directory.join(format!("{stem}{suffix}"))).find(|path| disk.is_file(path))
}

/// Whether `path` matches a pattern of `PythonReloadExclude`: shell wildcards, where `*` also matches
/// slashes; a pattern without a slash is compared with each part of the path.
pub fn matches(pattern: &str, path: &str) -> bool {
    if pattern.contains('/') {
        pattern::matches(pattern.as_bytes(), path.as_bytes())
    } else {
        path.split('/').any(|part| pattern::matches(pattern.as_bytes(), part.as_bytes()))
    }
}
