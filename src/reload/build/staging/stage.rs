//! A generation under construction. Only the thread that builds sees it, until it is published whole or discarded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::application::parts::change::Change;
use crate::reload::application::view::Context;
use crate::reload::build::Build;
use crate::reload::build::staging::base_modules::{BaseFacts, BaseModules};
use crate::reload::build::staging::inputs::BuildInputs;
use crate::reload::build::staging::staged_modules::{StagePlan, StagedModules};
use crate::reload::import::bodies;
use crate::reload::import::caller::nearest_managed;
use crate::reload::import::process::process_state::ProcessState;
use crate::reload::module::effects::BuildEffects;
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use os::{Mutex, MutexGuard};
use reload_core::files::file_version::FileVersion;
use reload_core::graph::{Affected, Name};
use reload_core::resolve::search_path::Search;

/// A generation under construction: what the changes affect is made anew, all else is taken from the base.
///
/// ```text
/// let stage = Arc::new(Stage::new(py, application, &inputs, build)?);
/// stage.run(py, &stage.order())?;                 // or: stage.undo(py); stage.discard(py)
/// stage.check(py)?;
/// let prefetched = stage.look_ahead(py)?;
/// stage.publish(py, prefetched);
/// ```
pub(in crate::reload) struct Stage {
    pub(super) application: Arc<Application>,
    pub(super) build: Arc<Build>,
    /// The generation that was the current one when the build began.
    pub(super) base: Arc<Snapshot>,
    pub(super) number: u64,
    pub(super) search: Search,
    pub(super) loaded: BaseModules,
    /// How many modules had been added to the base at the horizon.
    pub(super) additions: usize,
    pub(super) changes: HashMap<Name, Change>,
    pub(super) affected: Affected,
    /// What bodies may change in the process, as it was before.
    pub(super) process_state: ProcessState,
    /// Submodules that get new objects, by their package.
    pub(super) children: HashMap<Name, Vec<Box<str>>>,
    table: Mutex<StagedModules>,
    /// What the build adds beside modules.
    pub(super) effects: Arc<BuildEffects>,
}

impl Stage {
    /// Plans what the changes ask for. Nothing has run yet.
    ///
    /// # Errors
    /// What Python raises when it is out of memory.
    pub(super) fn new(
        py: Python<'_>,
        application: &Arc<Application>,
        inputs: &BuildInputs,
        build: &Arc<Build>,
    ) -> PyResult<Self> {
        let process_state = ProcessState::capture(py)?;
        let changes = inputs.changes.clone();
        let base = application.current();
        let loaded = BaseModules::of(&base, &inputs.horizon);
        let facts = BaseFacts { modules: &loaded, application };
        let affected = application.with_graph(|graph| graph.affected(changes.keys().cloned(), &facts));
        let mut plan = HashMap::new();
        let mut children: HashMap<Name, Vec<Box<str>>> = HashMap::new();
        for (names, what) in [(&affected.renew, StagePlan::Renew), (&affected.run, StagePlan::Run)] {
            for name in names.iter().filter(|n| loaded.has(n)) {
                plan.insert(name.clone(), what);
                if let Some((package, tail)) = name.rsplit_once('.') {
                    children.entry(Name::from(package)).or_default().push(tail.into());
                }
            }
        }
        let table = StagedModules { plan, known: inputs.same.clone(), ..StagedModules::default() };
        let stage = Self {
            number: base.number + 1,
            search: application.next_search(),
            additions: inputs.horizon.additions_to(&base),
            effects: BuildEffects::new(Instant::now() + build.run.limit),
            application: application.clone(),
            build: build.clone(),
            base,
            loaded,
            changes,
            affected,
            process_state,
            children,
            table: Mutex::new(table),
        };
        stage.note_sources();
        Ok(stage)
    }

