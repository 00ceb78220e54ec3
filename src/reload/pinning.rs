//! What code asks for to stay as it is: `mod_python.reload.pin` and `exclude`, and `apache.freeze_modules`.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::import::{self, bodies};
use crate::reload::module::keep::Keep;
use reload_core::graph::Name;

/// The application whose code asks.
fn asking(py: Python<'_>) -> PyResult<Arc<Application>> {
    import::calling_context(py).map(|context| context.application).ok_or_else(|| {
        PyRuntimeError::new_err("only code that httpd serves, or that such code has loaded, belongs to an application")
    })
}

/// Keeps a module: at once, or when the body that asks for it has run to its end.
///
/// # Errors
/// `RuntimeError` for code that belongs to no application.
pub fn keep(py: Python<'_>, keep: Keep) -> PyResult<()> {
    let application = asking(py)?;
    match bodies::running_body() {
        Some(body) => body.note_keep(keep),
        None => application.keep([keep]),
    }
    Ok(())
}

/// Keeps the module of this name, and all that lie in it.
///
/// # Errors
/// As [`keep`]; `ValueError` when that is no name.
pub fn pin(py: Python<'_>, name: &str) -> PyResult<()> {
    if name.split('.').any(str::is_empty) {
        return Err(PyValueError::new_err(format!(
            "'{name}' is not a module name: it takes names joined by single dots"
        )));
    }
    keep(py, Keep::Pinned(Name::from(name)))
}

/// No module of the calling code's application is made anew from now on, until the child ends.
///
/// # Errors
/// As [`keep`].
pub fn freeze(py: Python<'_>) -> PyResult<()> {
    asking(py)?.kept.freeze();
    Ok(())
}
