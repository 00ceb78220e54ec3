//! Runs of Python code with a time limit, and the one background thread of a child.
//!
//! Promises: while a [`Supervised`] lives, the code that its thread runs gets an exception once the run is called off, at the
//! latest when its time is over, again and again until the code ends. Where that is Python's main thread, a signal also ends
//! calls that wait, such as `time.sleep`. When the `Supervised` is dropped, no exception of the run can hit the code that
//! follows.
//!
//! Knows no build, no application and no import: what a run belongs to is a [`run::RunOwner`], and what else the background
//! thread does is a [`background::Task`].
//!
//! ```text
//! let _time = interrupt::limit(py, Duration::from_secs(10));
//! hook.call1(py, arguments)                  // raises ReloadTimeout after ten seconds
//! ```

pub mod background;
pub mod exceptions;
mod kill_child;
mod watchdog;

use std::cell::RefCell;
use std::ffi::c_long;
use std::sync::Arc;
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict};

use crate::python::main_thread_signal;
use crate::reload::interrupt::exceptions::exception;
use crate::reload::interrupt::run::{LastResort, Run};

pub use reload_core::interrupt::run;

thread_local! {
    /// The runs of this thread, the innermost last.
    static HERE: RefCell<Vec<Arc<Run>>> = const { RefCell::new(Vec::new()) };
}

/// Ends the supervision of a run when it is dropped.
pub struct Supervised<'py> {
    attached: Python<'py>,
    /// None in a copy of the child, which has no background thread.
    id: Option<u64>,
}

/// Supervises the code that this thread runs until the result is dropped. Its time begins now.
pub fn supervise<'py>(py: Python<'py>, run: &Arc<Run>) -> Supervised<'py> {
    run.begin(own_thread(), main_thread_signal::is_here());
    HERE.with_borrow_mut(|here| here.push(run.clone()));
    Supervised { attached: py, id: watchdog::add(run) }
}

/// Limits the time of the code that this thread runs until the result is dropped.
pub fn limit(py: Python<'_>, time: Duration) -> Supervised<'_> {
    supervise(py, &Run::new(time, LastResort::None))
}

/// The innermost run of this thread gets its whole time again: it has come to another body.
pub fn note_progress() {
    if let Some(run) = innermost() {
        run.begin_again();
    }
}

fn innermost() -> Option<Arc<Run>> {
    HERE.with_borrow(|here| here.last().cloned())
}

fn own_thread() -> c_long {
    // SAFETY: the function only reads the thread's identity.
    (unsafe { ffi::PyThread_get_thread_ident() }) as c_long
}

impl Drop for Supervised<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            watchdog::remove(id);
        }
        if let Some(run) = HERE.with_borrow_mut(Vec::pop) {
            run.pause();
            forget_sent(self.attached, &run);
        }
    }
}

/// Raises an exception here that was sent to this thread but not raised yet, so that it does not hit the code that follows. Taken
/// back by a null pointer instead, it would leave Python on the alert for ever, which costs time at each call and, in code that is
/// traced, never ends.
fn forget_sent(py: Python<'_>, run: &Run) {
    if run.take_sent() {
        let _ = py.run(c"pass", Some(&PyDict::new(py)), None);
    }
}

/// What Python's main thread runs when it is woken: raises the exception if its innermost run was called off.
#[pyfunction]
#[pyo3(signature = (*arguments))]
fn awake(arguments: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(run) = innermost() else { return Ok(()) };
    let Some(reason) = run.reason() else { return Ok(()) };
    run.hear();
    forget_sent(arguments.py(), &run);
    Err(exception(reason))
}

/// Prepares the child, in Python's main thread: from now on a signal ends calls that wait there. Where `is_only_thread`, that
/// thread is also the only one that serves requests.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>, is_only_thread: bool) -> PyResult<()> {
    run::set_only_thread(is_only_thread);
    watchdog::register();
    let awake: Bound<'_, PyCFunction> = wrap_pyfunction!(awake, py)?;
    main_thread_signal::install(py, &awake)
}
