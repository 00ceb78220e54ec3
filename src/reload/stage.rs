//! Building the next generation: private to its builder until it is published whole or discarded.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pyo3::exceptions::PyModuleNotFoundError;
use pyo3::prelude::*;

use super::Snapshot;
use super::application::{Application, Change, Known, Published, Resolution};
use super::applications;
use super::build::{Abandoned, Build, Reason};
use super::context::{self, View};
use super::execute::{self, Order};
use super::failure::Broken;
use super::fingerprint::Content;
use super::foresight;
use super::graph::{Affected, Facts, Name};
use super::import;
use super::janitor;
use super::lifecycle::{self, Draft};
use super::looking::{Attempts, Missed};
use super::module::{Managed, Origin, Source};
use super::preflight;
use super::search::Search;
use super::shown;
use super::sources::{Foreseen, Sources};
use super::surroundings::Surroundings;
use crate::httpd::log;
use crate::python::error;
use crate::python::gate::{self, Locked};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
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
struct Table {
    plan: HashMap<Name, Plan>,
    made: HashMap<Name, Made>,
    failed: HashMap<Name, PyErr>,
    /// Those among the failed that do not stand for anything managed any more.
    gone: HashSet<Name>,
    /// Failed modules whose failure an importing body has met: what became of it there decides.
    met: HashSet<Name>,
    bound: Vec<(Arc<Managed>, Box<str>)>,
    known: HashMap<Name, Known>,
    /// What the bodies that failed have read.
    attempts: Attempts,
    missed: Vec<(Name, Missed)>,
}

/// A generation in the making.
pub struct Stage {
    application: Arc<Application>,
    build: Arc<Build>,
    base: Arc<Snapshot>,
    number: u64,
    search: Search,
    /// The base's modules when the build began.
    loaded: HashMap<Name, Arc<Managed>>,
    changes: HashMap<Name, Change>,
    affected: Affected,
    /// What bodies may change around themselves, as it was before.
    surroundings: Surroundings,
    /// Submodules that get new objects, by their package.
    children: HashMap<Name, Vec<Box<str>>>,
    table: Mutex<Table>,
    draft: Arc<Draft>,
}

struct BaseFacts<'a>(&'a HashMap<Name, Arc<Managed>>, &'a Application);

