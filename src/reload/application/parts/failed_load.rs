//! The inputs of failed builds and loads: when one of them changes, a retry is worthwhile.

use crate::reload::application::parts::change::Resolved;
use reload_core::files::fingerprint::Hash;
use reload_core::files::read_set::ReadSet;
use reload_core::graph::Name;
use std::collections::HashSet;

/// Inputs of a failed build other than its changes.
#[derive(Default)]
pub(in crate::reload) struct FailureInputs {
    /// The files that bodies have read, by module.
    pub reads: Vec<(Name, ReadSet)>,
    /// Results of lookups in directories that only this build has searched.
    pub names: Vec<(Name, Resolved)>,
}

/// The inputs of a module that could not be loaded, while its importer caught the error.
#[derive(Clone, Default)]
pub(in crate::reload) struct FailedLoad {
    /// The hash of its source, if that could be read.
    pub hash: Option<Hash>,
    /// The files that its body has read.
    pub reads: ReadSet,
    /// The names that it uses.
    pub uses: HashSet<Name>,
}
