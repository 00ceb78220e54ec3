//! The exception `SERVER_RETURN`, with which Python code ends a handler.

use std::ffi::c_int;

use pyo3::prelude::*;

/// The exception `SERVER_RETURN(status)`.
pub fn server_return(py: Python<'_>, status: c_int) -> PyErr {
    let raised =
        crate::python::import(py, "_apache").and_then(|module| module.getattr("SERVER_RETURN")?.call1((status,)));
    match raised {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Whether an exception is `SERVER_RETURN`.
pub fn is_server_return(py: Python<'_>, error: &PyErr) -> bool {
    let kind = crate::python::import(py, "_apache").and_then(|module| module.getattr("SERVER_RETURN"));
    kind.is_ok_and(|kind| error.matches(py, kind).unwrap_or(false))
}
