//! What happened since the last comparison.

use std::collections::HashSet;
use std::path::PathBuf;

/// What is to be taken in.
#[derive(Default)]
pub struct PendingPaths {
    /// Paths to which something happened.
    pub paths: HashSet<PathBuf>,
    /// Paths that were found to differ, by looking at them.
    pub(in crate::reload) found: HashSet<PathBuf>,
    /// Anything may have happened.
    pub anything: bool,
    /// Modules to load again whether they have changed or not: the hash of a name or package, none for all.
    pub(in crate::reload) rebuilds: Vec<Option<u64>>,
    /// A build is asked for even if the last one failed for the same content.
    pub(in crate::reload) is_asked: bool,
}

impl PendingPaths {
    /// Puts back what could not be taken in.
    pub(in crate::reload) fn merge(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.found.extend(other.found);
        self.anything |= other.anything;
        self.rebuilds.extend(other.rebuilds);
        self.is_asked |= other.is_asked;
    }
}
