//! Who builds. A child that serves one request at a time builds in the thread of the request, which is Python's main thread:
//! its bodies may do what only that one may, and a signal ends what they wait for. A child with many threads keeps a thread for
//! that: Python is started in it, and it builds while requests wait. Further threads build what comes meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use os::{Condvar, Mutex, fork, log, thread};

type BuildWork = Box<dyn FnOnce() + Send>;

/// Where the main thread of Python gets its work.
struct WorkSlot {
    is_open: bool,
    work: Option<BuildWork>,
}

static IS_INLINE: AtomicBool = AtomicBool::new(false);
static DESK: Mutex<WorkSlot> = Mutex::new(WorkSlot { is_open: false, work: None });
static RUNG: Condvar = Condvar::new();

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
        // Nobody else has the other end.
        let _ = done.send(start());
        serve();
    });
    if let Err(e) = spawned {
        log::crit!("no thread for Python ({e})");
    }
    started.recv().ok()
}

fn serve() {
    let mut desk = DESK.lock();
    loop {
        let Some(work) = desk.work.take() else {
            desk.is_open = true;
            desk = RUNG.wait(desk);
            continue;
        };
        drop(desk);
        os::guard("a build", (), work);
        fork::leave_copy();
        desk = DESK.lock();
    }
}

/// Has a thread do the work; this one does not wait for it. Without a thread the work is dropped, that is logged, and the
/// answer is no.
pub fn hand_over(work: impl FnOnce() + Send + 'static) -> bool {
    let work: BuildWork = Box::new(work);
    {
        let mut desk = DESK.lock();
        if desk.is_open {
            desk.is_open = false;
            desk.work = Some(work);
            drop(desk);
            RUNG.notify_all();
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
