//! Where an application's modules are looked for, and the symbolic links on the way there.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// How many links are followed, as the kernel does.
const MOST_LINKS: usize = 40;

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

/// A path without links; as it is where it does not exist.
pub fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

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

/// The symbolic links that are followed on the way to a path, those among its ancestors included; last the part that is not
/// there, if there is one, as a link may be made in its place.
pub fn links(path: &Path) -> Vec<PathBuf> {
    trace(path).0
}

/// The same, and the path without links that they lead to, whether it is there or not.
pub fn trace(path: &Path) -> (Vec<PathBuf>, PathBuf) {
    let mut found = Vec::new();
    let mut at = PathBuf::new();
    let mut ahead: Vec<PathBuf> = path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect();
    while let Some(part) = ahead.pop() {
        match part.components().next() {
            Some(Component::ParentDir) => {
                at.pop();
                continue;
            }
            Some(Component::CurDir) => continue,
            _ => at.push(&part),
        }
        match at.read_link() {
            Ok(target) => {
                found.push(at.clone());
                if found.len() > MOST_LINKS {
                    break;
                }
                at.pop();
                ahead.extend(target.components().rev().map(|part| PathBuf::from(part.as_os_str())));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                found.push(at.clone());
                break;
            }
            Err(_) => {}
        }
    }
    at.extend(ahead.into_iter().rev());
    (found, at)
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
