//! The content hashes of data files.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::files::dependency::FileMark;
use crate::files::fingerprint::{Content, Hash, Stat};
use os::{Mutex, MutexGuard};

/// A file larger than this, in bytes, is compared by its stat instead of its content.
const LARGE: u64 = 16 << 20;

/// The content hashes of files, cached as long as the stat proves that the content is the same.
#[derive(Debug, Default)]
pub struct ContentHashes(Mutex<HashMap<PathBuf, (Stat, Hash)>>);

impl ContentHashes {
    /// The state of a file now.
    pub fn mark(&self, path: &Path) -> FileMark {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(e) if is_absence(&e) => return FileMark::Absent,
            Err(_) => return FileMark::Unreadable,
        };
        if !metadata.is_file() {
            return FileMark::There;
        }
        let now = Stat::of(&metadata);
        if metadata.len() > LARGE {
            return FileMark::Large(now.settled());
        }
        if let Some((stat, hash)) = self.lock().get(path)
            && stat.proves(&now)
        {
            return FileMark::Content(*hash);
        }
        match Content::read(path) {
            Ok(content) => {
                self.lock().insert(path.to_owned(), (content.stat, content.hash));
                FileMark::Content(content.hash)
            }
            Err(e) if is_absence(&e) => FileMark::Absent,
            Err(_) => FileMark::Unreadable,
        }
    }

    /// Drops files from the cache.
    pub fn forget(&self, files: &HashSet<PathBuf>) {
        self.lock().retain(|file, _| !files.contains(file));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stat, Hash)>> {
        self.0.lock()
    }
}

fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}
