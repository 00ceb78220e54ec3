//! What a build hands over to be served.

use crate::reload::application::parts::change::Resolved;
use crate::reload::application::parts::failed_load::FailedLoad;
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use reload_core::graph::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// A generation to publish, and what goes with it.
pub struct Publication {
    /// The generation.
    pub generation: Arc<Snapshot>,
    /// The modules that it does not share with its predecessor.
    pub renewed: Vec<Arc<Managed>>,
    /// Names that it does not have any more.
    pub gone: Vec<Name>,
    /// What names stand for from now on; none for names to resolve anew.
    pub known: HashMap<Name, Option<Resolved>>,
    /// The changes that it takes in.
    pub settled: Vec<Name>,
    /// Modules that could not be loaded.
    pub missed: Vec<(Name, FailedLoad)>,
}
