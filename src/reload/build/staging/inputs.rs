//! What a build begins with.

use std::collections::HashMap;
use std::sync::Arc;

use crate::reload::application::parts::change::{Change, Resolved};
use crate::reload::import::execute;
use crate::reload::module::snapshot::Snapshot;
use reload_core::graph::Name;

/// What a build takes in.
pub(in crate::reload) struct BuildInputs {
    /// The names that differ from what is served. They were found among the modules that had been begun before the horizon.
    pub changes: HashMap<Name, Change>,
    /// What stands for the same as before, but is found in other directories now.
    pub same: HashMap<Name, Resolved>,
    /// How far loading had come.
    pub horizon: LoadHorizon,
}

/// How far loading had come when a build began: what is loaded later is not compared with its file.
pub(in crate::reload) struct LoadHorizon {
    generation: Arc<Snapshot>,
    additions: usize,
    /// The sequence number of the first body that was begun later.
    pub(super) sequence: u64,
}

impl LoadHorizon {
    /// To be taken before anything is compared with this generation, which is the current one.
    pub fn of(generation: Arc<Snapshot>) -> Self {
        // In this order: what is begun later is added later.
        let additions = generation.additions();
        Self { generation, additions, sequence: execute::horizon() }
    }

    /// How many modules had been added to the base by then.
    pub(super) fn additions_to(&self, base: &Arc<Snapshot>) -> usize {
        if Arc::ptr_eq(&self.generation, base) { self.additions } else { 0 }
    }
}
