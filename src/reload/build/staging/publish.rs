//! The end of a stage: it is published in one step, or taken back.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::application::parts::change::Resolved;
use crate::reload::application::parts::failed_load::FailureInputs;
use crate::reload::application::parts::publication::Publication;
use crate::reload::application::registry;
use crate::reload::build::staging::stage::Stage;
use crate::reload::build::staging::staged_modules::StagedModules;
use crate::reload::import::execute;
use crate::reload::import::process::sys_modules;
use crate::reload::interrupt;
use crate::reload::module::managed::Managed;
use crate::reload::module::prefetch::{Prefetch, PrefetchMap};
use crate::reload::module::snapshot::Snapshot;
use reload_core::graph::Name;
use reload_core::graph::generation::ModuleMap;

/// What the new generation consists of.
struct NextModules {
    modules: ModuleMap<Managed>,
    /// Those that it does not share with its predecessor.
    renewed: HashMap<Name, Arc<Managed>>,
    /// Those that requests have added to its predecessor while it was built.
    late: Vec<Name>,
    /// Names that it does not have any more.
    gone: Vec<Name>,
}

impl NextModules {
    /// What ran, for the log.
    fn what_ran(&self) -> String {
        let ran = self.renewed.values().filter(|record| record.copied_from.is_none());
        let mut ran: Vec<&str> = ran.map(|record| &*record.name).collect();
        ran.sort_unstable();
        if ran.is_empty() { "nothing had to run".to_owned() } else { format!("ran {}", ran.join(", ")) }
    }

    /// The last parts of the names of a package's submodules.
    fn submodules_of(&self, package: &str) -> Vec<Box<str>> {
        let below = self.modules.keys().filter_map(|name| name.rsplit_once('.'));
        below.filter(|(above, _)| *above == package).map(|(_, tail)| tail.into()).collect()
    }
}

impl Stage {
    /// Makes this the current generation: the pointer, `sys.modules` and the packages' attributes. Returns what ran, for the log.
    pub(super) fn publish(&self, py: Python<'_>, prefetched: PrefetchMap) -> String {
        let mut table = std::mem::take(&mut *self.lock());
        let next = self.next_modules(py, &mut table);
        self.rebind_submodules(py, &next);
        if self.has_moved() {
            // An error only concerns code that walks over sys.path itself.
            let _ = registry::move_path(py, &self.application.kept.exclusions, &self.base.sources.search, &self.search);
        }
        let names = next.what_ran();
        self.application.kept.note_stale(&self.affected.kept);
        self.application.keep(next.renewed.values().flat_map(|record| record.keeps()));
        let executions = next.renewed.values().filter(|record| record.copied_from.is_none());
        let executions = executions.map(|record| (record.sequence, &record.life));
        let aftermath = self.effects.publish(&self.application.states, executions);
        self.application.publish(self.publication(next, &mut table, prefetched));
        aftermath.settle(py);
        names
    }

    /// What the new generation consists of. Names that it does not have any more leave `sys.modules`.
    fn next_modules(&self, py: Python<'_>, table: &mut StagedModules) -> NextModules {
        let spoiled = table.drop_spoiled();
        let made = table.made.drain();
        let renewed: HashMap<Name, Arc<Managed>> =
            made.filter_map(|(name, made)| made.ready().cloned().map(|record| (name, record))).collect();
        let current = self.application.current();
        let mut modules = current.modules();
        let runs = self.affected.run.iter().filter(|n| modules.contains_key(*n) && !renewed.contains_key(*n));
        let mut gone: Vec<Name> = runs.chain(&spoiled).cloned().collect();
        let since = if Arc::ptr_eq(&current, &self.base) { self.additions } else { 0 };
        let mut late = current.added_since(since);
        late.retain(|name| !self.loaded.has(name) && !renewed.contains_key(name));
        self.keep_late_that_stay(&modules, &mut late, &mut gone);
        for name in &gone {
            modules.remove_mut(name);
            // At worst an old entry stays in `sys.modules`.
            let _ = sys_modules::show(py, &self.application, name, None);
        }
        for (name, record) in &renewed {
            modules.insert_mut(name.clone(), record.clone());
        }
        NextModules { modules, renewed, late, gone }
    }

