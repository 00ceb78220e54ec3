//! Comparing the files that a module has read. Each is watched before it is looked at.

use crate::reload::application::parts::change::Resolved;
use crate::reload::application::parts::failed_load::{FailedLoad, FailureInputs};
use crate::reload::application::parts::failure::Signature;
use crate::reload::application::state::Application;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use reload_core::files::dependency::{Dependency, FileMark, Mark, Observer};
use reload_core::files::fingerprint::Hash;
use reload_core::files::read_set::ReadSet;
use reload_core::files::symlinks;
use reload_core::graph::Name;
use std::collections::HashSet;
use std::path::Path;

struct FileObserver<'a> {
    application: &'a Application,
    module: &'a Name,
}

impl Observer for FileObserver<'_> {
    fn directory(&mut self, directory: &Path) {
        for link in symlinks::hops(directory) {
            self.application.follow_file(self.module, &link);
        }
        self.application.follow_directory(self.module, directory);
    }

    fn file(&mut self, file: &Path, is_listed: bool) -> FileMark {
        if !is_listed || file.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            for path in symlinks::hops(file) {
                self.application.follow_file(self.module, &path);
            }
        }
        self.application.follow_file(self.module, file);
        self.application.hashes().mark(file)
    }
}

impl Application {
    /// The inputs of a load that failed: those of the body, if it has begun, or the file alone.
    pub(in crate::reload) fn failed_load(&self, begun: Option<&Managed>, origin: &Origin) -> FailedLoad {
        match begun {
            Some(record) => FailedLoad { hash: Some(record.source.hash()), reads: record.reads(), uses: record.uses() },
            None => {
                let content = origin.file().and_then(|file| self.read(file).ok());
                FailedLoad { hash: content.map(|c| c.hash), ..FailedLoad::default() }
            }
        }
    }

    /// The state of a dependency of the module, which is watched from now on.
    pub(in crate::reload) fn mark(&self, module: &Name, dependency: &Dependency) -> Mark {
        dependency.mark(&mut FileObserver { application: self, module })
    }

    /// The hash of everything that the module has read, if any of it differs now.
    pub(in crate::reload) fn other_data(&self, module: &Name, reads: &ReadSet) -> Option<Hash> {
        reads.differ(|dependency| self.mark(module, dependency))
    }

    /// Whether an input of a failed build differs now, so that a retry is worthwhile.
    pub(in crate::reload) fn is_retried(&self, attempts: &FailureInputs) -> bool {
        attempts.reads.iter().any(|(module, reads)| self.other_data(module, reads).is_some())
            || attempts.names.iter().any(|(name, known)| self.is_other(name, known))
    }

    /// Whether a build has no inputs besides its changes and what these modules had read before.
    pub(in crate::reload) fn is_told(
        &self,
        changes: &Signature,
        modules: &HashSet<Name>,
        attempts: &FailureInputs,
    ) -> bool {
        let current = self.current();
        let is_told = |(module, reads): &(Name, ReadSet)| {
            modules.contains(module) && current.any(module).is_some_and(|served| served.reads().covers(reads))
        };
        let is_change = |(name, _): &(Name, Resolved)| changes.iter().any(|(changed, _)| changed == name);
        attempts.names.iter().all(is_change) && attempts.reads.iter().all(is_told)
    }

    /// Whether a path is below a managed directory of the search path.
    pub(in crate::reload) fn manages(&self, path: &Path) -> bool {
        self.next_search().iter().any(|d| d.managed && path.starts_with(&d.path))
    }
}
