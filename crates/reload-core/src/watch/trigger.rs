//! The file of `PythonReloadTrigger`: when it is touched, every child loads all its modules again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::symlinks::with_canonical_parent;
use os::Mutex;

/// What a touch changes: device, inode, size and modification time. The time of the last change of attributes is left out, as a
/// touch can set it twice.
type TouchMark = (u64, u64, u64, i64, i64);

/// The trigger file, and how it was when this process looked last.
pub struct Trigger {
    /// Its path, in which only the last part may be a symbolic link.
    pub path: PathBuf,
    seen: Mutex<Option<TouchMark>>,
}

impl Trigger {
    /// The trigger file at this path. How it is now counts as seen.
    pub fn new(path: &Path) -> Self {
        let trigger = Self { path: with_canonical_parent(path), seen: Mutex::default() };
        trigger.is_touched();
        trigger
    }

    /// Whether the file is there and has changed since the last call.
    pub fn is_touched(&self) -> bool {
        let now = self.path.metadata().ok().as_ref().map(mark);
        let mut seen = self.seen.lock();
        let before = std::mem::replace(&mut *seen, now);
        now.is_some() && now != before
    }
}

fn mark(metadata: &Metadata) -> TouchMark {
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}
