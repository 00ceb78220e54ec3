//! The generation that a build starts from, as it was before anything was compared with the disk.

use std::sync::Arc;

use crate::reload::Snapshot;
use crate::reload::application::Application;
use crate::reload::import::execute;
use crate::reload::module::Managed;
use reload_core::graph::generation::ModuleMap;
use reload_core::graph::{Facts, Name, Reading};

/// How far loading had come when a build began: what is loaded later is not compared with its file.
pub struct LoadHorizon {
    generation: Arc<Snapshot>,
    additions: usize,
    sequence: u64,
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

/// The base's modules whose bodies had begun before the horizon.
pub(super) struct BaseModules {
    modules: ModuleMap<Managed>,
    horizon: u64,
}

impl BaseModules {
    /// Those of this generation.
    pub fn of(base: &Snapshot, horizon: &LoadHorizon) -> Self {
        Self { modules: base.modules(), horizon: horizon.sequence }
    }

    /// A module by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Managed>> {
        self.modules.get(name).filter(|module| module.sequence < self.horizon)
    }

    /// Whether there is a module of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.modules.iter().filter(|(_, module)| module.sequence < self.horizon).map(|(name, _)| name)
    }
}

/// What the graph asks about the base's modules to find out what a change affects.
pub(super) struct BaseFacts<'a> {
    /// The modules.
    pub modules: &'a BaseModules,
    /// Their application.
    pub application: &'a Application,
}

impl Facts for BaseFacts<'_> {
    fn reading(&self, module: &str, package: &str, rest: &str) -> Reading {
        let Some(module) = self.modules.get(module) else { return Reading::Never };
        module.source.facts.reading(module.package(), package, rest, |name| self.modules.has(name))
    }

    fn is_loaded(&self, package: &str) -> bool {
        self.modules.has(package)
    }

    fn must_run_for(&self, package: &str, child: &str) -> bool {
        self.modules
            .get(package)
            .is_some_and(|m| m.source.facts.mentions(child) || m.source.facts.rebinds_globals() || m.is_replaced())
    }

    fn is_kept(&self, module: &str) -> bool {
        self.modules.get(module).is_some_and(|m| self.application.keeps(m))
    }
}
