//! Loading a module into a generation in which it was not needed so far.

use std::sync::Arc;
use std::time::SystemTime;

use pyo3::prelude::*;

use crate::reload::Snapshot;
use crate::reload::application::file_dependencies::FailedLoad;
use crate::reload::application::{Application, view};
use crate::reload::import::execute::{self, ModuleOrder};
use crate::reload::import::process_state::ProcessState;
use crate::reload::import::{look_ahead, sys_modules};
use crate::reload::interrupt::run::{LastResort, Run};
use crate::reload::interrupt::{self, Supervised};
use crate::reload::module::prefetch::Prefetched;
use crate::reload::module::{Managed, Origin, Source};
use reload_core::graph::Name;
use reload_core::graph::generation::LoadClaim;

/// Loads a module into a generation in which it was not needed so far, and puts it into its package's namespace before anybody else
/// finds it.
///
/// # Errors
/// What its body raises.
pub fn load(
    py: Python<'_>,
    application: &Arc<Application>,
    generation: &Arc<Snapshot>,
    name: &Name,
    origin: &Origin,
    package: Option<&Arc<Managed>>,
) -> PyResult<Arc<Managed>> {
    loop {
        match generation.claim(name) {
            Some(LoadClaim::Found(found)) => return Ok(found),
            Some(LoadClaim::Yours) => break,
            None => {
                if let Some(half_loaded) =
                    py.detach(|| generation.wait_for(name, view::is_outside(), view::is_owner_outside))
                {
                    return Ok(half_loaded);
                }
            }
        }
    }
    let since = SystemTime::now();
    let mut claimed = Claimed { generation, name, outcome: None };
    // What a body changed in vain is taken back by the outermost load, as a module that catches the failure may build on it.
    let before = match view::running_body() {
        Some(_) => None,
        None => Some(ProcessState::note(py)?),
    };
    let _watched = match &before {
        Some(_) => Some(limit(py, application)),
        None => {
            interrupt::note_progress();
            None
        }
    };
    let mut begun = None;
    let result = source(py, application, generation, name, origin).and_then(|read| {
        // Others may have begun to serve something newer since it was read.
        let source = match application.note_loading(generation, name, read.hash()) {
            true => source(py, application, generation, name, origin)?,
            false => read,
        };
        let order = ModuleOrder {
            application: application.clone(),
            name: name.clone(),
            origin: origin.clone(),
            source,
            generation: generation.number,
            draft: None,
            run: None,
        };
        execute::run(py, order, |record| {
            begun = Some(record.clone());
            if Arc::ptr_eq(&application.current(), generation) {
                // Another module of this name has been here before, or this one has failed.
                application.forget_edges(name);
            }
            generation.begin(name, record.clone());
            application.look_again(record, since);
        })
    });
    interrupt::note_progress();
    match result {
        Ok(record) => {
            let bound = package.map_or(Ok(false), |package| execute::bind(py, package, &record));
            claimed.outcome = Some(record.clone());
            drop(claimed);
            bound?;
            look_ahead::after_load(py, application, generation, &record);
            application.keep(record.keeps());
            share(py, application, generation, name, &record)?;
            // The file may have been edited before anybody could compare it with this module.
            if let Some(file) = origin.file() {
                application.verify(file);
            }
            Ok(record)
        }
        Err(e) => {
            drop(claimed);
            if let Some(before) = before {
                before.restore(py);
            }
            let current = application.current();
            if current.any(name).is_none() {
                application.forget_edges(name);
                // A body goes on without it, or has done so before a function asked again.
                let is_missed = view::running_body().is_some() || application.has_missed(name);
                if Arc::ptr_eq(&current, generation) && is_missed {
                    application.miss(name, FailedLoad::new(application, begun.as_deref(), origin));
                }
            }
            Err(e)
        }
    }
}

/// Limits the first load of a module and what it imports. The time counts anew for each body.
fn limit<'py>(py: Python<'py>, application: &Application) -> Supervised<'py> {
    interrupt::supervise(py, &Run::new(application.load_limit(), LastResort::of_request()))
}

/// The source of a module that the generation gets late: as it was when the generation was made, if that was foreseen.
fn source(
    py: Python<'_>,
    application: &Application,
    generation: &Snapshot,
    name: &Name,
    origin: &Origin,
) -> PyResult<Arc<Source>> {
    match (generation.sources.get(name), origin.file()) {
        (Some(Prefetched::Source(foreseen, source)), _) if foreseen == *origin => Ok(source),
        (Some(Prefetched::Broken(foreseen, content)), Some(file)) if foreseen == *origin => {
            execute::compile(py, file, &content)
        }
        _ => execute::load_source(py, application, origin),
    }
}

/// Settles a claimed name, however loading ends.
struct Claimed<'a> {
    generation: &'a Snapshot,
    name: &'a Name,
    outcome: Option<Arc<Managed>>,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.generation.settle(self.name, self.outcome.take());
    }
}

/// A module that an older generation has loaded late serves the current one as well, if everything it uses is the same there.
///
/// # Errors
/// As [`shown::show`].
fn share(
    py: Python<'_>,
    application: &Application,
    generation: &Arc<Snapshot>,
    name: &Name,
    record: &Arc<Managed>,
) -> PyResult<()> {
    let current = application.current();
    if Arc::ptr_eq(&current, generation) {
        application.note_loaded(record);
        return Ok(());
    }
    // What is looked up by name is the current generation's.
    if let Some(served) = current.ready(name) {
        sys_modules::show(py, application, name, Some(&served.exposed(py)))?;
        return Ok(());
    }
    // Where the search path lies elsewhere by now, it would be another file.
    if !Arc::ptr_eq(&generation.sources.search, &current.sources.search) {
        return Ok(());
    }
    if current.sources.hash(name).is_some_and(|hash| hash != record.source.hash()) {
        return Ok(());
    }
    let uses = record.uses();
    let is_same = |used: &Name| match (generation.any(used), current.any(used)) {
        (Some(a), Some(b)) => Arc::ptr_eq(&a, &b),
        (None, None) => true,
        _ => false,
    };
    if uses.iter().all(is_same) && py.detach(|| application.is_on_disk(record)) {
        if let Some(package) = name.rsplit_once('.').and_then(|(package, _)| current.any(package)) {
            execute::bind(py, &package, record)?;
        }
        current.adopt(name, record);
        application.note_loaded(record);
        for used in &uses {
            application.add_edge(record, used);
        }
    }
    Ok(())
}
