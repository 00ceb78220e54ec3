//! The search path of an application, and the symbolic links in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::symlinks::canonical;

/// A directory of the search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchDirectory {
    /// The configured path, absolute.
    pub given: PathBuf,
    /// The canonical path.
    pub path: PathBuf,
    /// Whether modules found there are managed.
    pub managed: bool,
}

impl SearchDirectory {
    /// A directory, with its links as they are now.
    pub fn new(given: &Path, managed: bool) -> Self {
        let given = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
        let path = canonical(&given);
        Self { given, path, managed }
    }
}

/// The search path of a generation, in order.
///
/// ```text
/// given: /srv/current        a link to releases/7
/// path:  /srv/releases/7     what modules of the generation are found under, until one is published after the link is replaced
/// ```
pub type Search = Arc<[SearchDirectory]>;

/// The search path with its links as they are now. A directory whose link does not exist at this moment keeps its path.
pub fn as_linked_now(search: &Search) -> Search {
    search
        .iter()
        .map(|directory| {
            let path = directory.given.canonicalize().unwrap_or_else(|_| directory.path.clone());
            SearchDirectory { path, ..directory.clone() }
        })
        .collect()
}

/// The path in `to` that corresponds to a path in `from`; `None` if its directory has not moved.
pub fn moved(path: &Path, from: &Search, to: &Search) -> Option<PathBuf> {
    let pairs = from.iter().zip(to.iter()).filter(|(a, b)| a.path != b.path && path.starts_with(&a.path));
    let (from, to) = pairs.max_by_key(|(a, _)| a.path.as_os_str().len())?;
    Some(to.path.join(path.strip_prefix(&from.path).ok()?))
}

/// The innermost search directory that contains a path.
pub fn top<'a>(search: &'a Search, path: &Path) -> Option<&'a Path> {
    let above = search.iter().map(|directory| directory.path.as_path()).filter(|directory| path.starts_with(directory));
    above.max_by_key(|directory| directory.as_os_str().len())
}
