//! What a stage has made so far, and what it has still to make.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pyo3::PyErr;

use crate::reload::application::parts::change::Resolved;
use crate::reload::application::parts::failed_load::FailedLoad;
use crate::reload::module::managed::Managed;
use reload_core::files::read_set::ReadSet;
use reload_core::graph::Name;

/// How an affected module is made anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StagePlan {
    /// Its body runs.
    Run,
    /// The package gets a copy of its namespace.
    Renew,
}

/// A module that the stage has made.
pub(super) enum Made {
    /// Its body runs.
    Running(Arc<Managed>),
    /// Its body has come to its end.
    Ready(Arc<Managed>),
}

impl Made {
    /// The module, in either case.
    pub fn record(&self) -> &Arc<Managed> {
        match self {
            Self::Running(record) | Self::Ready(record) => record,
        }
    }

    /// The module, if its body has come to its end.
    pub fn ready(&self) -> Option<&Arc<Managed>> {
        match self {
            Self::Ready(record) => Some(record),
            Self::Running(_) => None,
        }
    }

    /// The module, if its body has run in this stage.
    pub fn execution(&self) -> Option<&Arc<Managed>> {
        self.ready().filter(|record| record.copied_from.is_none())
    }
}

/// The modules of a stage. A name is in one of `plan`, `made` and `failed` at most.
#[derive(Default)]
pub(super) struct StagedModules {
    /// What is still to be made.
    pub plan: HashMap<Name, StagePlan>,
    /// What has been made.
    pub made: HashMap<Name, Made>,
    /// What could not be made, and why.
    pub failed: HashMap<Name, PyErr>,
    /// Those of the failed names that nothing managed stands behind any more.
    pub gone: HashSet<Name>,
    /// The modules that imported a failed one while a body ran: whether the body caught the failure decides about them.
    pub met: HashMap<Name, HashSet<Name>>,
    /// Submodules that were put into packages of the base.
    pub bound: Vec<(Arc<Managed>, Box<str>)>,
    /// What names stand for here, where that differs from the base.
    pub known: HashMap<Name, Resolved>,
    /// What the bodies that failed have read.
    pub attempts: Vec<(Name, ReadSet)>,
    /// What the failed modules were made of.
    pub missed: Vec<(Name, FailedLoad)>,
}

impl StagedModules {
    /// Whether a module has met the failure of another, or of a package above that.
    pub fn has_met(&self, user: &Name, name: &str) -> bool {
        let above = name.match_indices('.').map(|(at, _)| &name[..at]);
        above.chain([name]).any(|name| self.met.get(name).is_some_and(|users| users.contains(user)))
    }

    /// Drops the modules that imported a failed one through a cycle, and their dependents. Nothing needs them, otherwise
    /// `Stage::check` would have failed. Returns the dropped names.
    pub fn drop_spoiled(&mut self) -> Vec<Name> {
        let mut spoiled: HashSet<Name> = self.failed.keys().cloned().collect();
        let mut dropped = Vec::new();
        loop {
            let is_spoiled = |(name, made): &(&Name, &Made)| match made {
                Made::Running(_) => true,
                Made::Ready(record) => {
                    record.copied_from.is_none()
                        && record.uses().iter().any(|used| spoiled.contains(used) && !self.has_met(name, used))
                }
            };
            let more: Vec<Name> = self.made.iter().filter(is_spoiled).map(|(name, _)| name.clone()).collect();
            if more.is_empty() {
                return dropped;
            }
            for name in &more {
                self.made.remove(name);
            }
            spoiled.extend(more.iter().cloned());
            dropped.extend(more);
        }
    }
}
