//! Threads of our own inside a child of httpd.

use std::io;
use std::mem::MaybeUninit;

use super::guard;

/// What Python's main thread usually has: its compiler and old versions of its interpreter recurse in C.
const STACK: usize = 16 << 20;

/// Starts a thread that no signal is delivered to: httpd's handlers expect httpd's threads. A panic in it is logged.
///
/// # Errors
/// What the system says when it has no more threads.
pub fn spawn(name: &'static str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets are initialised by the calls that take them; the thread inherits the mask of this one.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let spawned =
        std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(move || guard(name, (), body));
    // SAFETY: `before` was filled in above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    spawned.map(drop)
}
