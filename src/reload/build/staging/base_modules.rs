//! The generation that a build starts from, as it was before anything was compared with the disk.

use std::sync::Arc;

use crate::reload::application::Application;
use crate::reload::build::staging::inputs::LoadHorizon;
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use reload_core::graph::generation::ModuleMap;
use reload_core::graph::{Facts, Name, Reading};

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
