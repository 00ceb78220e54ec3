//! Python's exceptions as text.

use std::ffi::c_long;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// The traceback and the exception as `traceback.print_exception` would show them.
pub fn format(py: Python<'_>, error: &PyErr) -> String {
    let formatted = (|| -> PyResult<String> {
        let lines = crate::python::import(py, "traceback")?
            .call_method1("format_exception", (error.get_type(py), error.value(py), error.traceback(py)))?;
        lines.try_iter()?.map(|line| line?.extract::<String>()).collect()
    })();
    formatted.unwrap_or_else(|_| brief(py, error)).trim_end().to_owned()
}

/// The last line of `format`: the exception's type and text.
pub fn brief(py: Python<'_>, error: &PyErr) -> String {
    // Where there is no memory, asking for the name fails as well.
    let nameless = || if error.is_instance_of::<PyMemoryError>(py) { "MemoryError" } else { "exception" };
    let name = error.get_type(py).name().map_or_else(|_| nameless().to_owned(), |n| n.to_string());
    match error.value(py).str() {
        Ok(text) if text.len().unwrap_or(0) > 0 => format!("{name}: {}", text.to_string_lossy()),
        _ => name,
    }
}

/// Where a thread is in its Python code, as a traceback would show it.
///
/// # Errors
/// `KeyError` when it runs none.
pub fn stack_of(py: Python<'_>, thread: c_long) -> PyResult<String> {
    let frames = crate::python::import(py, "sys")?.getattr("_current_frames")?.call0()?;
    let lines = crate::python::import(py, "traceback")?.call_method1("format_stack", (frames.get_item(thread)?,))?;
    let lines: Vec<String> = lines.extract()?;
    Ok(format!("Traceback (most recent call last):\n{}", lines.concat().trim_end()))
}
