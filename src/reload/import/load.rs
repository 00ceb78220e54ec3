//! Loading a module into a published generation, in which nothing needed it so far.

use std::sync::Arc;
use std::time::SystemTime;

use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::application::view::ModuleSpec;
use crate::reload::import::bodies;
use crate::reload::import::execute::{self, ModuleOrder};
use crate::reload::import::look_ahead;
use crate::reload::import::process::process_state::ProcessState;
use crate::reload::import::process::sys_modules;
use crate::reload::import::sources;
use crate::reload::interrupt::run::{LastResort, Run};
use crate::reload::interrupt::{self, Supervised};
use crate::reload::module::managed::Managed;
use crate::reload::module::prefetch::Prefetched;
use crate::reload::module::snapshot::Snapshot;
use crate::reload::module::source::Source;
use reload_core::graph::Name;
use reload_core::graph::generation::LoadClaim;

/// Loads a module into a generation, and puts it into its package's namespace before any other thread finds it.
///
/// # Errors
/// What its body raises.
pub(super) fn load(
    py: Python<'_>,
    application: &Arc<Application>,
    generation: &Snapshot,
    spec: &ModuleSpec<'_>,
) -> PyResult<Arc<Managed>> {
    if let Some(found) = wait_for_claim(py, generation, spec.name) {
        return Ok(found);
    }
    let load = application.begin_load(py, generation, spec)?;
    let mut begun = None;
    let result = load.source(py).and_then(|source| {
        execute::run(py, load.order(source), |record| {
            begun = Some(record.clone());
            load.publish_begun(record);
        })
    });
    interrupt::note_progress();
    match result {
        Ok(record) => application.loaded(py, load, record),
        Err(e) => {
            application.load_failed(py, load, begun.as_deref());
            Err(e)
        }
    }
}

/// Claims a name for this thread and returns `None`. Returns the module instead if another import has loaded it, or loads it in a
/// cycle with this one.
fn wait_for_claim(py: Python<'_>, generation: &Snapshot, name: &Name) -> Option<Arc<Managed>> {
    loop {
        match generation.claim(name) {
            Some(LoadClaim::Found(found)) => return Some(found),
            Some(LoadClaim::Yours) => return None,
            None => {
                let half_loaded =
                    py.detach(|| generation.wait_for(name, bodies::is_outside(), bodies::is_owner_outside));
                if half_loaded.is_some() {
                    return half_loaded;
                }
            }
        }
    }
}

/// A late load under way: this thread has claimed the name, and nothing else loads it. However the load ends, the claim ends with it.
///
/// ```text
/// let load = application.begin_load(py, &generation, &spec)?;
/// let result = execute::run(py, load.order(source), |record| load.publish_begun(record));
/// match result { Ok(record) => application.loaded(py, load, record), Err(_) => application.load_failed(py, load, None) }
/// ```
pub(in crate::reload) struct Load<'a, 'py> {
    application: &'a Arc<Application>,
    spec: &'a ModuleSpec<'a>,
    /// A time before anything of the module was read.
    since: SystemTime,
    claimed: ClaimedName<'a>,
    /// What the process was like before the outermost load: a module that catches a failure may build on what the failed body
    /// changed, so that inner loads take nothing back.
    before: Option<ProcessState>,
    _supervised: Option<Supervised<'py>>,
}

/// A claimed name, which is given back when this is dropped.
struct ClaimedName<'a> {
    generation: &'a Snapshot,
    name: &'a Name,
    outcome: Option<Arc<Managed>>,
}

impl Drop for ClaimedName<'_> {
    fn drop(&mut self) {
        self.generation.settle(self.name, self.outcome.take());
    }
}

impl Load<'_, '_> {
    fn generation(&self) -> &Snapshot {
        self.claimed.generation
    }

    /// The source as it was prefetched when the generation was made, else as it is on disk.
    fn source(&self, py: Python<'_>) -> PyResult<Arc<Source>> {
        let read = self.read_source(py)?;
        if self.application.note_loading(self.generation(), self.spec.name, read.hash()) {
            // Another child may have begun to serve a newer source since this one was read.
            return self.read_source(py);
        }
        Ok(read)
    }

    fn read_source(&self, py: Python<'_>) -> PyResult<Arc<Source>> {
        let origin = self.spec.origin;
        match self.generation().sources.get(self.spec.name) {
            Some(Prefetched::Source(prefetched, source)) if prefetched == *origin => Ok(source),
            Some(Prefetched::Broken(prefetched, content)) if prefetched == *origin => {
                sources::compile(py, origin, &content)
            }
            _ => sources::read_and_compile(py, self.application, origin),
        }
    }

    fn order(&self, source: Arc<Source>) -> ModuleOrder {
        ModuleOrder {
            application: self.application.clone(),
            name: self.spec.name.clone(),
            origin: self.spec.origin.clone(),
            source,
            generation: self.generation().number,
            draft: None,
            run: None,
        }
    }

