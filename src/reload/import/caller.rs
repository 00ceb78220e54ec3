//! The Python code that has called into the engine.

use std::sync::Arc;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reload::application::Application;
use crate::reload::application::view::Context;
use crate::reload::module::managed::{self, Managed};

/// The managed module whose code is nearest on the stack.
pub(in crate::reload) fn nearest_managed(py: Python<'_>) -> Option<Arc<Managed>> {
    // SAFETY: attached; the frame is borrowed from the running thread and kept by the new reference.
    let mut frame: Bound<'_, PyAny> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast())? };
    loop {
        let globals = frame.getattr("f_globals").ok()?;
        if let Some(record) = globals.cast::<PyDict>().ok().and_then(managed::by_globals) {
            return Some(record);
        }
        frame = frame.getattr("f_back").ok().filter(|f| !f.is_none())?;
    }
}

/// The application of the code that calls, and what is seen there.
pub(in crate::reload) fn calling_context(py: Python<'_>) -> Option<Context> {
    let application = nearest_managed(py).and_then(|module| module.application.get::<Application>());
    application.map(Context::of).or_else(Context::innermost)
}

/// The namespace of the Python code that calls.
pub(in crate::reload) fn calling_globals(py: Python<'_>) -> Option<Bound<'_, PyDict>> {
    // SAFETY: attached; the returned reference is borrowed, and null when no Python code runs.
    let globals: Option<Bound<'_, PyAny>> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetGlobals()) };
    globals?.cast_into().ok()
}

/// The code object that runs.
pub(in crate::reload) fn calling_code(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    // SAFETY: attached; the frame is borrowed from the running thread and kept by the new reference.
    let frame: Bound<'_, PyAny> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast())? };
    frame.getattr("f_code").ok()
}
