//! The content handler: `PythonHandler`.

use std::ffi::c_int;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;

use crate::api::Request;
use crate::api::module::server_return;
use crate::api::request::ActivePhase;
use crate::api::state::{self, RequestState};
use crate::config::record::Settings;
use crate::config::{Consistency, DirConfig, HandlerEntry, OnError, ReloadMode};
use crate::handlers::builtin::{self, HandlerCall};
use crate::handlers::outcome::{self, FAILED, Label};
use crate::handlers::select::{self, Target};
use crate::handlers::{callable, current, extensions, pins, refusal};
use crate::httpd::{RequestRec, log, sys};
use crate::python::{self, embed, error};
use crate::reload::PinnedGeneration;
use crate::reload::import::sys_modules;
use os::fork;

const PHASE: &str = "PythonHandler";
const DEFAULT_OBJECT: &str = "handler";
/// `PythonReloadTimeout`'s default, in milliseconds.
const DEFAULT_TIMEOUT: u64 = 10_000;

/// Answers a request, or declines it.
pub fn handle(request: RequestRec) -> c_int {
    if !request.handler().is_some_and(|name| extensions::HANDLER_NAMES.contains(&name)) {
        return sys::DECLINED;
    }
    let config = DirConfig::of(&request);
    let filename = request.filename().map(String::from_utf8_lossy);
    let extension = filename.as_deref().map(extensions::of);
    let Some((entries, by_extension)) = config.handlers(extension) else { return sys::DECLINED };
    if let Err(reason) = embed::running() {
        log::request!(request, log::Level::ERROR, "{reason}");
        return FAILED;
    }
    let extension = match extension {
        Some("") => Some(""),
        Some(extension) if by_extension => Some(extension),
        _ => None,
    };
    PhaseRun { request, settings: &config.settings, entries, filename: filename.as_deref(), extension }.run()
}

/// One run of a list of handlers.
struct PhaseRun<'a> {
    request: RequestRec,
    settings: &'a Settings,
    entries: &'a [HandlerEntry],
    filename: Option<&'a str>,
    extension: Option<&'a str>,
}

impl PhaseRun<'_> {
    fn run(&self) -> c_int {
        // The first handler's generation is settled on before Python is entered, so that nobody waits for a build inside.
        let first = self.entries.first().map(|entry| self.prepare(entry));
        let (status, output) = python::attach(|py| self.run_attached(py, first));
        fork::leave_copy();
        // Output of a handler that failed is not sent: the error page takes its place.
        let is_kept = matches!(status, 0 | sys::DONE | sys::DECLINED);
        if is_kept && !output.is_empty() && self.request.write(&output).is_err() {
            log::request!(
                self.request,
                log::Level::INFO,
                "the client closed the connection before the response was written",
            );
        }
        status
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
        let application = select::application(self.request, self.settings, entry, directory)?;
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
        RequestState::of(&self.request).add_pin(pin.clone());
        Ok(pin)
    }

    fn run_attached(&self, py: Python<'_>, first: Option<PyResult<PinnedGeneration>>) -> (c_int, Vec<u8>) {
        let request = match Request::of(py, self.request) {
            Ok(request) => request,
            Err(e) => {
                log::request!(self.request, log::Level::ERROR, "{}", error::format(py, &e));
                return (FAILED, Vec::new());
            }
        };
        let interpreter = match &first {
            Some(Ok(pin)) => pin.application.key.interpreter.clone(),
            _ => select::interpreter(self.settings, self.request.server()),
        };
        request.get().begin_phase(
            py,
            ActivePhase {
                name: PHASE,
                interpreter,
                extension: self.extension.map(Box::from),
                entries: std::ptr::from_ref(self.entries),
                directories: Vec::new(),
            },
        );
        let running = current::enter(self.request);
        let status = self.run_list(py, &request, first);
        drop(running);
        let output = request.get().take_output(py);
        request.get().end_phase(py);
        drop(request);
        state::release(py, self.request);
        (status, output)
    }

    fn run_list(
        &self,
        py: Python<'_>,
        request: &Bound<'_, Request>,
        first: Option<PyResult<PinnedGeneration>>,
    ) -> c_int {
        let mut first = first;
        let mut status = sys::DECLINED;
        for (index, entry) in self.entries.iter().enumerate() {
            request.get().set_entry(py, index);
            let label = Label { phase: PHASE, handler: &entry.text };
            let debug = self.settings.debug.unwrap_or(false);
            let pin = match first.take() {
                Some(pin) => pin,
                None => {
                    let Self { settings, entries, filename, extension, .. } = *self;
                    python::detached(py, self.request, |request| {
                        PhaseRun { request, settings, entries, filename, extension }.prepare(entry)
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
        let _seen = RequestState::of(&self.request).enter_pins(pin);
        if sys_modules::has_rivals() {
            sys_modules::prefer(py, &pin.application, &pin.generation)?;
        }
        if let Some(handler) = builtin::of(entry.kind) {
            let call = HandlerCall { pin, extension: self.extension, on_error };
            return handler.handle(py, request, call).map(HandlerAnswer::Status);
        }
        let target = Target::of(entry, self.filename);
        let object = entry.object.as_deref().unwrap_or(DEFAULT_OBJECT);
        let handler = callable::resolve(py, &pin.context(), &target.module, object, request.as_any(), entry.id != 0)?;
        if on_error == OnError::Fail {
            refusal::check(&pin.application, &target.module)?;
        }
        handler.call1((request,)).map(HandlerAnswer::Value)
    }

    /// Another child has served newer code than this one can: the client is asked to come again.
    fn send_away(&self) -> PyErr {
        log::request!(
            self.request,
            log::Level::WARNING,
            "another child serves newer code, which this child could not build or not in time; PythonReloadConsistency is \
             server, so the request is answered 503",
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
