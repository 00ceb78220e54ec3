//! A handler may fork. The copy must never return into httpd: two processes would answer one client.

use std::sync::atomic::{AtomicBool, Ordering};

static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_copy() {
    FORKED.store(true, Ordering::Relaxed);
}

/// Watches for forks from here on. Called once in each child of httpd.
pub fn watch() {
    // SAFETY: the function only stores to an atomic, which is allowed in the child of a fork.
    unsafe { libc::pthread_atfork(None, None, Some(in_copy)) };
}

/// Whether this process is a copy that a handler made.
pub fn is_copy() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Ends the copy, without running what belongs to the original: its cleanups, its atexit functions, its buffered output.
pub fn leave_copy() {
    if is_copy() {
        // SAFETY: _exit is always allowed and does not return.
        unsafe { libc::_exit(0) };
    }
}
