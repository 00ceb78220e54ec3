//! Threads that the module starts inside a child of httpd.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::time::Duration;

use crate::{guard, log};

/// The size of a stack. Python's compiler, and old versions of its interpreter, recurse in C as far as the stack of a main thread
/// allows.
const STACK: usize = 16 << 20;

/// Starts a thread that gets no signals, as httpd's signal handlers expect to run in httpd's threads. A panic in it is logged.
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

/// How much processor time the calling thread has used, which on a busy machine is less than the time that has passed.
pub fn time_at_work() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the function fills in the record that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A thread that is started when it is needed for the first time, and once in a process. It lives in a `static`:
///
/// ```
/// static WORKER: os::Worker = os::Worker::new("example", || (), "examples are not worked on");
/// WORKER.start();
/// WORKER.start(); // does nothing
/// ```
pub struct Worker {
    name: &'static str,
    work: fn(),
    lost: &'static str,
    started: Once,
}

impl Worker {
    /// A thread of this name, at most 15 bytes of which the system shows. `lost` is a clause that says what does not happen
    /// without it.
    pub const fn new(name: &'static str, work: fn(), lost: &'static str) -> Self {
        Self { name, work, lost, started: Once::new() }
    }

    /// Starts the thread unless that was tried before. If the system has no more threads, that is logged.
    pub fn start(&self) {
        self.started.call_once(|| {
            if let Err(e) = spawn(self.name, self.work) {
                log::warning!("the thread {} could not be started ({e}): {}", self.name, self.lost);
            }
        });
    }
}
