//! The file of `PythonReloadTrigger`: when it is touched, every child loads all its modules again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::symlinks::with_canonical_parent;
use os::Mutex;

/// What a touch changes. The time of the last change of attributes is left out: a touch can set it twice.
type TouchMark = (u64, u64, u64, i64, i64);

/// The trigger file, and how it was when this child looked last.
pub struct Trigger {
    /// Its path, through no symbolic links above the file itself.
    pub path: PathBuf,
    seen: Mutex<Option<TouchMark>>,
}

impl Trigger {
    /// A trigger file that is as it is now.
    pub fn new(path: &Path) -> Self {
        let trigger = Self { path: with_canonical_parent(path), seen: Mutex::default() };
        trigger.is_touched();
        trigger
    }

    /// Whether the file is there and not as it was the last time.
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
