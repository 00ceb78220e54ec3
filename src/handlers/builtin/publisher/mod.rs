//! `mod_python.publisher`: URLs to functions and objects of modules.

mod arguments;
mod output;
mod page;
mod protect;
mod traverse;

use std::ffi::c_int;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;

use crate::api::Request;
use crate::config::record::Settings;
use crate::config::{HandlerEntry, OnError};
use crate::handlers::builtin::contract::{BuiltinHandler, HandlerCall};
use crate::handlers::builtin::publisher::page::Page;
use crate::handlers::refusal;
use crate::httpd::{RequestRec, sys};
use crate::reload::Context;

/// A request that ends with a status, or Python code that failed.
enum Refused {
    Status(u32),
    Error(PyErr),
}

impl From<PyErr> for Refused {
    fn from(error: PyErr) -> Self {
        Self::Error(error)
    }
}

type PublishedObject<T> = Result<T, Refused>;

/// `mod_python.publisher`.
pub struct Publisher;

impl BuiltinHandler for Publisher {
    /// With a `PythonPath`, which leaves the section's directory out for handlers, pages still need it; where no section names
    /// one, it is the page's own.
    fn directory(&self, entry: &HandlerEntry, settings: &Settings, filename: Option<&str>) -> Option<PathBuf> {
        let filename = filename?;
        match entry.place.directory_for(Some(filename)) {
            // A page below a directory whose name cannot be part of a module's name begins an application of its own.
            Some(own) if page::is_nameable(Path::new(&own), filename) => {
                settings.path.is_some().then(|| PathBuf::from(own))
            }
            _ => page::directory_of(filename).map(Path::to_owned),
        }
    }

    fn handle(&self, py: Python<'_>, request: &Bound<'_, Request>, call: HandlerCall<'_>) -> PyResult<c_int> {
        match publish(py, request, call) {
            Ok(()) => Ok(0),
            Err(Refused::Status(status)) => Ok(status.cast_signed()),
            Err(Refused::Error(e)) => Err(e),
        }
    }
}

/// Handles a request from inside Python, with what the running application sees.
///
/// # Errors
/// As [`Publisher::handle`]; `RuntimeError` outside a request.
pub fn handle_here(py: Python<'_>, request: &Bound<'_, Request>) -> PyResult<c_int> {
    match Context::innermost().and_then(Context::pinned) {
        Some(pin) => {
            let call = HandlerCall { pin: &pin, extension: None, on_error: OnError::LastGood };
            Publisher.handle(py, request, call)
        }
        None => Err(pyo3::exceptions::PyRuntimeError::new_err("the publisher runs inside a request only")),
    }
}

fn publish(py: Python<'_>, request: &Bound<'_, Request>, call: HandlerCall<'_>) -> PublishedObject<()> {
    let HandlerCall { pin, extension, on_error } = call;
    let record = request.get().rec()?;
    check_method(record)?;
    let page = Page::find(record, pin, extension).ok_or(Refused::Status(sys::HTTP_NOT_FOUND))?;
    if page.is_private() {
        return Err(Refused::Status(sys::HTTP_FORBIDDEN));
    }
    record.set_filename(page.file.as_os_str().as_bytes());
    let module = pin.context().find(py, &page.module)?.ok_or(Refused::Status(sys::HTTP_NOT_FOUND))?;
    pin.application.add_entry(&page.module, None);
    if on_error == OnError::Fail {
        refusal::check(&pin.application, &page.module)?;
    }
    let mut guard = protect::Guard::new(request);
    let target = traverse::resolve(py, &mut guard, &module.exposed(py), &page.path)?;
    output::publish(py, request, target)
}

fn check_method(record: RequestRec) -> PublishedObject<()> {
    let method = record.raw().method_number;
    // HEAD has the number of GET.
    let allowed = [sys::M_GET, sys::M_POST];
    if allowed.iter().any(|m| m.cast_signed() == method) {
        return Ok(());
    }
    for name in [&b"GET"[..], b"HEAD", b"POST"] {
        record.allow_method(name);
    }
    Err(Refused::Status(sys::HTTP_METHOD_NOT_ALLOWED))
}
