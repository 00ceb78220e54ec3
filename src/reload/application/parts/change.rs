//! How a name was resolved, and how it differs from what is served.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::reload::module::origin::{Origin, Resolution};
use crate::reload::module::source::Source;
use reload_core::files::file_version::FileVersion;
use reload_core::files::fingerprint::{self, Content, Hash, Stat};
use reload_core::resolve::Found;
use reload_core::resolve::search_path::{self, Search};

/// An empty file is taken as complete after this time.
const EMPTIED: Duration = Duration::from_millis(500);

/// What Python's import system finds for a top-level name outside the managed directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::reload) enum Elsewhere {
    /// Nothing relevant.
    Nothing,
    /// An unmanaged module that comes first.
    Unmanaged,
    /// Source code under a root, as of a package that is installed in place.
    Managed(Origin),
    /// The name is looked up in these directories, which code of the application has put on `sys.path`.
    Beyond(Vec<PathBuf>),
}

/// The resolution of a name, and what it depends on.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What the name stands for.
    pub resolution: Resolution,
    /// What was found in the directories.
    pub(in crate::reload) candidate: Found,
    /// The directories that were searched.
    pub(in crate::reload) directories: Vec<PathBuf>,
    /// The directories that were searched after those, as it was not found.
    pub(in crate::reload) beyond: Option<PathAdditions>,
}

/// Directories that code has put on `sys.path`.
#[derive(Debug, Clone)]
pub(in crate::reload) struct PathAdditions {
    pub(in crate::reload) directories: Vec<PathBuf>,
    /// What was found in them.
    pub(in crate::reload) candidate: Found,
}

impl Resolved {
    /// Moves the directories to where another search path has them. Returns whether one has moved. `candidate` keeps the old
    /// paths, so that the name differs.
    pub(in crate::reload) fn move_to(&mut self, from: &Search, to: &Search) -> bool {
        let mut has_moved = false;
        for directory in &mut self.directories {
            if let Some(moved) = search_path::moved(directory, from, to) {
                *directory = moved;
                has_moved = true;
            }
        }
        has_moved
    }
}

/// A name whose file or resolution differs from the current generation's.
#[derive(Clone)]
pub(in crate::reload) struct Change {
    /// What the name stands for now; `None` if it must be resolved again.
    pub known: Option<Resolved>,
    /// The new content of the file, or why it cannot be read; `None` without a file.
    pub content: Option<Result<Content, Arc<io::Error>>>,
    /// That content, compiled.
    pub source: Option<Arc<Source>>,
    /// The hash of what the module has read, if that differs now.
    pub data: Option<Hash>,
    /// The hash of the file that the name will probably be resolved to, if it must be resolved again.
    pub foretold: Option<Hash>,
    /// It must run again even if its code is the same.
    pub is_asked: bool,
}

impl Change {
    /// A name that must be resolved again.
    pub(in crate::reload) fn open(content: Option<Result<Content, Arc<io::Error>>>) -> Self {
        Self { known: None, content, source: None, data: None, foretold: None, is_asked: false }
    }

    /// The hash of the new content and of what the module has read; `None` without content.
    pub(in crate::reload) fn mark(&self) -> Option<Hash> {
        let content = self.content.as_ref().and_then(|c| c.as_ref().ok()).map(|content| content.hash);
        let hash = content.or(self.foretold)?;
        Some(self.data.map_or(hash, |data| fingerprint::hash_of(&format!("{hash:?} {data:?}"))))
    }

    /// The file, if the name is resolved.
    pub(in crate::reload) fn file(&self) -> Option<&PathBuf> {
        match &self.known.as_ref()?.resolution {
            Resolution::Managed(origin) => origin.file(),
            Resolution::Unmanaged => None,
        }
    }

    /// The stat of the file when it was read.
    pub(in crate::reload) fn stat(&self) -> Option<Stat> {
        self.content.as_ref()?.as_ref().ok().map(|content| content.stat)
    }

    /// Whether the file kept changing while it was read.
    fn is_changing(&self) -> bool {
        let error = self.content.as_ref().and_then(|content| content.as_ref().err());
        error.is_some_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the file may have an unreported writer: it was found by looking at it just after a change, or it is empty, and
    /// inotify reports a truncation only after it is complete.
    pub(in crate::reload) fn is_doubtful(&self, is_announced: bool) -> bool {
        let Some(Ok(content)) = &self.content else { return self.is_changing() };
        (!is_announced && content.stat.is_young())
            || (self.known.is_some() && content.bytes.is_empty() && content.stat.is_younger_than(EMPTIED))
    }

    /// The file and hash that the module is to be made from, if the name is resolved.
    pub(in crate::reload) fn read(&self) -> Option<FileVersion> {
        let content = self.content.as_ref()?;
        Some(FileVersion::new(self.file()?, content.as_ref().ok().map(|content| content.hash)))
    }
}
