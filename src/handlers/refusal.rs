//! `PythonReloadOnError fail`: code that cannot be built is not papered over with older code.

use pyo3::create_exception;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use crate::reload::Application;
use reload_core::graph::Name;

create_exception!(
    _apache,
    EditedCodeBroken,
    PyImportError,
    "The edited code cannot be built, and PythonReloadOnError is fail."
);

/// Whether a request for this module may be answered while newer code of it cannot be built.
///
/// # Errors
/// `EditedCodeBroken` if not, with what the build said as its second argument.
pub fn check(application: &Application, module: &Name) -> PyResult<()> {
    match application.failure_of(module) {
        None => Ok(()),
        Some(failure) => Err(EditedCodeBroken::new_err((
            format!("the edited code cannot be built, and PythonReloadOnError is fail: {}", failure.brief),
            failure.text.clone(),
        ))),
    }
}

/// What the log says of a refusal, which has logged its traceback when the build failed, and what the build said; `None` for
/// any other error.
pub fn told(py: Python<'_>, error: &PyErr) -> Option<(String, String)> {
    if !error.is_instance_of::<EditedCodeBroken>(py) {
        return None;
    }
    error.value(py).getattr("args").and_then(|arguments| arguments.extract()).ok()
}