impl Facts for BaseFacts<'_> {
    fn reads_attribute(&self, module: &str, name: &str) -> bool {
        self.0.get(module).is_some_and(|m| m.source.facts.reads_attribute(name))
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
/// the `horizon`.
///
/// # Errors
/// Why it is not published.
pub fn build(
    py: Python<'_>,
    application: &Arc<Application>,
    changes: HashMap<Name, Change>,
    horizon: u64,
    build: &Arc<Build>,
) -> Result<(), Unpublished> {
    let begun = Instant::now();
    let stage = Arc::new(Stage::new(py, application, changes, horizon, build).map_err(|e| {
        let (text, brief) = (error::format(py, &e), error::brief(py, &e));
        Unpublished::Broken(Box::new(Broken { text, brief, ..Broken::default() }))
    })?);
    build.hold(&stage);
    let order = stage.order();
    let result = {
        let _watched = janitor::watch_over(py, build);
        let _seen = context::enter(application, View::Stage(stage.clone()));
        stage.run(py, &order).map_err(|e| (None, e)).and_then(|()| stage.check(py)).and_then(|()| stage.foresee(py))
    };
    let closed = build.close();
    if closed.is_ok() {
        drop(build.take());
    }
    let result = match (closed, result) {
        (Err(Abandoned), _) => return Err(Unpublished::Abandoned),
        (Ok(Some(Reason::Superseded)), _) => {
            stage.undo(py);
            stage.discard(py);
            return Err(Unpublished::Superseded);
        }
        // A body that has swallowed the exception has not come to the end it was meant to come to.
        (Ok(Some(Reason::Late)), Ok(_)) => Err((None, janitor::exception(Reason::Late))),
        (Ok(_), result) => result,
    };
    match result {
        Ok(foreseen) => {
            let names = stage.publish(py, foreseen);
            log::main(
                log::INFO,
                &format!("generation {}: {names} ({:.1} ms)", stage.number, begun.elapsed().as_secs_f64() * 1e3),
            );
            Ok(())
        }
        Err((module, e)) => {
            stage.undo(py);
            let attempts = stage.discard(py);
            let mut broken = stage.broken(module, error::format(py, &e), error::brief(py, &e), attempts);
            if build.reason() == Some(Reason::Late) {
                broken.is_late(build.limit);
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
        horizon: u64,
        build: &Arc<Build>,
    ) -> PyResult<Self> {
        let surroundings = Surroundings::note(py)?;
        let base = application.current();
        // What was begun later has not been compared with its file.
        let loaded: HashMap<Name, Arc<Managed>> =
            base.modules().into_iter().filter(|(_, m)| m.sequence < horizon).collect();
        let affected =
            application.with_graph(|graph| graph.affected(changes.keys().cloned(), &BaseFacts(&loaded, application)));
        let mut plan = HashMap::new();
        let mut children: HashMap<Name, Vec<Box<str>>> = HashMap::new();
        for (names, what) in [(&affected.renew, Plan::Renew), (&affected.run, Plan::Run)] {
            for name in names.iter().filter(|n| loaded.contains_key(*n)) {
                plan.insert(name.clone(), what);
                if let Some((package, tail)) = name.rsplit_once('.') {
                    children.entry(Name::from(package)).or_default().push(tail.into());
                }
            }
        }
        for (name, module) in loaded.iter().filter(|(name, _)| plan.get(*name) == Some(&Plan::Run)) {
            if let Some(file) = module.origin.file() {
                build.note_read(name, (file.clone(), Some(module.source.hash())));
            }
        }
        for (name, change) in &changes {
            if let Some(read) = change.read() {
                build.note_read(name, read);
            }
        }
        let number = base.number + 1;
        let table = Mutex::new(Table { plan, ..Table::default() });
        let search = application.next_search();
        let draft = Draft::new(Instant::now() + build.limit);
        let (application, build) = (application.clone(), build.clone());
        Ok(Self {
            application,
            build,
            base,
            number,
            search,
            loaded,
            changes,
            affected,
            surroundings,
            children,
            table,
            draft,
        })
    }

    /// The changes that it takes in.
    pub fn changes(&self) -> &HashMap<Name, Change> {
        &self.changes
    }

    fn lock(&self) -> Locked<'_, Table> {
        gate::lock(&self.table)
    }

    /// Where names are looked for.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Where the base looks for them.
    pub fn base_search(&self) -> &Search {
        &self.base.sources.search
    }

    /// Whether a link on the way to the search path points elsewhere than for the base.
    pub fn has_moved(&self) -> bool {
        !Arc::ptr_eq(&self.search, self.base_search())
    }

    /// The generation being built.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What the build adds beside modules.
    pub fn draft(&self) -> &Arc<Draft> {
        &self.draft
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
        let view = View::Stage(self.clone());
        // `from package import part` falls back to `sys.modules`, where a module that is gone must not be found.
        for name in self.vanished() {
            shown::show(py, &self.application, name, None)?;
        }
        for name in order {
            if !self.lock().plan.contains_key(name) {
                continue;
            }
            match import::find(py, &self.application, &view, name) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let gone = PyModuleNotFoundError::new_err(format!("No module named '{name}'"));
                    self.fail(name, gone);
                    self.lock().gone.insert(name.clone());
                }
                Err(e) if self.build.reason().is_some() => return Err(e),
                Err(e) => self.fail(name, e),
            }
            // A body may have swallowed the exception: the next one need not run any more.
            if let Some(reason) = self.build.reason() {
                return Err(janitor::exception(reason));
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
            .filter(|(name, c)| c.known.is_none() && self.loaded.contains_key(*name))
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

    /// A body has asked for a name and learned that nothing managed stands behind it: what becomes of that decides.
    pub fn meet_absence(&self, name: &Name) {
        if context::running_body().is_some() {
            self.lock().met.insert(name.clone());
        }
    }

    /// A module of this stage that is there, or of the base if the change does not affect it.
    pub fn any(&self, name: &Name) -> Option<Arc<Managed>> {
        let table = self.lock();
        match table.made.get(name) {
            Some(Made::Running(module) | Made::Ready(module)) => Some(module.clone()),
            None if table.plan.contains_key(name) || table.failed.contains_key(name) => None,
            None => {
                drop(table);
                let found = self.loaded.get(name).cloned().or_else(|| self.late(name))?;
                // An edit of it will run what this build makes of it again.
                if let Some(file) = found.origin.file() {
                    self.build.note_read(name, (file.clone(), Some(found.source.hash())));
                }
                Some(found)
            }
        }
    }

    /// A module that a request has added to the base since the build began, if it is what the stage would load.
    fn late(&self, name: &Name) -> Option<Arc<Managed>> {
        let module = self.base.ready(name).filter(|_| !self.has_moved())?;
        let is_current = module.origin.file().is_none_or(|file| self.application.is_as_read(file));
        is_current.then_some(module)
    }

    /// Waits for a module that a request loads into the base at this moment.
    pub fn await_late(&self, py: Python<'_>, name: &Name) -> Option<Arc<Managed>> {
        if self.has_moved() || self.loaded.contains_key(name) || self.base.any(name).is_none() {
            return None;
        }
        py.detach(|| self.base.wait_for(name, context::is_outside(), context::is_owner_outside));
        self.any(name)
    }

    /// What a name stands for in this stage, where that differs from the base.
    pub fn known(&self, name: &Name) -> Option<Resolution> {
        if let Some(known) = self.lock().known.get(name) {
            return Some(known.resolution.clone());
        }
        match self.changes.get(name) {
            Some(Change { known: Some(known), .. }) => Some(known.resolution.clone()),
            _ => None,
        }
    }

    /// Whether the name must be resolved anew: something appeared or disappeared where it is looked for.
    pub fn is_open(&self, name: &Name) -> bool {
        self.changes.get(name).is_some_and(|c| c.known.is_none()) && !self.lock().known.contains_key(name)
    }

    /// Remembers what an open name stands for.
    pub fn settle_name(&self, name: &Name, known: Known) {
        self.lock().known.insert(name.clone(), known);
    }

    /// Makes a module that the stage does not have yet.
    ///
    /// # Errors
    /// What making it raises; what it raised before, if it has failed already.
    pub fn obtain(self: &Arc<Self>, py: Python<'_>, name: &Name, origin: &Origin) -> PyResult<Arc<Managed>> {
        self.go_on()?;
        let plan = {
            let mut table = self.lock();
            // The body of the package may have made it on the way here.
            if let Some(Made::Running(made) | Made::Ready(made)) = table.made.get(name) {
                return Ok(made.clone());
            }
            if let Some(failure) = table.failed.get(name) {
                let failure = failure.clone_ref(py);
                table.met.insert(name.clone());
                return Err(failure);
            }
            table.plan.remove(name)
        };
        let before = self.base.ready(name);
        if let (Some(Plan::Renew), Some(before)) = (plan, &before) {
            let renewed = self.children.get(name).map(Vec::as_slice).unwrap_or_default();
            let record = execute::copy(py, before, renewed)?;
            self.lock().made.insert(name.clone(), Made::Ready(record.clone()));
            return Ok(record);
        }
        let result = self.source(py, name, origin, before.as_deref()).and_then(|source| {
            let order = Order {
                application: self.application.clone(),
                name: name.clone(),
                origin: origin.clone(),
                source,
                generation: self.number,
                draft: Some(self.draft.clone()),
                build: Some(self.build.clone()),
            };
            if let Some(file) = origin.file() {
                self.build.note_read(name, (file.clone(), Some(order.source.hash())));
            }
            execute::run(py, order, |record| {
                self.lock().made.insert(name.clone(), Made::Running(record.clone()));
            })
        });
        match result {
            Ok(record) => {
                self.go_on()?;
                // Before anybody else gets the module: importers may copy names out of it.
                if let Some(before) = &before
                    && let Err(e) = lifecycle::hand_on(py, &self.application, &self.base, before, &record, &self.draft)
                {
                    self.draft.refuse(e);
                }
                self.lock().made.insert(name.clone(), Made::Ready(record.clone()));
                Ok(record)
            }
            Err(e) => {
                let half_made = self.lock().made.remove(name);
                let begun = match &half_made {
                    Some(Made::Running(record) | Made::Ready(record)) => Some(&**record),
                    None => None,
                };
                let missed = Missed::new(&self.application, begun, origin);
                let mut table = self.lock();
                table.attempts.push((name.clone(), missed.reads.clone()));
                table.missed.push((name.clone(), missed));
                // Met by the body that asked for it, unless the builder itself did.
                if context::running_body().is_some() {
                    table.met.insert(name.clone());
                }
                table.failed.insert(name.clone(), e.clone_ref(py));
                drop(table);
                // Its destructors may import, so they must not run under the lock.
                drop(half_made);
                Err(e)
            }
        }
    }

    /// The new content of a changed name, or why it cannot be read.
    pub fn content(&self, name: &Name) -> Option<Result<Content, Arc<io::Error>>> {
        self.changes.get(name).and_then(|c| c.content.clone())
    }

    /// # Errors
    /// When somebody else has taken this build back: what it makes from then on must not show.
    fn go_on(&self) -> PyResult<()> {
        if self.build.is_abandoned() { Err(janitor::exception(Reason::Late)) } else { Ok(()) }
    }

    fn source(&self, py: Python<'_>, name: &Name, origin: &Origin, before: Option<&Managed>) -> PyResult<Arc<Source>> {
        let Some(file) = origin.file() else { return Ok(execute::namespace_source(origin)) };
        let content: Option<&Result<Content, _>> = self.changes.get(name).and_then(|c| c.content.as_ref());
        if let Some(source) = self.changes.get(name).and_then(|c| c.source.as_ref()) {
            return Ok(source.clone());
        }
        match content {
            Some(Ok(content)) => execute::compile(py, file, content),
            Some(Err(e)) => Err(execute::unreadable(file, e)),
            None => match before {
                Some(before) if before.origin == *origin => Ok(before.source.clone()),
                _ => match self.base.sources.get(name) {
                    Some(Foreseen::Source(foreseen, source)) if foreseen == *origin => Ok(source),
                    _ => execute::load_source(py, &self.application, origin),
                },
            },
        }
    }

    /// Remembers that a package of the base was given a submodule, to take it back if the build fails.
    pub fn note_bound(&self, package: &Arc<Managed>, tail: &str) {
        if self.base.any(&package.name).is_some_and(|m| Arc::ptr_eq(&m, package)) {
            self.lock().bound.push((package.clone(), tail.into()));
        }
    }

    /// Whether the stage can be published: nothing that somebody needs has failed, and what directives name is there.
    fn check(&self, py: Python<'_>) -> Result<(), (Option<Name>, PyErr)> {
        let entries = self.application.entries();
        let failed: Vec<(Name, PyErr)> = {
            let table = self.lock();
            table.failed.iter().map(|(name, failure)| (name.clone(), failure.clone_ref(py))).collect()
        };
        for (name, failure) in failed {
            // A page that is gone is not found; one that is broken is as bad as a handler that is.
            let (is_gone, is_met) = {
                let table = self.lock();
                (table.gone.contains(&name), table.met.contains(&name))
            };
            let is_entry = entries.iter().any(|(module, object)| *module == name && (object.is_some() || !is_gone));
            if is_entry || (!is_met && self.is_wanted(py, &name, is_gone)) {
                return Err((Some(name), failure));
            }
        }
        for (module, object) in &entries {
            let made = match self.lock().made.get(module) {
                Some(Made::Ready(record)) => Some(record.clone()),
                _ => None,
            };
            if let (Some(record), Some(object)) = (made, object) {
                preflight::check(py, &record, object).map_err(|e| (Some(module.clone()), e))?;
            }
        }
        Ok(())
    }

    /// What a failure of this build is to tell.
    pub fn broken(&self, module: Option<Name>, text: String, brief: String, attempts: Attempts) -> Box<Broken> {
        let affected = self.affected.run.union(&self.affected.renew).cloned().collect();
        Box::new(Broken { text, brief, module, affected, attempts })
    }

    /// Whether the new generation uses something in this package without using the package itself, as `from package.part
    /// import name` does: it could not be imported again.
    fn is_above_used(&self, package: &Name, reached: Option<&HashSet<Name>>) -> bool {
        let below = format!("{package}.");
        let table = self.lock();
        let stays = |name: &Name| self.loaded.contains_key(name) && !table.failed.contains_key(name);
        self.application.with_graph(|graph| {
            let parts = self.loaded.keys().filter(|name| name.starts_with(&below) && stays(name));
            parts
                .flat_map(|part| graph.users_of(part))
                .filter(|user| reached.is_none_or(|reached| reached.contains(*user)))
                .any(|user| !user.starts_with(&below) && stays(user) && !table.made.contains_key(user))
        })
    }

    /// The modules that what directives name leads to: others are loaded, but nobody asks for them any more. `None` where
    /// directives name nothing that is remembered, as in a `.htaccess` file.
    fn reached(&self) -> Option<HashSet<Name>> {
        let mut queue: Vec<Name> = self.application.entries().into_iter().map(|(module, _)| module).collect();
        if queue.is_empty() {
            return None;
        }
        let mut reached = HashSet::new();
        while let Some(name) = queue.pop() {
            if !reached.insert(name.clone()) {
                continue;
            }
            queue.extend(name.rmatch_indices('.').map(|(at, _)| Name::from(&name[..at])));
            let made = match self.lock().made.get(&name) {
                Some(Made::Ready(record) | Made::Running(record)) => Some(record.clone()),
                None => None,
            };
            match &made {
                Some(record) => queue.extend(record.uses()),
                None => self.application.with_graph(|graph| queue.extend(graph.used_by(&name).cloned())),
            }
            if let Some(module) = made.or_else(|| self.loaded.get(&name).cloned()) {
                queue.extend(foresight::names(module.package(), &module.source));
            }
        }
        Some(reached)
    }

    /// Whether code of the new generation still asks for a module that failed without anybody noticing: an import inside a
    /// function that has not run yet would fail in the middle of a request.
    fn is_wanted(&self, py: Python<'_>, name: &Name, is_gone: bool) -> bool {
        if self.is_above_used(name, self.reached().as_ref()) {
            return true;
        }
        let users: Vec<Name> = self.application.with_graph(|graph| graph.users_of(name).cloned().collect());
        let made: Vec<Arc<Managed>> = {
            let table = self.lock();
            let made = users.iter().filter_map(|user| table.made.get(user));
            made.map(|(Made::Ready(record) | Made::Running(record))| record.clone()).collect()
        };
        let roots = &self.application.roots;
        let root = roots.root_of(name);
        made.iter().any(|record| {
            if let Some(root) = root.filter(|root| roots.root_of(&record.name) == Some(root))
                && let Some(neighbour) = name[root.len()..].strip_prefix('.')
                && foresight::mentions(record.package(), &record.source, neighbour)
            {
                return execute::requires(py, record.package(), &record.source, neighbour, is_gone)
                    && !(is_gone && import::is_elsewhere(py, &self.application, neighbour));
            }
            if foresight::mentions(record.package(), &record.source, name) {
                return execute::requires(py, record.package(), &record.source, name, is_gone);
            }
            if is_gone && self.application.calls.has_alternative(name) {
                return false;
            }
            // Code does not mention the name of a root, but the path of the file.
            let written = roots.as_written(name);
            // A relative import does not mention what both names have in common.
            let mut own = record.package().split('.').peekable();
            let parts = written.split('.').skip_while(|part| own.next_if_eq(part).is_some());
            parts.into_iter().all(|part| record.source.facts.imports_by_text(part))
        })
    }

    /// What the new generation will know of modules that are not loaded.
    ///
    /// # Errors
    /// Why one of them cannot be loaded any more, if code still needs it.
    fn foresee(self: &Arc<Self>, py: Python<'_>) -> Result<HashMap<Name, Foreseen>, (Option<Name>, PyErr)> {
        let made: Vec<Arc<Managed>> = self
            .lock()
            .made
            .values()
            .filter_map(|made| match made {
                Made::Ready(record) if record.copied_from.is_none() => Some(record.clone()),
                _ => None,
            })
            .collect();
        let before = self.base.sources.all();
        let changed: Vec<Name> = self.changes.keys().cloned().collect();
        let known = before.iter().filter(|(name, _)| !self.changes.contains_key(*name));
        let known = known.map(|(name, foreseen)| (name.clone(), foreseen.clone())).collect();
        let foreseen = foresight::of_stage(py, &self.application, self, known, &changed, &made);
        for (name, before) in &before {
            let (Foreseen::Source(..), Some(now)) = (before, foreseen.get(name)) else { continue };
            let failure = match now {
                Foreseen::Source(..) => continue,
                Foreseen::Broken(origin, content) => {
                    let Some(file) = origin.file() else { continue };
                    execute::compile(py, file, content).err()
                }
                Foreseen::Absent => Some(PyModuleNotFoundError::new_err(format!("No module named '{name}'"))),
            };
            let is_absent = matches!(now, Foreseen::Absent);
            if let Some(failure) = failure
                && self.is_foreseen(py, &foreseen, name, is_absent)
            {
                return Err((Some(name.clone()), failure));
            }
        }
        Ok(foreseen)
    }

    /// Whether code of the new generation needs a module that it has not imported yet.
    fn is_foreseen(&self, py: Python<'_>, foreseen: &HashMap<Name, Foreseen>, name: &Name, is_absent: bool) -> bool {
        let needs = |package: &str, source: &Source| {
            foresight::mentions(package, source, name) && execute::requires(py, package, source, name, is_absent)
        };
        self.loaded
            .keys()
            .chain(self.changes.keys())
            .filter_map(|user| self.any(user))
            .any(|m| needs(m.package(), &m.source))
            || foreseen.iter().any(|(user, f)| match f {
                Foreseen::Source(origin, source) => needs(origin.package_of(user), source),
                Foreseen::Broken(..) | Foreseen::Absent => false,
            })
    }

    /// Makes this the current generation: the pointer, `sys.modules` and the packages' attributes. Answers what ran, for the log.
    fn publish(&self, py: Python<'_>, foreseen: HashMap<Name, Foreseen>) -> String {
        let mut table = std::mem::take(&mut *self.lock());
        let renewed: HashMap<Name, Arc<Managed>> = table
            .made
            .drain()
            .filter_map(|(name, made)| match made {
                Made::Ready(record) => Some((name, record)),
                Made::Running(_) => None,
            })
            .collect();
        // Modules that requests have added to the base in the meantime come along, unless they use what has been replaced.
        let mut modules = self.application.current().modules();
        let mut gone: Vec<Name> = self
            .affected
            .run
            .iter()
            .filter(|n| modules.contains_key(*n) && !renewed.contains_key(*n))
            .cloned()
            .collect();
        loop {
            let stale: Vec<Name> = modules
                .iter()
                .filter(|(name, module)| {
                    !renewed.contains_key(*name)
                        && !gone.contains(name)
                        && !self.loaded.contains_key(*name)
                        && !self.application.keeps(module)
                        && (self.late(name).is_none()
                            || module.uses().iter().any(|used| self.affected.run.contains(used) || gone.contains(used)))
                })
                .map(|(name, _)| name.clone())
                .collect();
            if stale.is_empty() {
                break;
            }
            gone.extend(stale);
        }
        for name in &gone {
            modules.remove(name);
            // What cannot be taken out of `sys.modules` any more is at worst an old entry there.
            let _ = shown::show(py, &self.application, name, None);
        }
        for (name, record) in &renewed {
            modules.insert(name.clone(), record.clone());
        }
        for record in renewed.values().filter(|r| r.origin.is_package()) {
            let tails = match self.base.any(&record.name) {
                Some(before) => before.bound(),
                None => modules
                    .keys()
                    .filter_map(|n| n.rsplit_once('.'))
                    .filter(|(above, _)| **above == *record.name)
                    .map(|(_, tail)| tail.into())
                    .collect(),
            };
            for tail in tails {
                if let Some(child) = modules.get(&*format!("{}.{tail}", record.name)) {
                    // A namespace that refuses attributes does so for the body's own imports as well.
                    let _ = execute::bind(py, record, &tail, child);
                }
            }
        }
        if self.has_moved() {
            // Code that looks through sys.path finds what is imported all the same.
            let _ =
                applications::move_path(py, &self.application.kept.exclusions, &self.base.sources.search, &self.search);
        }
        let mut ran: Vec<&str> = renewed.values().filter(|r| r.copied_from.is_none()).map(|r| &*r.name).collect();
        ran.sort_unstable();
        let names = if ran.is_empty() { "nothing had to run".to_owned() } else { format!("ran {}", ran.join(", ")) };
        let mut known: HashMap<Name, Option<Known>> =
            self.changes.iter().map(|(name, change)| (name.clone(), change.known.clone())).collect();
        known.extend(table.known.drain().map(|(name, known)| (name, Some(known))));
        self.application.kept.note_stale(&self.affected.kept);
        self.application.keep(renewed.values().flat_map(|record| record.keeps()));
        let aftermath = self.draft.publish(&self.application.states, renewed.values());
        self.application.publish(Published {
            generation: Arc::new(Snapshot::new(self.number, modules, Sources::new(self.search.clone(), foreseen))),
            renewed: renewed.into_values().collect(),
            gone,
            known,
            settled: self.changes.keys().cloned().collect(),
            missed: std::mem::take(&mut table.missed),
        });
        aftermath.settle(py);
        names
    }

    /// The code that is discarded undoes what it did. That has a time limit of its own.
    pub fn undo(self: &Arc<Self>, py: Python<'_>) {
        let _time = janitor::limit(py, self.build.limit);
        let _seen = context::enter(&self.application, View::Stage(self.clone()));
        self.draft.discard(py);
    }

    /// Takes everything back. Answers what the bodies have read.
    pub fn discard(&self, py: Python<'_>) -> Attempts {
        let mut table = std::mem::take(&mut *self.lock());
        for (package, tail) in table.bound.drain(..).rev() {
            package.forget_bound(&tail);
            let _ = package.module.bind(py).delattr(&*tail);
        }
        for name in table.made.keys().chain(self.vanished()) {
            // The base's module, or none, is what the name stood for.
            let before = self.base.ready(name);
            let _ = match &before {
                Some(module) => shown::show(py, &self.application, name, Some(&module.exposed(py))),
                None => shown::show(py, &self.application, name, None),
            };
        }
        self.surroundings.restore(py);
        let mut attempts = std::mem::take(&mut table.attempts);
        attempts.extend(table.made.iter().map(|(name, made)| match made {
            Made::Running(record) | Made::Ready(record) => (name.clone(), record.reads()),
        }));
        attempts.retain(|(_, reads)| !reads.is_empty());
        attempts
    }
}
