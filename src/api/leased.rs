//! What Python is told when it uses an object whose record is gone or in other hands.

use pyo3::PyErr;
use pyo3::exceptions::PyRuntimeError;

use crate::httpd::lease::Refusal;

/// The `RuntimeError` for a refusal; `what` names the record, as in "request".
pub fn refused(what: &str, refusal: Refusal) -> PyErr {
    PyRuntimeError::new_err(match refusal {
        Refusal::Ended => format!("the {what} has ended"),
        Refusal::OtherThread => format!("the {what} belongs to another thread"),
    })
}
