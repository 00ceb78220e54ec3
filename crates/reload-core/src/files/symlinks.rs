//! Symbolic links in a path: when one of them is replaced, the path leads elsewhere.

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};

/// How many links are followed, as the kernel does.
const MOST_LINKS: usize = 40;

/// The canonical path; the path itself if it does not exist.
pub fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The canonical directory, joined with the last part of the path, as the files of modules are named. The last part may be a link,
/// and need not exist.
pub fn with_canonical_parent(path: &Path) -> PathBuf {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    canonical_directory(directory).join(name)
}

/// The canonical directory; if it does not exist, the path without `.` and `..`.
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
    /// The links that are followed, in order, including those among the ancestors.
    pub links: Vec<PathBuf>,
    /// The first part that does not exist. A link may be created there.
    pub missing: Option<PathBuf>,
    /// The path without links that they lead to. It need not exist.
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

    /// The paths to watch while the path is in use: its links, and the part that does not exist.
    pub fn into_watched(self) -> Vec<PathBuf> {
        self.links.into_iter().chain(self.missing).collect()
    }
}

/// The links in a path, and then the path that they lead to; empty for a path without links.
pub fn hops(path: &Path) -> Vec<PathBuf> {
    let Trace { mut links, end, .. } = Trace::of(path);
    if !links.is_empty() {
        links.push(end);
    }
    links
}

/// The same for a path that is looked for below `top`: only if there are links below `top`, and with the part that does not exist.
/// `plain` are directories known to have none on the way to them; more of them are added.
pub fn links_below<'a>(top: &Path, path: &'a Path, plain: &mut HashSet<&'a Path>) -> Vec<PathBuf> {
    let is_link = |part: &&Path| part.symlink_metadata().is_ok_and(|m| m.is_symlink());
    let parts: Vec<&Path> = path.ancestors().take_while(|part| *part != top && !plain.contains(part)).collect();
    if !parts.iter().any(is_link) {
        plain.extend(parts);
        return Vec::new();
    }
    let trace = Trace::of(path);
    let end = trace.end.clone();
    trace.into_watched().into_iter().chain([end]).collect()
}
