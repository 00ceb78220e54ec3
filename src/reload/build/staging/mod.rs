//! Building the next generation: private to its builder until it is published whole or discarded.

pub mod entry_points;
pub mod make;
pub mod publish;
pub mod verify;
pub mod view;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use pyo3::exceptions::PyModuleNotFoundError;
use pyo3::prelude::*;

use crate::python::error;
use crate::reload::Snapshot;
use crate::reload::application::Application;
use crate::reload::application::change::{Change, Resolved};
use crate::reload::application::failure::Broken;
use crate::reload::application::file_dependencies::FailedLoad;
use crate::reload::application::view::Context;
use crate::reload::build::Build;
use crate::reload::import::caller::nearest_managed;
use crate::reload::import::process_state::ProcessState;
use crate::reload::import::{bodies, execute, sys_modules};
use crate::reload::interrupt;
use crate::reload::interrupt::exceptions::exception;
use crate::reload::interrupt::run::{Abandoned, Reason};
use crate::reload::lifecycle::hooks::BuildEffects;
use crate::reload::module::Managed;
use crate::reload::module::prefetch::PrefetchMap;
use os::{Mutex, MutexGuard, log};
use reload_core::files::dependency::ReadSet;
use reload_core::files::file_version::FileVersion;
use reload_core::graph::generation::ModuleMap;
use reload_core::graph::{Affected, Facts, Name, Reading};
use reload_core::resolve::search_path::Search;

#[derive(Clone, Copy, PartialEq, Eq)]
enum StagePlan {
    /// The body is to run.
    Run,
    /// The package gets a copy of its namespace.
    Renew,
}

enum Made {
    Running(Arc<Managed>),
    Ready(Arc<Managed>),
}

#[derive(Default)]
struct StagedModules {
    plan: HashMap<Name, StagePlan>,
    made: HashMap<Name, Made>,
    failed: HashMap<Name, PyErr>,
    /// Those among the failed that do not stand for anything managed any more.
    gone: HashSet<Name>,
    /// Failed modules, and who has met the failure while a body ran: what became of it there decides.
    met: HashMap<Name, HashSet<Name>>,
    bound: Vec<(Arc<Managed>, Box<str>)>,
    known: HashMap<Name, Resolved>,
    /// What the bodies that failed have read.
    attempts: Vec<(Name, ReadSet)>,
    missed: Vec<(Name, FailedLoad)>,
}

impl StagedModules {
    /// Whether a module has met the failure of another, or of a package above that.
    fn has_met(&self, user: &Name, name: &str) -> bool {
        let above = name.match_indices('.').map(|(at, _)| &name[..at]);
        above.chain([name]).any(|name| self.met.get(name).is_some_and(|users| users.contains(user)))
    }

    /// Takes out the modules that have imported one in a cycle which then has failed, and those that use them: nobody asks for them, or
    /// the stage would not be published. Answers which.
    fn drop_spoiled(&mut self) -> Vec<Name> {
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

/// A generation in the making.
pub struct Stage {
    application: Arc<Application>,
    build: Arc<Build>,
    base: Arc<Snapshot>,
    number: u64,
    search: Search,
    loaded: Loaded,
    /// How many modules had been added to the base by then.
    additions: usize,
    changes: HashMap<Name, Change>,
    affected: Affected,
    /// What bodies may change around themselves, as it was before.
    surroundings: ProcessState,
    /// Submodules that get new objects, by their package.
    children: HashMap<Name, Vec<Box<str>>>,
    table: Mutex<StagedModules>,
    draft: Arc<BuildEffects>,
}

/// The base's modules that had been begun before anything was compared: later ones have not been compared with their files.
struct Loaded {
    modules: ModuleMap<Managed>,
    horizon: u64,
}

impl Loaded {
    fn get(&self, name: &str) -> Option<&Arc<Managed>> {
        self.modules.get(name).filter(|module| module.sequence < self.horizon)
    }

    fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn keys(&self) -> impl Iterator<Item = &Name> {
        self.modules.iter().filter(|(_, module)| module.sequence < self.horizon).map(|(name, _)| name)
    }
}

struct BaseFacts<'a>(&'a Loaded, &'a Application);

impl Facts for BaseFacts<'_> {
    fn reading(&self, module: &str, package: &str, rest: &str) -> Reading {
        let of =
            |m: &Arc<Managed>| m.source.facts.reading(m.package(), package, rest, |name| self.0.contains_key(name));
        self.0.get(module).map_or(Reading::Never, of)
    }

    fn is_loaded(&self, package: &str) -> bool {
        self.0.contains_key(package)
    }

    fn must_run_for(&self, package: &str, child: &str) -> bool {
        self.0
            .get(package)
            .is_some_and(|m| m.source.facts.mentions(child) || m.source.facts.rebinds_globals() || m.is_replaced())
    }

    fn is_kept(&self, module: &str) -> bool {
        self.0.get(module).is_some_and(|m| self.1.keeps(m))
    }
}

/// How far loading had come when a build began: what is loaded later is not compared with its file.
pub struct LoadHorizon {
    generation: Arc<Snapshot>,
    additions: usize,
    sequence: u64,
}

impl LoadHorizon {
    /// Before anything is compared with this generation, which is the current one.
    pub fn of(generation: Arc<Snapshot>) -> Self {
        // In this order: what is begun later is added later.
        let additions = generation.additions();
        Self { generation, additions, sequence: execute::horizon() }
    }