    /// Tells the build which files it rests on, so that an edit of one supersedes it.
    fn note_sources(&self) {
        let table = self.lock();
        // A changed name may have stood for another file, which is gone by now.
        let runs =
            table.plan.iter().filter(|(name, what)| **what == StagePlan::Run && !self.changes.contains_key(*name));
        for (name, _) in runs {
            if let Some(module) = self.loaded.get(name)
                && let Some(file) = module.origin.file()
            {
                self.build.note_read(name, FileVersion::new(file, Some(module.source.hash())));
            }
        }
        for (name, change) in &self.changes {
            if let Some(read) = change.read() {
                self.build.note_read(name, read);
            }
        }
    }

    /// What the code sees that the build runs.
    pub(super) fn context(self: &Arc<Self>) -> Context {
        Context { application: self.application.clone(), view: self.clone() }
    }

    /// The changes that it takes in.
    pub fn changes(&self) -> &HashMap<Name, Change> {
        &self.changes
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, StagedModules> {
        self.table.lock()
    }

    /// The search path of the base.
    pub(super) fn base_search(&self) -> &Search {
        &self.base.sources.search
    }

    /// Whether a link on the way to the search path points elsewhere than for the base.
    pub(super) fn has_moved(&self) -> bool {
        !Arc::ptr_eq(&self.search, self.base_search())
    }

    /// What is to be made, in the order in which it is made unless imports ask for it sooner.
    pub(super) fn order(&self) -> Vec<Name> {
        let names: HashSet<Name> = self.lock().plan.keys().cloned().collect();
        let extra: HashMap<Name, Vec<Name>> = self
            .affected
            .renew
            .iter()
            .filter_map(|package| {
                let tails = self.children.get(package)?;
                Some((package.clone(), tails.iter().map(|t| Name::from(format!("{package}.{t}"))).collect()))
            })
            .collect();
        let rank = |name: &str| self.loaded.get(name).map_or(u64::MAX, |m| m.sequence);
        self.application.with_graph(|graph| graph.order(&names, &extra, rank)).into_iter().flatten().collect()
    }

    /// Loaded modules whose files are not there any more, or not as they were.
    pub(super) fn vanished(&self) -> impl Iterator<Item = &Name> {
        self.changes.iter().filter(|(name, c)| c.known.is_none() && self.loaded.has(name)).map(|(name, _)| name)
    }

    /// Remembers the first failure of a module. Whether it fails the build is decided at the end.
    pub(super) fn note_failure(&self, name: &Name, failure: PyErr) {
        let mut table = self.lock();
        table.plan.remove(name);
        // Not by `entry`, which may drop the exception under the lock.
        if !table.failed.contains_key(name) {
            table.failed.insert(name.clone(), failure);
        }
    }

    /// An import has found out that a name or its package has failed, or that nothing managed stands behind it. Where a body runs,
    /// whether it catches that decides.
    pub(super) fn note_met(&self, py: Python<'_>, name: &Name) {
        let Some(body) = bodies::running_body() else { return };
        // The body may have called a function of another module that imports.
        let importer = nearest_managed(py);
        let names = std::iter::once(body).chain(importer).map(|module| module.name.clone());
        self.lock().met.entry(name.clone()).or_default().extend(names);
    }

    /// A module that a request has added to the base since the build began, if it is what the stage would load.
    pub(super) fn late(&self, name: &Name) -> Option<Arc<Managed>> {
        let module = self.base.ready(name).filter(|_| !self.has_moved())?;
        let is_current = module.origin.file().is_none_or(|file| self.application.is_as_read(file));
        (is_current && !self.is_outdated(&module)).then_some(module)
    }

    /// Whether a late module is made of something that this build replaces, by itself or through other late ones.
    fn is_outdated(&self, module: &Managed) -> bool {
        let mut queue: Vec<Name> = module.uses().into_iter().collect();
        let mut reached: HashSet<Name> = HashSet::new();
        while let Some(used) = queue.pop() {
            if self.affected.run.contains(&used) {
                return true;
            }
            if !self.loaded.has(&used) && reached.insert(used.clone()) {
                queue.extend(self.base.ready(&used).into_iter().flat_map(|late| late.uses()));
            }
        }
        false
    }
}
