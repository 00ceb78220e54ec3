//! Where an application's modules are looked for, and the symbolic links on the way there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::symlinks::canonical;

/// A directory of the search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchDirectory {
    /// As it was configured, absolute.
    pub given: PathBuf,
    /// Canonical.
    pub path: PathBuf,
    /// Whether modules found there are managed.
    pub managed: bool,
}

impl SearchDirectory {
    /// A directory, as it lies now.
    pub fn new(given: &Path, managed: bool) -> Self {
        let given = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
        let path = canonical(&given);
        Self { given, path, managed }
    }
}

/// The search path of a generation, in order.
pub type Search = Arc<[SearchDirectory]>;

/// The search path as its links stand now. A directory whose link is being replaced at this moment stays where it was.
pub fn as_linked_now(search: &Search) -> Search {
    search
        .iter()
        .map(|directory| {
            let path = directory.given.canonicalize().unwrap_or_else(|_| directory.path.clone());
            SearchDirectory { path, ..directory.clone() }
        })
        .collect()
}

/// Where a path of one search path lies in another one.
pub fn moved(path: &Path, from: &Search, to: &Search) -> Option<PathBuf> {
    let pairs = from.iter().zip(to.iter()).filter(|(a, b)| a.path != b.path && path.starts_with(&a.path));
    let (from, to) = pairs.max_by_key(|(a, _)| a.path.as_os_str().len())?;
    Some(to.path.join(path.strip_prefix(&from.path).ok()?))
}

/// The search directory that a path lies under.
pub fn top<'a>(search: &'a Search, path: &Path) -> Option<&'a Path> {
    let above = search.iter().map(|directory| directory.path.as_path()).filter(|directory| path.starts_with(directory));
    above.max_by_key(|directory| directory.as_os_str().len())
}
