//! What a name stands for, what is known of it, and how that has changed.

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

/// How long a file must have been empty to be taken as such.
const EMPTIED: Duration = Duration::from_millis(500);

/// What Python's import system has for a top-level name beside the managed directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nothing that matters.
    Nothing,
    /// Something unmanaged that comes first.
    Unmanaged,
    /// Source code under a root, as of a package that is installed in place.
    Managed(Origin),
    /// Whatever is found in these directories, which code of the application has put on `sys.path`.
    Beyond(Vec<PathBuf>),
}

/// What is known of a name, and what that rests on.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What was decided.
    pub resolution: Resolution,
    /// What was found in the directories.
    pub(in crate::reload) candidate: Found,
    /// Where it was looked for.
    pub(in crate::reload) directories: Vec<PathBuf>,
    /// Where it was looked for beside that, as it was not there.
    pub(in crate::reload) beyond: Option<PathAdditions>,
}

/// Directories that code has put on `sys.path`.
#[derive(Debug, Clone)]
pub struct PathAdditions {
    pub(in crate::reload) directories: Vec<PathBuf>,
    /// What was found in them.
    pub(in crate::reload) candidate: Found,
}

impl Resolved {
    /// The same decision where the search path lies elsewhere; whether it does for this name. What was found stays: it is no
    /// longer what is to be found.
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
pub struct Change {
    /// What the name stands for now; none when that must be resolved anew.
    pub known: Option<Resolved>,
    /// The new content, where it is a file that could be read, or why not.
    pub content: Option<Result<Content, Arc<io::Error>>>,
    /// That content, compiled.
    pub source: Option<Arc<Source>>,
    /// What the module has read is now, where that differs.
    pub data: Option<Hash>,
    /// What is found where the name is probably to be looked for now, if it is not known yet what it stands for.
    pub foretold: Option<Hash>,
    /// It is to run again even if its code is the same.
    pub is_asked: bool,
}

impl Change {
    /// A name that must be resolved anew.
    pub fn open(content: Option<Result<Content, Arc<io::Error>>>) -> Self {
        Self { known: None, content, source: None, data: None, foretold: None, is_asked: false }
    }

    /// The hash of the new content, if there is one, and of what the module has read.
    pub fn mark(&self) -> Option<Hash> {
        let content = self.content.as_ref().and_then(|c| c.as_ref().ok()).map(|content| content.hash);
        let hash = content.or(self.foretold)?;
        Some(self.data.map_or(hash, |data| fingerprint::hash_of(&format!("{hash:?} {data:?}"))))
    }

    /// The file, where it is known already what the name stands for.
    pub(in crate::reload) fn file(&self) -> Option<&PathBuf> {
        match &self.known.as_ref()?.resolution {
            Resolution::Managed(origin) => origin.file(),
            Resolution::Unmanaged => None,
        }
    }

    /// What the file was when it was read.
    pub(in crate::reload) fn stat(&self) -> Option<Stat> {
        self.content.as_ref()?.as_ref().ok().map(|content| content.stat)
    }

    /// Whether the file did not hold still while it was read.
    fn is_changing(&self) -> bool {
        let error = self.content.as_ref().and_then(|content| content.as_ref().err());
        error.is_some_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the file may have a writer that nothing tells of: it was changed a moment ago and found by looking at it; or it has
    /// become empty, and the truncation is not announced before it is complete.
    pub(in crate::reload) fn is_doubtful(&self, is_announced: bool) -> bool {
        let Some(Ok(content)) = &self.content else { return self.is_changing() };
        (!is_announced && content.stat.is_young())
            || (self.known.is_some() && content.bytes.is_empty() && content.stat.is_younger_than(EMPTIED))
    }

    /// What the module is to be made from, where it is known already what the name stands for.
    pub fn read(&self) -> Option<FileVersion> {
        let content = self.content.as_ref()?;
        Some(FileVersion::new(self.file()?, content.as_ref().ok().map(|content| content.hash)))
    }
}
