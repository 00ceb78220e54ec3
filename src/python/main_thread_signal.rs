//! Waking Python's main thread out of a call that waits: by a signal, which is all that ends a `time.sleep`.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyCFunction;

struct Bell {
    thread: libc::pthread_t,
    signal: c_int,
    handler: libc::sighandler_t,
}

static BELL: OnceLock<Bell> = OnceLock::new();

/// Makes `handler` what Python's main thread, which is the caller, runs when it is woken. It takes one of the real-time signals
/// that has no handler.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>, handler: &Bound<'_, PyCFunction>) -> PyResult<()> {
    let free = (libc::SIGRTMIN() + 1..libc::SIGRTMAX()).rev().find(|signal| handler_of(*signal) == Some(libc::SIG_DFL));
    let Some(signal) = free else { return Ok(()) };
    crate::python::import(py, "_signal")?.getattr("signal")?.call1((signal, handler))?;
    let Some(installed) = handler_of(signal) else { return Ok(()) };
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is initialised by the first call; the others only concern this thread.
    let thread = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut());
        libc::pthread_self()
    };
    // A second call in one process would have been made for the same thread.
    let _ = BELL.set(Bell { thread, signal, handler: installed });
    Ok(())
}

fn handler_of(signal: c_int) -> Option<libc::sighandler_t> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks without changing anything; the record is filled in when the call succeeds.
    unsafe {
        (libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0).then(|| action.assume_init().sa_sigaction)
    }
}

/// Whether the calling thread is the one that can be woken.
pub fn is_here() -> bool {
    // SAFETY: both are threads' names as pthreads gives them.
    BELL.get().is_some_and(|bell| unsafe { libc::pthread_equal(bell.thread, libc::pthread_self()) } != 0)
}

/// Wakes Python's main thread, unless code has given the signal another handler. To be called only while that thread is
/// known to live.
pub fn wake() -> bool {
    let Some(bell) = BELL.get().filter(|bell| handler_of(bell.signal) == Some(bell.handler)) else { return false };
    // SAFETY: the thread lives as long as the process, or the caller knows that it runs; a handler is there.
    unsafe { libc::pthread_kill(bell.thread, bell.signal) == 0 }
}
