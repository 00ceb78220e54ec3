//! Forks by handlers. The copy must never return into httpd, or two processes would answer one client.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::fork_gate;

static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn before() {
    fork_gate::shut();
}

extern "C" fn after() {
    fork_gate::open();
}

extern "C" fn in_copy() {
    FORKED.store(true, Ordering::Relaxed);
    fork_gate::open_in_copy();
}

/// Handles forks of this process from now on. Called once in each child of httpd.
pub fn watch() {
    // SAFETY: the functions use atomics and a thread-local number, which is allowed in the child of a fork.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(in_copy)) };
}

/// Whether this process is a copy that a handler forked.
pub fn is_copy() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Ends the process if it is a copy, without running what belongs to the original: cleanups, atexit functions, buffered output.
pub fn leave_copy() {
    if is_copy() {
        // SAFETY: _exit is always allowed and does not return.
        unsafe { libc::_exit(0) };
    }
}
