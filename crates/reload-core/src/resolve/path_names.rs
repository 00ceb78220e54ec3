//! Names of modules outside the search path, which are imported by the path of their file.
//!
//! The first part of such a name is a namespace package for the directory, so that every module below it has an ordinary dotted
//! name: unique, the same in every child, and usable in `sys.modules`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::files::fingerprint;
use crate::graph::Name;
use os::{Mutex, MutexGuard};

/// The prefix of names of directories.
const PREFIX: &str = "_mp_";

/// What a name stands for without a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathName {
    /// A directory.
    Directory(PathBuf),
    /// A file in it whose name is not that of a module.
    File(PathBuf),
}

/// The names that an application has given to paths.
///
/// ```
/// use reload_core::resolve::path_names::PathNames;
/// use std::path::Path;
///
/// let names = PathNames::default();
/// let (root, _) = names.name_directory(Path::new("/srv/tools"));
/// assert!(root.starts_with("_mp_"));
/// assert_eq!(names.as_written(&format!("{root}.report")), "report");
/// ```
#[derive(Debug, Default)]
pub struct PathNames(Mutex<HashMap<Name, PathName>>);

impl PathNames {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, PathName>> {
        self.0.lock()
    }

    fn give(&self, name: Name, root: PathName) -> (Name, bool) {
        let is_new = self.lock().insert(name.clone(), root).is_none();
        (name, is_new)
    }

    /// The name of a directory, and whether it is new.
    pub fn name_directory(&self, directory: &Path) -> (Name, bool) {
        self.give(directory_name(directory), PathName::Directory(directory.to_owned()))
    }

    /// The name of a file that lookup would not find: `page.inc`, or `a.py` where `a` is also a package. Returns also whether the
    /// name is new.
    pub fn name_file(&self, directory: &Path, file: &Path) -> (Name, bool) {
        let parent = directory_name(directory);
        let own = file.file_name().unwrap_or_default().to_string_lossy();
        let readable: String = own.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        self.give(Name::from(format!("{parent}.{readable}_{}", digest(file, 4))), PathName::File(file.to_owned()))
    }

    /// What a name stands for, if it was given here.
    pub fn get(&self, name: &str) -> Option<PathName> {
        if name.starts_with(PREFIX) { self.lock().get(name).cloned() } else { None }
    }

    /// The first part of a name, if it is the name of a directory.
    pub fn root_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        let first = name.split('.').next().filter(|first| first.starts_with(PREFIX))?;
        matches!(self.get(first), Some(PathName::Directory(_))).then_some(first)
    }

    /// A name without the name of its directory, as code that imports the file writes it.
    pub fn as_written(&self, name: &str) -> String {
        match (self.get(name), self.root_of(name)) {
            (Some(PathName::File(file)), _) => file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            (_, Some(root)) => name[root.len()..].trim_start_matches('.').to_owned(),
            _ => name.to_owned(),
        }
    }

    /// The directory that the first part of a name stands for.
    pub fn directory_of(&self, name: &str) -> Option<PathBuf> {
        match self.get(self.root_of(name)?) {
            Some(PathName::Directory(directory)) => Some(directory),
            _ => None,
        }
    }
}

fn directory_name(directory: &Path) -> Name {
    Name::from(format!("{PREFIX}{}", digest(directory, 8)))
}

/// The first bytes of a path's hash.
fn digest(path: &Path, bytes: usize) -> String {
    fingerprint::hash_of(&path.to_string_lossy()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}
