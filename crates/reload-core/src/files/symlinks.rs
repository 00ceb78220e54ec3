//! Symbolic links on the way to a path: a path means something else when one of them is turned.

use std::io;
use std::path::{Component, Path, PathBuf};

/// How many links are followed, as the kernel does.
const MOST_LINKS: usize = 40;

/// A path without links; as it is where it does not exist.
pub fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The path with its directory in the one spelling that has no links, as modules name their files. The last part may be a link,
/// or may not exist.
pub fn with_canonical_parent(path: &Path) -> PathBuf {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    canonical_directory(directory).join(name)
}

/// A directory without links; without `.` and `..` where it does not exist.
pub fn canonical_directory(directory: &Path) -> PathBuf {
    directory.canonicalize().unwrap_or_else(|_| {
        let mut clean = PathBuf::new();
        for part in directory.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => drop(clean.pop()),
                part => clean.push(part),
            }
        }
        clean
    })
}

/// How a path is resolved: `/srv/current/app.py`, where `current` leads to `releases/7`, has the link `/srv/current` and ends at
/// `/srv/releases/7/app.py`.
pub struct Trace {
    /// The links that are followed, those among the ancestors included, in that order.
    pub links: Vec<PathBuf>,
    /// The first part that does not exist. A link may be made in its place.
    pub missing: Option<PathBuf>,
    /// The path without links that they lead to, whether it exists or not.
    pub end: PathBuf,
}

impl Trace {
    /// Follows the links of a path, as they are now.
    pub fn of(path: &Path) -> Self {
        let (mut links, mut missing, mut at) = (Vec::new(), None, PathBuf::new());
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
                    links.push(at.clone());
                    if links.len() > MOST_LINKS {
                        break;
                    }
                    at.pop();
                    ahead.extend(target.components().rev().map(|part| PathBuf::from(part.as_os_str())));
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    missing = Some(at.clone());
                    break;
                }
                Err(_) => {}
            }
        }
        at.extend(ahead.into_iter().rev());
        Self { links, missing, end: at }
    }

    /// The paths to follow for a path that is looked for: its links, and the part that does not exist.
    pub fn into_watched(self) -> Vec<PathBuf> {
        self.links.into_iter().chain(self.missing).collect()
    }
}

/// The links on the way to a path, and last where it leads; nothing for a path without links.
pub fn hops(path: &Path) -> Vec<PathBuf> {
    let Trace { mut links, end, .. } = Trace::of(path);
    if !links.is_empty() {
        links.push(end);
    }
    links
}
