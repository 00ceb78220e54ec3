//! From a name to a file, with every path probed on the way: a file that appears there later changes the answer.

use std::path::{Path, PathBuf};

use super::pattern;

/// What stands behind a name in a list of directories.
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

/// The answer, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// What was found.
    pub found: Found,
    /// Paths whose appearance or disappearance would change the answer.
    pub probed: Vec<PathBuf>,
}

/// Where files are looked for: the real disk, or one on which archives are directories.
pub trait Disk {
    /// Whether there is a directory of this name.
    fn is_dir(&self, path: &Path) -> bool;
    /// Whether there is a regular file of this name.
    fn is_file(&self, path: &Path) -> bool;
    /// Whether there is anything of this name that is not a directory: a dangling link or a FIFO named `x.py` is an error to
    /// report, not a module to pass over.
    fn is_there(&self, path: &Path) -> bool;
}

/// The disk as it is.
pub struct RealDisk;

impl Disk for RealDisk {
    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_there(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|m| !m.is_dir())
    }
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
    for directory in directories {
        let package = directory.join(tail);
        let is_directory = disk.is_dir(&package);
        if is_directory {
            probed.push(package.clone());
            if let Some(path) = first_file(disk, &package, "__init__", extension_suffixes) {
                return Lookup { found: Found::Foreign(path), probed };
            }
            let init = package.join("__init__.py");
            let found = disk.is_there(&init);
            probed.push(init.clone());
            if found {
                return Lookup { found: Found::Package(init, package), probed };
            }
            let bytecode = package.join("__init__.pyc");
            if disk.is_file(&bytecode) {
                return Lookup { found: Found::Foreign(bytecode), probed };
            }
        } else {
            probed.push(package.clone());
        }
        if let Some(path) = first_file(disk, directory, tail, extension_suffixes) {
            return Lookup { found: Found::Foreign(path), probed };
        }
        let source = directory.join(format!("{tail}.py"));
        let found = disk.is_there(&source);
        probed.push(source.clone());
        if found {
            return Lookup { found: Found::Module(source), probed };
        }
        let bytecode = directory.join(format!("{tail}.pyc"));
        if disk.is_file(&bytecode) {
            return Lookup { found: Found::Foreign(bytecode), probed };
        }
        if is_directory {
            portions.push(package);
        }
    }
    let found = if portions.is_empty() { Found::Nothing } else { Found::Namespace(portions) };
    Lookup { found, probed }
}

/// Looks for one file that is named by itself.
pub fn file(path: PathBuf) -> Lookup {
    let found = if RealDisk.is_there(&path) { Found::Module(path.clone()) } else { Found::Nothing };
    Lookup { found, probed: vec![path] }
}

/// The first file `stem + suffix` in a directory.
fn first_file(disk: &impl Disk, directory: &Path, stem: &str, suffixes: &[String]) -> Option<PathBuf> {
    suffixes.iter().map(|suffix| directory.join(format!("{stem}{suffix}"))).find(|path| disk.is_file(path))
}

/// Whether `path` matches a pattern of `PythonReloadExclude`: `*`, `?` and `[...]` as in a shell, `*` also over slashes; a pattern
/// without a slash is compared with each part of the path.
pub fn matches(pattern: &str, path: &str) -> bool {
    if pattern.contains('/') {
        pattern::matches(pattern.as_bytes(), path.as_bytes())
    } else {
        path.split('/').any(|part| pattern::matches(pattern.as_bytes(), part.as_bytes()))
    }
}
