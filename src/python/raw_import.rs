//! Python's own modules for our own use, past the hook that managed code imports through.

use std::ffi::{CString, c_int};

use pyo3::exceptions::{PyImportError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

/// `sys.modules`, as the interpreter itself knows it.
pub fn modules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: attached; the answer is borrowed and never null once Python runs.
    let modules: Bound<'_, PyAny> = unsafe { Bound::from_borrowed_ptr(py, ffi::PyImport_GetModuleDict()) };
    Ok(modules.cast_into()?)
}

/// How deep calls may go.
pub fn recursion_limit(_: Python<'_>) -> c_int {
    // SAFETY: attached.
    unsafe { ffi::Py_GetRecursionLimit() }
}

/// The same, to be changed. Calls nothing of Python, so it works where nothing can be called any more.
pub fn set_recursion_limit(_: Python<'_>, limit: c_int) {
    // SAFETY: attached.
    unsafe { ffi::Py_SetRecursionLimit(limit) };
}

/// A module that is not managed: from `sys.modules`, else by Python's own import, never by ours.
///
/// # Errors
/// What importing it raises.
pub fn import<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyModule>> {
    let modules = modules(py)?;
    // Also for a module that is there: another thread may be loading it, and Python waits for that.
    let c_name = CString::new(name).map_err(|e| PyValueError::new_err(e.to_string()))?;
    // SAFETY: attached; the name ends in NUL, and the absent arguments may be null.
    let imported = unsafe {
        let null = std::ptr::null_mut();
        Bound::from_owned_ptr_or_err(py, ffi::PyImport_ImportModuleLevel(c_name.as_ptr(), null, null, null, 0))
    }?;
    drop(imported);
    match modules.get_item(name)? {
        Some(module) => Ok(module.cast_into()?),
        None => Err(PyImportError::new_err(format!("{name} did not come into sys.modules"))),
    }
}