    fn additions_to(&self, base: &Arc<Snapshot>) -> usize {
        if Arc::ptr_eq(&self.generation, base) { self.additions } else { 0 }
    }
}

/// Why a build was not published.
pub enum Unpublished {
    /// It has failed; everything is as before.
    Broken(Box<Broken>),
    /// What it read is not the newest any more; everything is as before.
    Superseded,
    /// It took too long, and somebody else has taken it back.
    Abandoned,
}

/// Builds a generation that takes in the changes, and publishes it. They were found among the modules that had been begun before
/// the horizon. What is the `same` is found in other directories now.
///
/// # Errors
/// Why it is not published.
pub fn build(
    py: Python<'_>,
    application: &Arc<Application>,
    changes: HashMap<Name, Change>,
    same: &HashMap<Name, Resolved>,
    horizon: &LoadHorizon,
    build: &Arc<Build>,
) -> Result<(), Unpublished> {
    let begun = Instant::now();
    let mut changes = changes;
    let (stage, result) = loop {
        let stage = Arc::new(Stage::new(py, application, changes, same.clone(), horizon, build).map_err(|e| {
            let (text, brief) = (error::format(py, &e), error::brief(py, &e));
            Unpublished::Broken(Box::new(Broken { text, brief, ..Broken::default() }))
        })?);
        build.hold(&stage);
        let order = stage.order();
        let result = {
            let _watched = interrupt::supervise(py, &build.run);
            let _seen = stage.context().enter();
            match stage.run(py, &order) {
                // Nothing is decided before those have run that have lost their package.
                Ok(()) if !stage.orphans().is_empty() => Ok(PrefetchMap::new_sync()),
                Ok(()) => stage.check(py).and_then(|()| stage.foresee(py)),
                Err(e) => Err((None, e)),
            }
        };
        let orphans = stage.orphans();
        // Whoever takes it out of the build takes it back.
        if orphans.is_empty() || build.run.reason().is_some() || build.take().is_none() {
            break (stage, result);
        }
        stage.undo(py);
        stage.discard(py);
        changes = stage.changes.clone();
        changes.extend(orphans.into_iter().map(|name| (name, Change::open(None))));
    };
    if result.is_ok() && build.may_begin_again() {
        let bodies = stage.executions();
        if stage.has_read_since(&bodies) && py.detach(|| application.is_outdated(build, &bodies)) {
            build.run.call_off(Reason::Superseded);
        }
    }
    let closed = build.run.close();
    if closed.is_ok() {
        drop(build.take());
    }
    let result = match (closed, result) {
        (Err(Abandoned), _) => {
            // It was left behind between two stages, so that nobody has taken the second one back.
            if let Some(stage) = build.take() {
                stage.discard(py);
            }
            return Err(Unpublished::Abandoned);
        }
        (Ok(Some(Reason::Superseded)), _) => {
            stage.undo(py);
            stage.discard(py);
            return Err(Unpublished::Superseded);
        }
        // A body that has swallowed the exception has not come to the end it was meant to come to.
        (Ok(Some(Reason::Late)), Ok(_)) => Err((None, exception(Reason::Late))),
        (Ok(_), result) => result,
    };
    match result {
        Ok(foreseen) => {
            let names = stage.publish(py, foreseen);
            log::info!("generation {}: {names} ({:.1} ms)", stage.number, begun.elapsed().as_secs_f64() * 1e3);
            Ok(())
        }
        Err((module, e)) => {
            stage.undo(py);
            let blame = module.map(|module| stage.to_blame(py, module, &e)).unwrap_or_default();
            let attempts = stage.discard(py);
            let mut broken = stage.broken(blame, error::format(py, &e), error::brief(py, &e), attempts);
            if build.run.reason() == Some(Reason::Late) {
                broken.is_late(build.run.limit);
            }
            Err(Unpublished::Broken(broken))
        }
    }
}

impl Stage {
    fn new(
        py: Python<'_>,
        application: &Arc<Application>,
        changes: HashMap<Name, Change>,
        same: HashMap<Name, Resolved>,
        horizon: &LoadHorizon,
        build: &Arc<Build>,
    ) -> PyResult<Self> {
        let surroundings = ProcessState::note(py)?;
        let base = application.current();
        let loaded = Loaded { modules: base.modules(), horizon: horizon.sequence };
        let additions = horizon.additions_to(&base);
        let affected =
            application.with_graph(|graph| graph.affected(changes.keys().cloned(), &BaseFacts(&loaded, application)));
        let mut plan = HashMap::new();
        let mut children: HashMap<Name, Vec<Box<str>>> = HashMap::new();
        for (names, what) in [(&affected.renew, StagePlan::Renew), (&affected.run, StagePlan::Run)] {
            for name in names.iter().filter(|n| loaded.contains_key(n)) {
                plan.insert(name.clone(), what);
                if let Some((package, tail)) = name.rsplit_once('.') {
                    children.entry(Name::from(package)).or_default().push(tail.into());
                }
            }
        }
        // A changed name may have stood for another file, which is gone by now.
        for (name, _) in plan.iter().filter(|(name, what)| **what == StagePlan::Run && !changes.contains_key(*name)) {
            if let Some(module) = loaded.get(name)
                && let Some(file) = module.origin.file()
            {
                build.note_read(name, FileVersion::new(file, Some(module.source.hash())));
            }
        }
        for (name, change) in &changes {
            if let Some(read) = change.read() {
                build.note_read(name, read);
            }
        }
        let number = base.number + 1;
        let table = Mutex::new(StagedModules { plan, known: same, ..StagedModules::default() });
        let search = application.next_search();
        let draft = BuildEffects::new(Instant::now() + build.run.limit);
        let (application, build) = (application.clone(), build.clone());
        Ok(Self {
            application,
            build,
            base,
            number,
            search,
            loaded,
            additions,
            changes,
            affected,
            surroundings,
            children,
            table,
            draft,
        })
    }

