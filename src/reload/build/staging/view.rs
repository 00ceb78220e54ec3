//! A stage as a [`View`]: what bodies see while a build runs them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::application::parts::change::{Change, Resolved};
use crate::reload::application::view::{ModuleSpec, View};
use crate::reload::build::staging::stage::Stage;
use crate::reload::import::bodies;
use crate::reload::module::effects::BuildEffects;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Resolution;
use crate::reload::module::prefetch::Prefetched;
use crate::reload::module::snapshot::Snapshot;
use reload_core::files::file_version::FileVersion;
use reload_core::files::fingerprint::Content;
use reload_core::graph::Name;
use reload_core::resolve::search_path::Search;

impl View for Stage {
    fn number(&self) -> u64 {
        self.number
    }

    fn search(&self) -> &Search {
        &self.search
    }

    fn is_published(&self) -> bool {
        false
    }

    fn published(self: Arc<Self>) -> Option<Arc<Snapshot>> {
        None
    }

    fn effects(&self) -> Option<&Arc<BuildEffects>> {
        Some(&self.effects)
    }

    /// A module of this stage, or one of the base that the changes do not affect.
    fn any(&self, name: &Name) -> Option<Arc<Managed>> {
        let table = self.lock();
        match table.made.get(name) {
            Some(made) => Some(made.record().clone()),
            None if table.plan.contains_key(name) || table.failed.contains_key(name) => None,
            None => {
                drop(table);
                let found = self.loaded.get(name).cloned().or_else(|| self.late(name))?;
                // An edit of it will run what this build makes of it again.
                if let Some(file) = found.origin.file() {
                    self.build.note_read(name, FileVersion::new(file, Some(found.source.hash())));
                }
                Some(found)
            }
        }
    }

    /// Waits for a module that a request loads into the base at this moment.
    fn ready(&self, py: Python<'_>, name: &Name) -> Option<Arc<Managed>> {
        let found = self.any(name);
        if found.is_some() || self.has_moved() || self.loaded.has(name) || self.base.any(name).is_none() {
            return found;
        }
        py.detach(|| self.base.wait_for(name, bodies::is_outside(), bodies::is_owner_outside));
        self.any(name)
    }

    fn obtain(&self, py: Python<'_>, _: &Arc<Application>, spec: &ModuleSpec<'_>) -> PyResult<Arc<Managed>> {
        self.make(py, spec.name, spec.origin)
    }

    /// What differs from the base.
    fn resolve_known(&self, name: &Name) -> Option<Resolution> {
        if let Some(known) = self.lock().known.get(name) {
            return Some(known.resolution.clone());
        }
        match self.changes.get(name) {
            Some(Change { known: Some(known), .. }) => Some(known.resolution.clone()),
            _ => None,
        }
    }

    /// Nothing, where something has appeared or disappeared at the places where the name is looked for.
    fn recall(&self, application: &Application, name: &Name, directories: Option<&[PathBuf]>) -> Option<Resolution> {
        if self.is_open(name) {
            return None;
        }
        let remembered = application.remembered(name, self.base_search(), directories);
        // What requests have found meanwhile is of the place that the stage leaves.
        remembered.filter(|found| !self.has_moved() || *found == Resolution::Unmanaged)
    }

    fn remember(&self, application: &Application, name: &Name, resolved: Resolved) {
        if self.is_open(name) || self.has_moved() || application.known(name).is_some() {
            self.lock().known.insert(name.clone(), resolved);
        } else {
            application.remember(name, resolved, &self.search, false);
        }
    }

    /// Nothing: what the base knew has been compared with the changes already.
    fn prefetched(&self, _: &Name) -> Option<Prefetched> {
        None
    }

    fn content(&self, name: &Name) -> Option<Result<Content, Arc<io::Error>>> {
        self.changes.get(name).and_then(|change| change.content.clone())
    }

    fn note_missing(&self, py: Python<'_>, name: &Name) {
        self.note_met(py, name);
    }

    /// A package of the base is given back what it had, if the build fails.
    fn note_bound(&self, package: &Arc<Managed>, tail: &str) {
        if self.base.any(&package.name).is_some_and(|m| Arc::ptr_eq(&m, package)) {
            self.lock().bound.push((package.clone(), tail.into()));
        }
    }
}

impl Stage {
    /// Whether the name must be resolved anew: something appeared or disappeared where it is looked for.
    fn is_open(&self, name: &Name) -> bool {
        self.changes.get(name).is_some_and(|change| change.known.is_none())
    }
}
