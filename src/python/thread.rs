//! Thread states: one per thread of httpd, kept for the thread's life.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::Python;
use pyo3::ffi;

use crate::httpd::RequestRec;

/// Set when the child leaves: thread states are then left alone.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// From now on thread states are not taken down any more.
pub fn leave() {
    LEAVING.store(true, Ordering::Release);
}

/// Whether the child is leaving.
pub fn leaving() -> bool {
    LEAVING.load(Ordering::Acquire)
}

thread_local! {
    static ATTACHED: Cell<u32> = const { Cell::new(0) };
    static KEPT: KeptState = KeptState::new();
}

/// Holds the thread's state open, so that attaching finds it again: `threading.local` lives on, and no thread state is made
/// and destroyed for each request.
struct KeptState(ffi::PyGILState_STATE);

impl KeptState {
    fn new() -> Self {
        // SAFETY: Python is initialised before any thread attaches. The count stays one above zero until the drop below;
        // releasing the lock in between is what PyEval_SaveThread is for.
        unsafe {
            let state = ffi::PyGILState_Ensure();
            ffi::PyEval_SaveThread();
            Self(state)
        }
    }
}

impl Drop for KeptState {
    fn drop(&mut self) {
        if leaving() {
            return;
        }
        // SAFETY: the thread's own state exists because the count is at least one; it is made current again, and the release
        // takes the count to zero, which deletes it.
        unsafe {
            ffi::PyEval_RestoreThread(ffi::PyGILState_GetThisThreadState());
            ffi::PyGILState_Release(self.0);
        }
    }
}

/// Attaches this thread to Python for the time of `body`.
pub fn attach<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    KEPT.with(|_| ());
    ATTACHED.set(ATTACHED.get() + 1);
    let _count = StateCount;
    Python::attach(body)
}

/// Whether this thread is anywhere inside `attach`, be it detached for a moment.
pub fn inside() -> bool {
    ATTACHED.get() > 0
}

struct StateCount;

impl Drop for StateCount {
    fn drop(&mut self) {
        ATTACHED.set(ATTACHED.get() - 1);
    }
}

/// A request whose thread leaves Python for a moment.
struct OnThisThread(RequestRec);

// SAFETY: `Python::detach` runs its closure on the calling thread; nothing moves to another one.
unsafe impl Send for OnThisThread {}

impl OnThisThread {
    fn request(self) -> RequestRec {
        self.0
    }
}

/// Leaves Python while `work` uses a request. `work` runs on this thread; its bound keeps Python objects out of it. It may enter
/// Python again through handlers and filters of other requests.
pub fn detached<R: Send>(py: Python<'_>, request: RequestRec, work: impl FnOnce(RequestRec) -> R + Send) -> R {
    let request = OnThisThread(request);
    py.detach(move || work(request.request()))
}
