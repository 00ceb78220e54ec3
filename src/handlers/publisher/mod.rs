//! `mod_python.publisher`: URLs to functions and objects of modules.

mod arguments;
mod output;
mod page;
mod protect;
mod traverse;

use std::ffi::c_int;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;

use crate::api::Request;
use crate::config::HandlerEntry;
use crate::config::record::Settings;
use crate::handlers::publisher::page::Page;
use crate::handlers::refusal;
use crate::httpd::{RequestRec, sys};
use crate::reload::PinnedGeneration;
use crate::reload::application::view::Context;

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

/// Whether an entry names the publisher's own handler, which runs without a detour through Python.
pub fn is_publisher(entry: &HandlerEntry) -> bool {
    &*entry.module == "mod_python.publisher" && entry.object.as_deref().is_none_or(|object| object == "handler")
}

/// The directory of a page's application, where that is not simply the one that the handler's section names: with a
/// `PythonPath`, which leaves that one out for handlers but cannot do so for pages, and where no section names one.
pub fn directory(entry: &HandlerEntry, settings: &Settings, filename: Option<&str>) -> Option<PathBuf> {
    let filename = filename?;
    match entry.place.directory_for(Some(filename)) {
        // A page below a directory whose name cannot be part of a module's name begins an application of its own.
        Some(own) if page::is_nameable(Path::new(&own), filename) => {
            settings.path.is_some().then(|| PathBuf::from(own))
        }
        _ => page::directory_of(filename).map(Path::to_owned),
    }
}

/// Answers a request. `fails` tells that a page of which there is newer code that cannot be built is refused.
///
/// # Errors
/// What the page's code raises.
pub fn handle(
    py: Python<'_>,
    request: &Bound<'_, Request>,
    pin: &PinnedGeneration,
    extension: Option<&str>,
    fails: bool,
) -> PyResult<c_int> {
    match publish(py, request, pin, extension, fails) {
        Ok(()) => Ok(0),
        Err(Refused::Status(status)) => Ok(status.cast_signed()),
        Err(Refused::Error(e)) => Err(e),
    }
}

/// Answers a request from inside Python, with what the running application sees.
///
/// # Errors
/// As [`handle`]; `RuntimeError` outside a request.
pub fn handle_here(py: Python<'_>, request: &Bound<'_, Request>) -> PyResult<c_int> {
    match Context::innermost().and_then(Context::pinned) {
        Some(pin) => handle(py, request, &pin, None, false),
        None => Err(pyo3::exceptions::PyRuntimeError::new_err("the publisher runs inside a request only")),
    }
}

fn publish(
    py: Python<'_>,
    request: &Bound<'_, Request>,
    pin: &PinnedGeneration,
    extension: Option<&str>,
    fails: bool,
) -> PublishedObject<()> {
    let record = request.get().rec()?;
    check_method(record)?;
    let page = Page::find(record, pin, extension).ok_or(Refused::Status(sys::HTTP_NOT_FOUND))?;
    if page.is_private() {
        return Err(Refused::Status(sys::HTTP_FORBIDDEN));
    }
    record.set_filename(page.file.as_os_str());
    let module = pin.context().find(py, &page.module)?.ok_or(Refused::Status(sys::HTTP_NOT_FOUND))?;
    pin.application.add_entry(&page.module, None);
    if fails {
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
