//! Runs the handlers of a phase: for each, the application and the generation that the request sees of it, the call, and what
//! its result means.

use std::ffi::c_int;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use crate::api::Request;
use crate::api::module::server_return::server_return;
use crate::api::phase::ActivePhase;
use crate::api::state::{self, RequestState};
use crate::api::subject::Subject;
use crate::config::phase::Phase;
use crate::config::record::Settings;
use crate::config::{HandlerEntry, OnError};
use crate::handlers::builtin::{self, HandlerCall};
use crate::handlers::outcome::{self, FAILED, Label};
use crate::handlers::select::{self, Target};
use crate::handlers::{callable, current, pins, refusal};
use crate::httpd::log::Level;
use crate::httpd::{RequestRec, sys};
use crate::python::{self, error};
use crate::reload::{self, PinnedGeneration};
use os::fork;
use reload_core::policy::{Consistency, ReloadMode};

/// `PythonReloadTimeout`'s default, in milliseconds.
const DEFAULT_TIMEOUT: u64 = 10_000;

/// One run of a list of handlers for a request.
pub struct PhaseRun<'a> {
    /// The phase.
    pub phase: Phase,
    /// The request.
    pub request: RequestRec,
    /// The settings that apply to it.
    pub settings: &'a Settings,
    /// The handlers that the configuration names, at least one.
    pub entries: &'a Arc<[HandlerEntry]>,
    /// The request's file.
    pub filename: Option<&'a str>,
    /// The extension that chose the list, with its dot; `None` for a bare list.
    pub extension: Option<&'a str>,
}

/// What a run of handlers led to.
pub struct PhaseOutcome {
    /// The status for httpd.
    pub status: c_int,
    /// What the handlers wrote and did not flush.
    pub output: Vec<u8>,
}

impl PhaseRun<'_> {
    /// Runs the handlers until one of them does not return `OK`.
    pub fn run(&self) -> PhaseOutcome {
        // The first handler's generation is pinned before Python is entered, so that no thread waits for a build while attached.
        let first = self.entries.first().map(|entry| self.prepare(entry));
        let outcome = python::attach(|py| self.run_attached(py, first));
        fork::leave_copy();
        outcome
    }

    fn subject(&self) -> &Subject {
        &RequestState::of(&self.request).subject
    }

    /// The application of a handler, and the generation for this request.
    fn prepare(&self, entry: &HandlerEntry) -> PyResult<PinnedGeneration> {
        let directory = match builtin::of(entry.kind) {
            Some(handler) => handler.directory(entry, self.settings, self.filename),
            None => Target::of(entry, self.filename).directory,
        };
        self.pin(entry, directory)
    }

    fn pin(&self, entry: &HandlerEntry, directory: Option<PathBuf>) -> PyResult<PinnedGeneration> {
        let subject = self.subject();
        let filename = || self.request.filename().map(|name| String::from_utf8_lossy(name).into_owned());
        let application = select::application(subject, self.settings, entry, directory, filename)?;
        if let Some(pin) = pins::find(self.request, &application) {
            return Ok(pin);
        }
        let timeout = Duration::from_millis(self.settings.timeout.unwrap_or(DEFAULT_TIMEOUT));
        let mode = self.settings.mode.unwrap_or(ReloadMode::Sync);
        let consistency = self.settings.consistency.unwrap_or(Consistency::Child);
        let generation = match application.refresh(mode, consistency, timeout) {
            Some(generation) => generation,
            None => return Err(self.send_away()),
        };
        let pin = PinnedGeneration { application, generation };
        subject.add_pin(pin.clone());
        Ok(pin)
    }

    fn run_attached(&self, py: Python<'_>, first: Option<PyResult<PinnedGeneration>>) -> PhaseOutcome {
        let request = match Request::of(py, self.request) {
            Ok(request) => request,
            Err(e) => {
                self.subject().log(Level::ERROR, format_args!("{}", error::format(py, &e)));
                return PhaseOutcome { status: FAILED, output: Vec::new() };
            }
        };
        let interpreter = match &first {
            Some(Ok(pin)) => pin.application.key.interpreter.clone(),
            _ => select::interpreter(self.settings, self.subject().server),
        };
        let extension = self.extension.map(Box::from);
        request.get().begin_phase(ActivePhase::new(self.phase, interpreter, extension, Arc::clone(self.entries)));
        let running = current::enter(self.request);
        let status = self.run_list(py, &request, first);
        drop(running);
        let output = request.get().take_output();
        request.get().end_phase(py);
        drop(request);
        state::release(py, self.request);
        PhaseOutcome { status, output }
    }

    fn run_list(
        &self,
        py: Python<'_>,
        request: &Bound<'_, Request>,
        first: Option<PyResult<PinnedGeneration>>,
    ) -> c_int {
        let mut first = first;
        let mut status = sys::DECLINED;
        for index in 0.. {
            // Asked for at every step: a handler may have added others to the list.
            let Some(entries) = request.get().begin_handler(index) else { break };
            let entry = &entries[index];
            let label = Label { phase: self.phase.name(), handler: &entry.text };
            let debug = self.settings.debug.unwrap_or(false);
            let pin = match first.take() {
                Some(pin) => pin,
                None => {
                    let Self { phase, settings, entries, filename, extension, .. } = *self;
                    python::detached(py, self.request, |request| {
                        PhaseRun { phase, request, settings, entries, filename, extension }.prepare(entry)
                    })
                }
            };
            status = match pin.and_then(|pin| self.call(py, request, entry, &pin)) {
                Ok(HandlerAnswer::Status(status)) => status,
                Ok(HandlerAnswer::Value(value)) => outcome::status(py, request, label, debug, Ok(value)),
                Err(e) => outcome::status(py, request, label, debug, Err(e)),
            };
            if status != 0 {
                break;
            }
        }
        status
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, Request>,
        entry: &HandlerEntry,
        pin: &PinnedGeneration,
    ) -> PyResult<HandlerAnswer<'py>> {
        let on_error = self.settings.on_error.unwrap_or(OnError::LastGood);
        // Objects of other applications that this request has come through see what it has pinned of them.
        let _seen = self.subject().enter_pins(pin);
        if reload::has_rivals() {
            reload::prefer(py, &pin.application, &pin.generation)?;
        }
        if let Some(handler) = builtin::of(entry.kind) {
            let call = HandlerCall { pin, extension: self.extension, on_error };
            return handler.handle(py, request, call).map(HandlerAnswer::Status);
        }
        let target = Target::of(entry, self.filename);
        let object = entry.object.as_deref().unwrap_or(self.phase.default_object());
        let handler = callable::resolve(py, &pin.context(), &target.module, object, request.as_any(), entry.id != 0)?;
        if on_error == OnError::Fail {
            refusal::check(&pin.application, &target.module)?;
        }
        handler.call1((request,)).map(HandlerAnswer::Value)
    }

    /// Another child has served newer code than this one can: the client is asked to come again.
    fn send_away(&self) -> PyErr {
        self.subject().log(
            Level::WARNING,
            format_args!(
                "another child serves newer code, which this child could not build or not in time; PythonReloadConsistency \
                 is server, so the request is answered 503"
            ),
        );
        self.request.set_err_header(b"Retry-After", b"1");
        python::attach(|py| server_return(py, sys::HTTP_SERVICE_UNAVAILABLE.cast_signed()))
    }
}

enum HandlerAnswer<'py> {
    /// A status that needs no checking.
    Status(c_int),
    /// What a handler returned.
    Value(Bound<'py, PyAny>),
}
