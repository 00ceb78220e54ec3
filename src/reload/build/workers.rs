//! The threads that build.
//!
//! A child that serves one request at a time builds in the thread of the request. That is Python's main thread, so that bodies may do
//! what only that one may, such as set signal handlers, and a signal ends calls that wait in them.
//!
//! A child with many threads has a thread for that, `mod_python-main`: Python is started in it, and it builds while requests wait.
//! If there is more to build meanwhile, as for another application, further threads are started.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use os::{Condvar, Mutex, fork, log, thread};

type BuildWork = Box<dyn FnOnce() + Send>;

/// The work of Python's main thread.
struct WorkSlot {
    /// The thread waits for work.
    is_open: bool,
    /// Work that it has not begun.
    work: Option<BuildWork>,
}

static IS_INLINE: AtomicBool = AtomicBool::new(false);
static SLOT: Mutex<WorkSlot> = Mutex::new(WorkSlot { is_open: false, work: None });
static FILLED: Condvar = Condvar::new();

/// Whether the threads of requests build by themselves, as there is only one.
pub fn is_inline() -> bool {
    IS_INLINE.load(Ordering::SeqCst)
}

/// Runs what starts Python, in the thread that is to be its main thread: the calling one where it is the only one for requests.
pub fn start<R: Send + 'static>(is_inline: bool, start: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    IS_INLINE.store(is_inline, Ordering::SeqCst);
    if is_inline {
        return Some(start());
    }
    let (done, started) = mpsc::channel();
    let spawned = thread::spawn("mod_python-main", move || {
        // The thread that waits below has the other end.
        let _ = done.send(start());
        serve();
    });
    if let Err(e) = spawned {
        log::crit!("no thread for Python ({e})");
    }
    started.recv().ok()
}

fn serve() {
    let mut slot = SLOT.lock();
    loop {
        let Some(work) = slot.work.take() else {
            slot.is_open = true;
            slot = FILLED.wait(slot);
            continue;
        };
        drop(slot);
        os::guard("a build", (), work);
        fork::leave_copy();
        slot = SLOT.lock();
    }
}

/// Has a thread do the work, for which the calling one does not wait. If the system has no more threads, the work is dropped, that is
/// logged, and the result is false.
pub fn hand_over(work: impl FnOnce() + Send + 'static) -> bool {
    let work: BuildWork = Box::new(work);
    {
        let mut slot = SLOT.lock();
        if slot.is_open {
            slot.is_open = false;
            slot.work = Some(work);
            drop(slot);
            FILLED.notify_all();
            return true;
        }
    }
    let spawned = thread::spawn("mod_python-build", move || {
        work();
        fork::leave_copy();
    });
    if let Err(e) = &spawned {
        log::error!("no thread for a build ({e}); the next request tries again");
    }
    spawned.is_ok()
}
