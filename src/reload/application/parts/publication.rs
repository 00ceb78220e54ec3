//! What a build publishes.

use crate::reload::application::parts::change::Resolved;
use crate::reload::application::parts::failed_load::FailedLoad;
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use reload_core::graph::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// A generation to publish, and what changes with it.
pub(in crate::reload) struct Publication {
    /// The generation.
    pub generation: Arc<Snapshot>,
    /// The modules that differ from those of the generation before.
    pub renewed: Vec<Arc<Managed>>,
    /// Names that it no longer has.
    pub gone: Vec<Name>,
    /// What names stand for from now on; `None` if the name must be resolved again.
    pub known: HashMap<Name, Option<Resolved>>,
    /// The changes that it contains.
    pub settled: Vec<Name>,
    /// Modules that could not be loaded.
    pub missed: Vec<(Name, FailedLoad)>,
}
