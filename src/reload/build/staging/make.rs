//! Making the modules of a stage.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::build::staging::stage::Stage;
use crate::reload::build::staging::staged_modules::{Made, StagePlan};
use crate::reload::import::execute::{self, ModuleOrder};
use crate::reload::import::sources;
use crate::reload::interrupt::exceptions::exception;
use crate::reload::interrupt::run::Reason;
use crate::reload::lifecycle::hooks;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use crate::reload::module::prefetch::Prefetched;
use crate::reload::module::source::Source;
use reload_core::files::file_version::FileVersion;
use reload_core::files::fingerprint::Content;
use reload_core::graph::Name;

impl Stage {
    /// Makes a module that the stage does not have yet.
    ///
    /// # Errors
    /// What making it raises; what it raised before, if it has failed already.
    pub(super) fn make(&self, py: Python<'_>, name: &Name, origin: &Origin) -> PyResult<Arc<Managed>> {
        self.go_on()?;
        let plan = {
            let mut table = self.lock();
            // The body of the package may have made it on the way here.
            if let Some(made) = table.made.get(name) {
                return Ok(made.record().clone());
            }
            match table.failed.get(name) {
                Some(failure) => Err(failure.clone_ref(py)),
                None => Ok(table.plan.remove(name)),
            }
        };
        let plan = plan.inspect_err(|_| self.note_met(py, name))?;
        let before = self.base.ready(name);
        if let (Some(StagePlan::Renew), Some(before)) = (plan, &before) {
            let renewed = self.children.get(name).map(Vec::as_slice).unwrap_or_default();
            let record = execute::copy(py, before, renewed)?;
            self.lock().made.insert(name.clone(), Made::Ready(record.clone()));
            return Ok(record);
        }
        match self.source(py, name, origin, before.as_deref()).and_then(|source| self.execute(py, name, origin, source))
        {
            Ok(record) => self.finish(py, record, before.as_ref()),
            Err(e) => {
                self.remember_failed_body(py, name, origin, &e);
                Err(e)
            }
        }
    }

    /// Runs the module's body.
    fn execute(&self, py: Python<'_>, name: &Name, origin: &Origin, source: Arc<Source>) -> PyResult<Arc<Managed>> {
        let order = ModuleOrder {
            application: self.application.clone(),
            name: name.clone(),
            origin: origin.clone(),
            source,
            generation: self.number,
            draft: Some(self.effects.clone()),
            run: Some(self.build.run.clone()),
        };
        if let Some(file) = origin.file() {
            self.build.note_read(name, FileVersion::new(file, Some(order.source.hash())));
        }
        execute::run(py, order, |record| {
            self.lock().made.insert(name.clone(), Made::Running(record.clone()));
        })
    }

    /// The body has come to its end: the module gets what its predecessor hands on.
    ///
    /// # Errors
    /// As [`Stage::go_on`].
    fn finish(&self, py: Python<'_>, record: Arc<Managed>, before: Option<&Arc<Managed>>) -> PyResult<Arc<Managed>> {
        self.go_on()?;
        // Before any importer gets the module: importers may copy names out of it.
        if let Some(before) = before
            && let Err(e) = hooks::hand_on(py, &self.application, &self.base, before, &record, &self.effects)
        {
            self.effects.refuse(e);
        }
        self.lock().made.insert(record.name.clone(), Made::Ready(record.clone()));
        Ok(record)
    }

    /// Remembers what a failed module was made from: an edit of that is worth a retry.
    fn remember_failed_body(&self, py: Python<'_>, name: &Name, origin: &Origin, error: &PyErr) {
        let half_made = self.lock().made.remove(name);
        let begun = half_made.as_ref().map(|made| &**made.record());
        let missed = self.application.failed_load(begun, origin);
        self.note_met(py, name);
        if let (Some(file), Some(hash)) = (origin.file(), missed.hash) {
            self.build.note_read(name, FileVersion::new(file, Some(hash)));
        }
        let mut table = self.lock();
        table.attempts.push((name.clone(), missed.reads.clone()));
        table.missed.push((name.clone(), missed));
        table.failed.insert(name.clone(), error.clone_ref(py));
        drop(table);
        // Its destructors may import, so they must not run under the lock.
        drop(half_made);
    }

    /// Whether the build goes on.
    ///
    /// # Errors
    /// When another thread has taken this build back: what it makes from then on must not show.
    fn go_on(&self) -> PyResult<()> {
        if self.build.run.is_abandoned() { Err(exception(Reason::Late)) } else { Ok(()) }
    }

    /// The source to run: as the change has it, else as in the base, else as it is on disk.
    fn source(&self, py: Python<'_>, name: &Name, origin: &Origin, before: Option<&Managed>) -> PyResult<Arc<Source>> {
        let Some(file) = origin.file() else { return Ok(sources::namespace_source(origin)) };
        let content: Option<&Result<Content, _>> = self.changes.get(name).and_then(|c| c.content.as_ref());
        if let Some(source) = self.changes.get(name).and_then(|c| c.source.as_ref()) {
            return Ok(source.clone());
        }
        match content {
            Some(Ok(content)) => sources::compile(py, origin, content),
            Some(Err(e)) => Err(sources::unreadable(file, e)),
            None => match before {
                Some(before) if before.origin == *origin => Ok(before.source.clone()),
                _ => match self.base.sources.get(name) {
                    Some(Prefetched::Source(foreseen, source)) if foreseen == *origin => Ok(source),
                    _ => sources::read_and_compile(py, &self.application, origin),
                },
            },
        }
    }
}
