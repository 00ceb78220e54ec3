//! A build from its plan to its end: published, or taken back.

use std::sync::Arc;
use std::time::Instant;

use pyo3::exceptions::{PyMemoryError, PyModuleNotFoundError};
use pyo3::prelude::*;

use crate::python::error;
use crate::reload::application::Application;
use crate::reload::application::parts::change::Change;
use crate::reload::application::parts::failure::Broken;
use crate::reload::build::Build;
use crate::reload::build::staging::inputs::BuildInputs;
use crate::reload::build::staging::stage::Stage;
use crate::reload::build::staging::verify::{Checked, StageFailure};
use crate::reload::import::process::sys_modules;
use crate::reload::interrupt;
use crate::reload::interrupt::exceptions::exception;
use crate::reload::interrupt::run::{Abandoned, Reason};
use crate::reload::module::prefetch::PrefetchMap;
use os::log;
use reload_core::graph::Name;

/// Why a build was not published.
pub(in crate::reload) enum Unpublished {
    /// It has failed; everything is as before.
    Broken(Box<Broken>),
    /// What it read is not the newest any more; everything is as before.
    Superseded,
    /// It took too long, and another thread has taken it back.
    Abandoned,
}

/// How a build ends.
enum Outcome {
    Publish(PrefetchMap),
    Fail(StageFailure),
    Supersede,
    Abandon,
}

/// Builds a generation that takes in the changes, and publishes it.
///
/// # Errors
/// Why it is not published.
pub(in crate::reload) fn build(
    py: Python<'_>,
    application: &Arc<Application>,
    inputs: BuildInputs,
    build: &Arc<Build>,
) -> Result<(), Unpublished> {
    let begun = Instant::now();
    let (stage, result) = run_with_orphans(py, application, inputs, build)?;
    if result.is_ok() {
        call_off_if_outdated(py, &stage);
    }
    let closed = build.run.close();
    if closed.is_ok() {
        drop(build.take());
    }
    match outcome(closed, result) {
        Outcome::Publish(prefetched) => {
            let names = stage.publish(py, prefetched);
            log::info!("generation {}: {names} ({:.1} ms)", stage.number, begun.elapsed().as_secs_f64() * 1e3);
            Ok(())
        }
        Outcome::Fail(failure) => Err(Unpublished::Broken(take_back(py, &stage, failure))),
        Outcome::Supersede => {
            stage.undo(py);
            stage.discard(py);
            Err(Unpublished::Superseded)
        }
        Outcome::Abandon => {
            // The thread was left behind between two stages, so that no other thread has taken the second one back.
            if let Some(stage) = build.take() {
                stage.discard(py);
            }
            Err(Unpublished::Abandoned)
        }
    }
}

/// Runs what the changes ask for; and again with the modules whose packages turn out to have failed, until there are no more of
/// those. Returns the last stage and whether it can be published.
///
/// # Errors
/// When not even a stage can be made.
fn run_with_orphans(
    py: Python<'_>,
    application: &Arc<Application>,
    mut inputs: BuildInputs,
    build: &Arc<Build>,
) -> Result<(Arc<Stage>, Checked), Unpublished> {
    loop {
        let stage = Arc::new(Stage::new(py, application, &inputs, build).map_err(|e| {
            let (text, brief) = (error::format(py, &e), error::brief(py, &e));
            let lacks_memory = e.is_instance_of::<PyMemoryError>(py);
            Unpublished::Broken(Box::new(Broken { text, brief, lacks_memory, ..Broken::default() }))
        })?);
        build.hold(&stage);
        let result = run_and_check(py, &stage);
        let orphans = stage.orphans();
        // Whichever thread takes the stage out of the build takes it back.
        if orphans.is_empty() || build.run.reason().is_some() || build.take().is_none() {
            return Ok((stage, result));
        }
        stage.undo(py);
        stage.discard(py);
        inputs.changes.extend(orphans.into_iter().map(|name| (name, Change::open(None))));
    }
}

fn run_and_check(py: Python<'_>, stage: &Arc<Stage>) -> Checked {
    let order = stage.order();
    let _supervised = interrupt::supervise(py, &stage.build.run);
    let _entered = stage.context().enter();
    stage.run(py, &order).map_err(StageFailure::of_build)?;
    if !stage.orphans().is_empty() {
        // Nothing is decided before the modules have run that have lost their package.
        return Ok(PrefetchMap::new_sync());
    }
    stage.check(py)?;
    stage.look_ahead(py)
}

/// Calls a finished build off if files were edited while bodies read them, unless too many builds were called off already.
fn call_off_if_outdated(py: Python<'_>, stage: &Stage) {
    let build = &stage.build;
    if !build.may_begin_again() {
        return;
    }
    let bodies = stage.executions();
    if stage.has_read_since(&bodies) && py.detach(|| stage.application.is_outdated(build, &bodies)) {
        build.run.call_off(Reason::Superseded);
    }
}

/// How a build ends, by whether it was called off and by what came of it.
fn outcome(closed: Result<Option<Reason>, Abandoned>, result: Checked) -> Outcome {
    match (closed, result) {
        (Err(Abandoned), _) => Outcome::Abandon,
        (Ok(Some(Reason::Superseded)), _) => Outcome::Supersede,
        // A body that has swallowed the exception has not come to the end it was meant to come to.
        (Ok(Some(Reason::Late)), Ok(_)) => Outcome::Fail(StageFailure::of_build(exception(Reason::Late))),
        (Ok(_), Ok(prefetched)) => Outcome::Publish(prefetched),
        (Ok(_), Err(failure)) => Outcome::Fail(failure),
    }
}

/// Takes a failed stage back. Returns what is remembered of the failure.
fn take_back(py: Python<'_>, stage: &Arc<Stage>, failure: StageFailure) -> Box<Broken> {
    let StageFailure { module, error } = failure;
    stage.undo(py);
    let blame = module.map(|module| stage.to_blame(py, module, &error)).unwrap_or_default();
    let attempts = stage.discard(py);
    let mut broken = stage.broken(blame, error::format(py, &error), error::brief(py, &error), attempts);
    broken.lacks_memory = error.is_instance_of::<PyMemoryError>(py);
    if stage.build.run.reason() == Some(Reason::Late) {
        broken.is_late(stage.build.run.limit);
    }
    broken
}

impl Stage {
    /// Makes the modules in this order, unless imports ask for them sooner.
    ///
    /// # Errors
    /// When the build is called off, or an effect of a body cannot be taken over. The failure of a module is remembered.
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
                    self.note_failure(name, gone);
                    self.lock().gone.insert(name.clone());
                }
                Err(e) if self.build.run.reason().is_some() => return Err(e),
                Err(e) => self.note_failure(name, e),
            }
            // A body may have swallowed the exception: the next one need not run any more.
            if let Some(reason) = self.build.run.reason() {
                return Err(exception(reason));
            }
            if let Some(refusal) = self.effects.refusal(py) {
                return Err(refusal);
            }
        }
        Ok(())
    }
}
