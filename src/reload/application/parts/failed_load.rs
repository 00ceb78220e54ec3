//! What failed builds and loads rest on: when it changes, another try is worth while.

use crate::reload::application::parts::change::Resolved;
use reload_core::files::fingerprint::Hash;
use reload_core::files::read_set::ReadSet;
use reload_core::graph::Name;
use std::collections::HashSet;

/// What a build that came to nothing rests on beside its changes.
#[derive(Default)]
pub struct FailureInputs {
    /// What bodies have read, by module.
    pub reads: Vec<(Name, ReadSet)>,
    /// What names stand for in directories where the application does not look for them otherwise.
    pub names: Vec<(Name, Resolved)>,
}

/// A module that could not be loaded, while whoever asked for it went on without.
#[derive(Clone, Default)]
pub struct FailedLoad {
    /// The hash of its source, if that could be read.
    pub hash: Option<Hash>,
    /// What its body has read.
    pub reads: ReadSet,
    /// What it uses.
    pub uses: HashSet<Name>,
}