    /// The body is about to run: imports in a cycle find the module from now on.
    fn publish_begun(&self, record: &Arc<Managed>) {
        if self.application.is_current(self.generation()) {
            // The edges may be of an earlier module of the name, or of an earlier attempt.
            self.application.forget_edges(self.spec.name);
        }
        self.generation().begin(self.spec.name, record.clone());
        self.application.recheck(record, self.since);
    }
}

impl Application {
    /// Begins the load of a module whose name this thread has claimed in the generation. The time that the body may take begins.
    ///
    /// # Errors
    /// What Python raises when it is out of memory.
    fn begin_load<'a, 'py>(
        self: &'a Arc<Self>,
        py: Python<'py>,
        generation: &'a Snapshot,
        spec: &'a ModuleSpec<'a>,
    ) -> PyResult<Load<'a, 'py>> {
        let since = SystemTime::now();
        let claimed = ClaimedName { generation, name: spec.name, outcome: None };
        let before = match bodies::running_body() {
            Some(_) => None,
            None => Some(ProcessState::capture(py)?),
        };
        // The time counts anew for each body.
        let run = || Run::new(self.load_limit(), LastResort::of_request());
        let supervised = before.is_some().then(|| interrupt::supervise(py, &run()));
        if supervised.is_none() {
            interrupt::note_progress();
        }
        Ok(Load { application: self, spec, since, claimed, before, _supervised: supervised })
    }

    /// The body has come to its end: the module becomes visible in the generation, and in newer ones where it would be the same.
    ///
    /// # Errors
    /// What the package's namespace or `sys.modules` raises.
    fn loaded(self: &Arc<Self>, py: Python<'_>, load: Load<'_, '_>, record: Arc<Managed>) -> PyResult<Arc<Managed>> {
        let Load { spec, mut claimed, _supervised, .. } = load;
        let generation = claimed.generation;
        let bound = spec.package.map_or(Ok(false), |package| execute::bind(py, package, &record));
        claimed.outcome = Some(record.clone());
        drop(claimed);
        bound?;
        look_ahead::after_load(py, self, generation, &record);
        self.keep(record.keeps());
        self.share(py, generation, &record)?;
        // The file may have been edited before the module could be compared with it.
        if let Some(file) = spec.origin.file() {
            self.verify(file);
        }
        Ok(record)
    }

    /// The module could not be loaded; `begun` is its record, if its body had begun. Undoes what the body did to the process, if
    /// this is the outermost load, and remembers the failure where an importer may have gone on without the module.
    fn load_failed(&self, py: Python<'_>, load: Load<'_, '_>, begun: Option<&Managed>) {
        let Load { spec, claimed, before, _supervised, .. } = load;
        let generation = claimed.generation;
        drop(claimed);
        if let Some(before) = before {
            before.restore(py);
        }
        let current = self.current();
        if current.any(spec.name).is_some() {
            return;
        }
        self.forget_edges(spec.name);
        // An importing body goes on without it, or has done so before a function asked again.
        let is_missed = bodies::running_body().is_some() || self.has_missed(spec.name);
        if std::ptr::eq(&*current, generation) && is_missed {
            self.miss(spec.name, self.failed_load(begun, spec.origin));
        }
    }

    /// Adds a module that an older generation has loaded to the current one, if everything that it uses is the same there.
    ///
    /// # Errors
    /// As [`sys_modules::show`].
    fn share(&self, py: Python<'_>, generation: &Snapshot, record: &Arc<Managed>) -> PyResult<()> {
        let current = self.current();
        if std::ptr::eq(&*current, generation) {
            self.note_loaded(record);
            return Ok(());
        }
        let name = &record.name;
        // What is looked up by name in `sys.modules` is the current generation's.
        if let Some(served) = current.ready(name) {
            sys_modules::show(py, self, name, Some(&served.exposed(py)))?;
            return Ok(());
        }
        if !is_same_in(generation, &current, record) || !py.detach(|| self.is_on_disk(record)) {
            return Ok(());
        }
        if let Some(package) = name.rsplit_once('.').and_then(|(package, _)| current.any(package)) {
            execute::bind(py, &package, record)?;
        }
        current.adopt(name, record);
        self.note_loaded(record);
        for used in &record.uses() {
            self.add_edge(record, used);
        }
        Ok(())
    }
}

/// Whether the current generation would load the same module under the name.
fn is_same_in(generation: &Snapshot, current: &Snapshot, record: &Managed) -> bool {
    // Where a link has moved the search path, the name is another file.
    if !Arc::ptr_eq(&generation.sources.search, &current.sources.search)
        || current.sources.hash(&record.name).is_some_and(|hash| hash != record.source.hash())
    {
        return false;
    }
    record.uses().iter().all(|used| match (generation.any(used), current.any(used)) {
        (Some(a), Some(b)) => Arc::ptr_eq(&a, &b),
        (None, None) => true,
        _ => false,
    })
}
