//! A published generation as a [`View`]: what it lacks is loaded late, from the sources that it was made with.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::application::parts::change::Resolved;
use crate::reload::application::view::{ModuleSpec, View};
use crate::reload::import::load::load;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Resolution;
use crate::reload::module::prefetch::Prefetched;
use crate::reload::module::snapshot::Snapshot;
use reload_core::files::fingerprint::Content;
use reload_core::graph::Name;
use reload_core::resolve::search_path::Search;

impl View for Snapshot {
    fn number(&self) -> u64 {
        self.number
    }

    fn search(&self) -> &Search {
        &self.sources.search
    }

    fn is_published(&self) -> bool {
        true
    }

    fn published(self: Arc<Self>) -> Option<Arc<Snapshot>> {
        Some(self)
    }

    fn any(&self, name: &Name) -> Option<Arc<Managed>> {
        Self::any(self, name)
    }

    fn ready(&self, _: Python<'_>, name: &Name) -> Option<Arc<Managed>> {
        Self::ready(self, name)
    }

    fn obtain(&self, py: Python<'_>, application: &Arc<Application>, spec: &ModuleSpec<'_>) -> PyResult<Arc<Managed>> {
        load(py, application, self, spec)
    }

    fn resolve_known(&self, name: &Name) -> Option<Resolution> {
        self.sources.resolution(name)
    }

    fn recall(&self, application: &Application, name: &Name, directories: Option<&[PathBuf]>) -> Option<Resolution> {
        application.remembered(name, &self.sources.search, directories)
    }

    fn remember(&self, application: &Application, name: &Name, resolved: Resolved) {
        application.remember(name, resolved, &self.sources.search, application.is_current(self));
    }

    fn prefetched(&self, name: &Name) -> Option<Prefetched> {
        self.sources.get(name)
    }

    fn content(&self, _: &Name) -> Option<Result<Content, Arc<io::Error>>> {
        None
    }
}