    /// Modules that requests have added to the base in the meantime come along, unless they use what has been replaced: those are
    /// moved from `late` to `gone`.
    fn keep_late_that_stay(&self, modules: &ModuleMap<Managed>, late: &mut Vec<Name>, gone: &mut Vec<Name>) {
        loop {
            let stays = |name: &Name| {
                modules.get(name).is_none_or(|module| {
                    gone.contains(name)
                        || self.application.keeps(module)
                        || (self.late(name).is_some()
                            && !module.uses().iter().any(|u| self.affected.run.contains(u) || gone.contains(u)))
                })
            };
            let stale: Vec<Name> = late.iter().filter(|name| !stays(name)).cloned().collect();
            if stale.is_empty() {
                return;
            }
            late.retain(|name| !stale.contains(name));
            gone.extend(stale);
        }
    }

    /// Puts the submodules of the new generation into their packages' namespaces. A namespace that refuses attributes does so for the
    /// body's own imports as well, so that failures say nothing new.
    fn rebind_submodules(&self, py: Python<'_>, next: &NextModules) {
        let modules = &next.modules;
        for name in next.late.iter().chain(next.renewed.keys()) {
            if let Some((package, _)) = name.rsplit_once('.')
                && let (Some(package), Some(child)) = (modules.get(package), modules.get(name))
            {
                let _ = execute::bind(py, package, child);
            }
        }
        for record in next.renewed.values().filter(|record| record.origin.is_package()) {
            let tails = match self.base.any(&record.name) {
                Some(before) => before.bound(),
                None => next.submodules_of(&record.name),
            };
            for tail in tails {
                if let Some(child) = modules.get(&*format!("{}.{tail}", record.name)) {
                    let _ = execute::bind(py, record, child);
                }
            }
        }
    }

    fn publication(&self, next: NextModules, table: &mut StagedModules, prefetched: PrefetchMap) -> Publication {
        let mut known: HashMap<Name, Option<Resolved>> =
            self.changes.iter().map(|(name, change)| (name.clone(), change.known.clone())).collect();
        known.extend(table.known.drain().map(|(name, known)| (name, Some(known))));
        let sources = Prefetch::new(self.search.clone(), prefetched);
        Publication {
            generation: Arc::new(Snapshot::new(self.number, next.modules, sources)),
            renewed: next.renewed.into_values().collect(),
            gone: next.gone,
            known,
            settled: self.changes.keys().cloned().collect(),
            missed: std::mem::take(&mut table.missed),
        }
    }

    /// Lets the code of a failed build undo what it did, within a time limit of its own.
    pub fn undo(self: &Arc<Self>, py: Python<'_>) {
        let _time = interrupt::limit(py, self.build.run.limit);
        let _seen = self.context().enter();
        self.effects.discard(py);
    }

    /// Takes back what the build did to packages of the base, `sys.modules` and the process. Returns what it has read and found.
    pub fn discard(&self, py: Python<'_>) -> FailureInputs {
        let mut table = std::mem::take(&mut *self.lock());
        for (package, tail) in table.bound.drain(..).rev() {
            package.forget_bound(&tail);
            // A request may have loaded it into the base meanwhile.
            let _ = match self.base.ready(&format!("{}.{tail}", package.name)) {
                Some(child) => execute::bind(py, &package, &child).map(drop),
                None => package.module.bind(py).delattr(&*tail),
            };
        }
        for name in table.made.keys().chain(self.vanished()) {
            // The base's module, or none, is what the name stood for.
            let before = self.base.ready(name);
            let _ = match &before {
                Some(module) => sys_modules::show(py, &self.application, name, Some(&module.exposed(py))),
                None => sys_modules::show(py, &self.application, name, None),
            };
        }
        self.process_state.restore(py);
        let mut reads = std::mem::take(&mut table.attempts);
        reads.extend(table.made.iter().map(|(name, made)| (name.clone(), made.record().reads())));
        reads.retain(|(_, reads)| !reads.is_empty());
        FailureInputs { reads, names: table.known.drain().collect() }
    }
}
