//! A file together with the content that it had when it was read.

use std::io;
use std::path::PathBuf;

use crate::files::fingerprint::{Content, Hash};

/// A file, and the hash of its content when it was read; `None` if it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// The file.
    pub path: PathBuf,
    /// The hash of what was read.
    pub hash: Option<Hash>,
}

impl FileVersion {
    /// The version of a file that has this hash.
    pub fn new(path: impl Into<PathBuf>, hash: Option<Hash>) -> Self {
        Self { path: path.into(), hash }
    }

    /// Whether the content differs now. Reads the file. A member of an archive never differs by itself: the archive is compared.
    pub fn has_changed(&self) -> bool {
        match Content::read(&self.path) {
            Ok(content) => Some(content.hash) != self.hash,
            Err(e) => e.kind() != io::ErrorKind::NotADirectory && self.hash.is_some(),
        }
    }
}
