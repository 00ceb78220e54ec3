//! Small conversions that the types of `_apache` share: log levels, warnings of old names, refused leases, and capsules.

use std::ffi::c_void;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::httpd::lease::LeaseRefusal;
use crate::httpd::log::{self, Level};
use crate::httpd::sys;

/// One of APLOG_* as given from Python; 0 stands for "not given" and means APLOG_ERR.
pub fn log_level(level: i64) -> Level {
    match u32::try_from(level).unwrap_or(0) & sys::APLOG_LEVELMASK {
        0 => Level::ERROR,
        level => Level::of(level),
    }
}

/// Logs that an old name was used.
pub fn warn_deprecated(sentence: &str) {
    log::warning!("{sentence}");
}

/// An anonymous capsule around one of httpd's records, as mod_python hands them out to other C code.
///
/// # Errors
/// `MemoryError`.
pub fn capsule<'py>(py: Python<'py>, record: *mut c_void) -> PyResult<Bound<'py, PyCapsule>> {
    // SAFETY: the pointer is not null, as records are not; the capsule has no name and frees nothing. The function returns a
    // new reference to a capsule, or null with an exception set.
    unsafe {
        let capsule = pyo3::ffi::PyCapsule_New(record, std::ptr::null(), None);
        Ok(Bound::from_owned_ptr_or_err(py, capsule)?.cast_into_unchecked())
    }
}

/// The `RuntimeError` for a refusal; `what` names the record, as in "request".
pub fn refused(what: &str, refusal: LeaseRefusal) -> PyErr {
    PyRuntimeError::new_err(match refusal {
        LeaseRefusal::Ended => format!("the {what} has ended"),
        LeaseRefusal::OtherThread => format!("the {what} belongs to another thread"),
    })
}