    /// What the code sees that the build runs.
    fn context(self: &Arc<Self>) -> Context {
        Context { application: self.application.clone(), view: self.clone() }
    }

    /// The changes that it takes in.
    pub fn changes(&self) -> &HashMap<Name, Change> {
        &self.changes
    }

    fn lock(&self) -> MutexGuard<'_, StagedModules> {
        self.table.lock()
    }

    /// Where the base looks for them.
    fn base_search(&self) -> &Search {
        &self.base.sources.search
    }

    /// Whether a link on the way to the search path points elsewhere than for the base.
    fn has_moved(&self) -> bool {
        !Arc::ptr_eq(&self.search, self.base_search())
    }

    /// What is to be made, in the order in which it is made unless imports ask for it sooner.
    fn order(&self) -> Vec<Name> {
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

    fn run(self: &Arc<Self>, py: Python<'_>, order: &[Name]) -> PyResult<()> {
        let context = self.context();
        // `from package import part` falls back to `sys.modules`, where a module that is gone must not be found.
        for name in self.vanished() {
            sys_modules::show(py, &self.application, name, None)?;
        }
        for name in order {
            if !self.lock().plan.contains_key(name) {
                continue;
            }
            match context.find(py, name) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let gone = PyModuleNotFoundError::new_err(format!("No module named '{name}'"));
                    self.fail(name, gone);
                    self.lock().gone.insert(name.clone());
                }
                Err(e) if self.build.run.reason().is_some() => return Err(e),
                Err(e) => self.fail(name, e),
            }
            // A body may have swallowed the exception: the next one need not run any more.
            if let Some(reason) = self.build.run.reason() {
                return Err(exception(reason));
            }
            if let Some(refusal) = self.draft.refusal(py) {
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Loaded modules whose files are not there any more, or not as they were.
    fn vanished(&self) -> impl Iterator<Item = &Name> {
        self.changes
            .iter()
            .filter(|(name, c)| c.known.is_none() && self.loaded.contains_key(name))
            .map(|(name, _)| name)
    }

    /// Remembers the first failure of a module. Whether it fails the build is decided at the end.
    fn fail(&self, name: &Name, failure: PyErr) {
        let mut table = self.lock();
        table.plan.remove(name);
        if !table.failed.contains_key(name) {
            table.failed.insert(name.clone(), failure);
        }
    }

    /// Somebody has asked for a name and learned that it or its package has failed, or that nothing managed stands behind it. Where a
    /// body runs, what becomes of that there decides.
    fn note_met(&self, py: Python<'_>, name: &Name) {
        let Some(body) = bodies::running_body() else { return };
        // The body may have called a function of another module that imports.
        let importer = nearest_managed(py);
        let names = std::iter::once(body).chain(importer).map(|module| module.name.clone());
        self.lock().met.entry(name.clone()).or_default().extend(names);
    }

    /// A module that a request has added to the base since the build began, if it is what the stage would load.
    fn late(&self, name: &Name) -> Option<Arc<Managed>> {
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
            if !self.loaded.contains_key(&used) && reached.insert(used.clone()) {
                queue.extend(self.base.ready(&used).into_iter().flat_map(|late| late.uses()));
            }
        }
        false
    }
}
