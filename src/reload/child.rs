//! The start of the engine in a child.

use std::ffi::CStr;

use pyo3::prelude::*;

use crate::reload::import::{self, file_reads};
use crate::reload::interrupt;

/// Installs the engine into Python: its import hook with the sources of its loader and of its comparison of edits, the record of
/// files that code reads, and time limits. `is_only_thread` says that requests run on the main thread.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>, loader: &CStr, edits: &CStr, is_only_thread: bool) -> PyResult<()> {
    import::install(py, loader, edits)?;
    file_reads::install(py)?;
    interrupt::install(py, is_only_thread)
}
