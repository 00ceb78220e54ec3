//! Changes reported since the last comparison.

use std::collections::HashSet;
use std::path::PathBuf;

/// What the next comparison must look at.
#[derive(Default)]
pub(in crate::reload) struct PendingPaths {
    /// Paths that were reported as changed.
    pub paths: HashSet<PathBuf>,
    /// Paths that a sweep found to differ.
    pub(in crate::reload) found: HashSet<PathBuf>,
    /// Reports were lost: everything must be looked at.
    pub anything: bool,
    /// Modules to load again even if they have not changed: the hash of a module or package name, `None` for all.
    pub(in crate::reload) rebuilds: Vec<Option<u64>>,
    /// A build is requested even if the last one failed for the same content.
    pub(in crate::reload) is_asked: bool,
}

impl PendingPaths {
    /// Adds what could not be compared.
    pub(in crate::reload) fn merge(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.found.extend(other.found);
        self.anything |= other.anything;
        self.rebuilds.extend(other.rebuilds);
        self.is_asked |= other.is_asked;
    }
}
