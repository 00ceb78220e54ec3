//! What a handler's result or exception means to httpd.

use std::ffi::c_int;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyString, PyTuple};

use crate::api::Request;
use crate::api::module::server_return::is_server_return;
use crate::api::state::RequestState;
use crate::handlers::refusal;
use crate::httpd::log::Level;
use crate::httpd::{RequestRec, sys};
use crate::python::error;

/// The status that says: failed, look into the log.
pub const FAILED: c_int = sys::HTTP_INTERNAL_SERVER_ERROR.cast_signed();

/// The phase and the handler that runs, for the log.
#[derive(Clone, Copy)]
pub struct Label<'a> {
    /// The directive.
    pub phase: &'a str,
    /// The handler as configured.
    pub handler: &'a str,
}

/// Turns what a handler returned or raised into a status for httpd.
pub fn status(
    py: Python<'_>,
    request: &Bound<'_, Request>,
    label: Label<'_>,
    debug: bool,
    result: PyResult<Bound<'_, PyAny>>,
) -> c_int {
    let checked = result.and_then(|value| check(&value)).or_else(|e| match e {
        e if is_server_return(py, &e) => returned(py, request, &e),
        e => Err(e),
    });
    checked.unwrap_or_else(|e| report(py, request, label, debug, &e))
}

/// The result must be an int and no other type: `None`, `True` and texts are mistakes.
fn check(value: &Bound<'_, PyAny>) -> PyResult<c_int> {
    // SAFETY: the object is alive.
    if unsafe { ffi::PyLong_CheckExact(value.as_ptr()) } == 0 {
        let kind = value.get_type().name()?;
        return Err(pyo3::exceptions::PyAssertionError::new_err(format!(
            "the handler must return an int such as apache.OK, not {kind}"
        )));
    }
    value.extract()
}

/// `SERVER_RETURN(code)` and `SERVER_RETURN(code, status)`.
fn returned(py: Python<'_>, request: &Bound<'_, Request>, error: &PyErr) -> PyResult<c_int> {
    let arguments = error.value(py).getattr("args")?;
    let arguments = arguments.cast::<PyTuple>()?;
    let wrong =
        || pyo3::exceptions::PyTypeError::new_err("SERVER_RETURN takes a status, or a result and a status, as ints");
    let code: c_int = arguments.get_item(0).and_then(|c| c.extract()).map_err(|_| wrong())?;
    if arguments.len() > 1 {
        let status: c_int = arguments.get_item(1)?.extract().map_err(|_| wrong())?;
        if status != 0 {
            request.get().rec()?.set_status(status);
        }
    }
    Ok(code)
}

/// Logs an exception with its traceback; with `PythonDebug On` also shows it to the client.
pub fn report(py: Python<'_>, request: &Bound<'_, Request>, label: Label<'_>, debug: bool, error: &PyErr) -> c_int {
    let Ok(record) = request.get().rec() else { return FAILED };
    let subject = &RequestState::of(&record).subject;
    let id = record.error_id();
    let (log_text, text) = match refusal::told(py, error) {
        Some(told) => told,
        None => {
            let text = error::format(py, error);
            (text.clone(), text)
        }
    };
    if record.is_aborted() {
        let brief = error::brief(py, error);
        subject.log(Level::INFO, format_args!("{} {}: {brief}", label.phase, label.handler));
        return sys::DONE;
    }
    for line in log_text.lines() {
        subject.log(Level::ERROR, format_args!("[id {id}] {} {}: {line}", label.phase, label.handler));
    }
    request.get().discard_output();
    if debug { show(py, request, record, label, &id, &text) } else { FAILED }
}

fn show(
    py: Python<'_>,
    request: &Bound<'_, Request>,
    record: RequestRec,
    label: Label<'_>,
    id: &str,
    text: &str,
) -> c_int {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Mod_python error</title></head><body>\n\
         <pre>\nMod_python error: \"{} {}\"\n\n{}\n</pre>\n<p>Request id {}</p>\n</body></html>\n",
        label.phase,
        escape(label.handler),
        escape(text),
        escape(id),
    );
    if record.raw().sent_bodyct == 0 {
        record.set_status(FAILED);
        record.set_content_type(b"text/html; charset=utf-8");
    }
    match request.call_method1("write", (PyString::new(py, &page), 0)) {
        Ok(_) => sys::DONE,
        Err(_) => FAILED,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
