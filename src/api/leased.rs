//! The exception for the use of an object whose record has ended or belongs to another thread.

use pyo3::PyErr;
use pyo3::exceptions::PyRuntimeError;

use crate::httpd::lease::LeaseRefusal;

/// The `RuntimeError` for a refusal; `what` names the record, as in "request".
pub fn refused(what: &str, refusal: LeaseRefusal) -> PyErr {
    PyRuntimeError::new_err(match refusal {
        LeaseRefusal::Ended => format!("the {what} has ended"),
        LeaseRefusal::OtherThread => format!("the {what} belongs to another thread"),
    })
}
