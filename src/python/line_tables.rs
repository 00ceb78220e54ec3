//! The lines that code objects tell, for tracebacks.

use std::ffi::c_int;

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

unsafe extern "C" {
    fn mpr_lines_can_be_exchanged(a: *mut PyObject, b: *mut PyObject) -> c_int;
    fn mpr_exchange_lines(a: *mut PyObject, b: *mut PyObject);
}

/// Two code objects with the same instructions.
pub type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Exchanges the lines of pairs of code objects whose instructions are the same, if it can be done for all of them; tells
/// whether it was. It cannot while the interpreter traces one of them.
///
/// Functions and frames that run the code tell the new lines from then on. Code objects count their first line in their hash,
/// so one that is a key somewhere is not found there any more.
pub fn exchange(pairs: &[Pair<'_>]) -> bool {
    // SAFETY: the pairs show that this thread is attached; the functions check the types and run no Python code.
    let can = pairs.iter().all(|(a, b)| unsafe { mpr_lines_can_be_exchanged(a.as_ptr(), b.as_ptr()) } != 0);
    if can {
        for (a, b) in pairs {
            // SAFETY: as above, and both are code objects.
            unsafe { mpr_exchange_lines(a.as_ptr(), b.as_ptr()) };
        }
    }
    can
}
