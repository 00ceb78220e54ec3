//! Looking at what a module depends on besides modules: everything is followed before it is looked at.

use std::collections::HashSet;
use std::path::Path;

use super::application::Application;
use super::dependency::{self, Dependency, FileMark, Mark, Observer, Reads};
use super::fingerprint::Hash;
use super::graph::Name;
use super::module::{Managed, Origin};

/// What the failed attempts to run bodies have read, by module.
pub type Attempts = Vec<(Name, Reads)>;

/// A module that could not be loaded, while whoever asked for it went on without.
#[derive(Clone, Default)]
pub struct Missed {
    /// The hash of its source, if that could be read.
    pub hash: Option<Hash>,
    /// What its body has read.
    pub reads: Reads,
    /// What it uses.
    pub uses: HashSet<Name>,
}

impl Missed {
    /// What is known of a body that has begun, or of the file alone.
    pub fn new(application: &Application, begun: Option<&Managed>, origin: &Origin) -> Self {
        match begun {
            Some(record) => Self { hash: Some(record.source.hash()), reads: record.reads(), uses: record.uses() },
            None => {
                let content = origin.file().and_then(|file| application.read(file).ok());
                Self { hash: content.map(|c| c.hash), ..Self::default() }
            }
        }
    }
}

struct Looking<'a> {
    application: &'a Application,
    module: &'a Name,
}

impl Observer for Looking<'_> {
    fn directory(&mut self, directory: &Path) {
        for link in dependency::links(directory) {
            self.application.follow_file(self.module, &link);
        }
        self.application.follow_directory(self.module, directory);
    }

    fn file(&mut self, file: &Path, is_listed: bool) -> FileMark {
        if !is_listed || file.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            for path in dependency::links(file) {
                self.application.follow_file(self.module, &path);
            }
        }
        self.application.follow_file(self.module, file);
        self.application.hashes().mark(file)
    }
}

impl Application {
    /// What a dependency of the module is now. From now on the application hears when that may have changed.
    pub fn mark(&self, module: &Name, dependency: &Dependency) -> Mark {
        dependency.mark(&mut Looking { application: self, module })
    }

    /// What the module has read as it is now, in one hash, where anything is not as it was.
    pub fn other_data(&self, module: &Name, reads: &Reads) -> Option<Hash> {
        reads.differ(|dependency| self.mark(module, dependency))
    }

    /// Whether anything that the bodies of a failed build have read is not as it was.
    pub fn is_retried(&self, attempts: &Attempts) -> bool {
        attempts.iter().any(|(module, reads)| self.other_data(module, reads).is_some())
    }

    /// Whether the bodies of a build have read nothing but what these modules had read before.
    pub fn is_told(&self, modules: &HashSet<Name>, attempts: &Attempts) -> bool {
        let current = self.current();
        attempts.iter().all(|(module, reads)| {
            modules.contains(module) && current.any(module).is_some_and(|served| served.reads().covers(reads))
        })
    }

    /// Whether a path lies below a managed directory of the search path.
    pub fn manages(&self, path: &Path) -> bool {
        self.next_search().iter().any(|d| d.managed && path.starts_with(&d.path))
    }
}
