//! How deep imports may nest: as deep as the thread's stack allows, whatever Python's own limits are.

use std::cell::Cell;
use std::mem::MaybeUninit;

use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;

/// This part of the stack, one over it, is left to what the innermost code does.
const RESERVE: usize = 4;

thread_local! {
    /// The address that nested imports must stay above, once it has been looked up.
    static FLOOR: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whether there is room for another body inside those that run on this thread. Python's own limits count frames and calls of C,
/// of which a nested import has few; from 3.13 on they are so wide that the stack ends before.
///
/// # Errors
/// `RecursionError` when there is not.
pub fn check(_: Python<'_>, module: &str) -> PyResult<()> {
    let floor = FLOOR.get().unwrap_or_else(|| {
        let floor = floor();
        FLOOR.set(Some(floor));
        floor
    });
    let here = 0_u8;
    if std::ptr::from_ref(&here).addr() > floor {
        return Ok(());
    }
    Err(PyRecursionError::new_err(format!("imports are nested too deep for the thread's stack at module '{module}'")))
}

/// 0 where the system does not tell.
fn floor() -> usize {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the record is filled in by the first call, read by the second and freed by the third only if that has succeeded.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0;
        }
        if libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size) != 0 {
            size = 0;
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    if size == 0 { 0 } else { lowest.addr() + size / RESERVE }
}
