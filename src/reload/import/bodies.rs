//! Which managed body runs on this thread, and whether the thread is inside Python's own import.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;

use crate::reload::module::managed::Managed;
use os::{Mutex, StaticMap, static_map};

thread_local! {
    static BODIES: RefCell<Vec<Arc<Managed>>> = const { RefCell::new(Vec::new()) };
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
    static HELPED: RefCell<Weak<Managed>> = const { RefCell::new(Weak::new()) };
    static OUTSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Threads that run a managed body and are inside Python's own import, where they may wait for a lock of importlib.
static OWNERS_OUTSIDE: Mutex<StaticMap<ThreadId, u32>> = Mutex::new(static_map());

/// Runs an import of Python's own. The engine's and importlib's locks do not know of each other: a thread that waits for a managed
/// module uses [`is_outside`] and [`is_owner_outside`] to find out whether its wait may have no end.
pub(in crate::reload) fn outside<R>(import: impl FnOnce() -> R) -> R {
    struct Inside(Option<ThreadId>);
    impl Drop for Inside {
        fn drop(&mut self) {
            OUTSIDE.set(OUTSIDE.get() - 1);
            let Some(thread) = &self.0 else { return };
            let mut owners = OWNERS_OUTSIDE.lock();
            if let Some(depth) = owners.get_mut(thread) {
                *depth -= 1;
                if *depth == 0 {
                    owners.remove(thread);
                }
            }
        }
    }
    OUTSIDE.set(OUTSIDE.get() + 1);
    let owner = BODIES.with_borrow(|bodies| !bodies.is_empty()).then(|| std::thread::current().id());
    if let Some(thread) = owner {
        *OWNERS_OUTSIDE.lock().entry(thread).or_default() += 1;
    }
    let _inside = Inside(owner);
    let _left = leave_body();
    import()
}

/// Whether this thread is inside Python's own import.
pub(in crate::reload) fn is_outside() -> bool {
    OUTSIDE.get() > 0
}

/// Whether a thread that runs a managed body is inside Python's own import.
pub(in crate::reload) fn is_owner_outside(thread: ThreadId) -> bool {
    OWNERS_OUTSIDE.lock().contains_key(&thread)
}

/// The innermost body that this thread runs.
pub(in crate::reload) fn running_body() -> Option<Arc<Managed>> {
    BODIES.with_borrow(|bodies| bodies.last().cloned())
}

/// The body that what this thread reads counts for: its own, or the unfinished one that started the thread.
pub(in crate::reload) fn reading_body() -> Option<Arc<Managed>> {
    let helped = || HELPED.with_borrow(Weak::upgrade).filter(|body| !body.has_run());
    is_in_body().then(|| running_body().or_else(helped)).flatten()
}

/// Until the returned mark is dropped, what this thread reads counts for a body that runs on another thread.
pub(in crate::reload) fn help(body: Weak<Managed>) -> BodyMark {
    HELPED.set(body);
    BodyMark(IN_BODY.replace(true))
}

/// Whether a managed body acts on this thread now, rather than the engine or an unmanaged module that the body imports.
pub fn is_in_body() -> bool {
    IN_BODY.get()
}

/// Sets [`is_in_body`] back to what it was when this is dropped.
pub(in crate::reload) struct BodyMark(bool);

impl Drop for BodyMark {
    fn drop(&mut self) {
        IN_BODY.set(self.0);
    }
}

/// Until the returned mark is dropped, the running body does not account for what this thread does.
pub(in crate::reload) fn leave_body() -> BodyMark {
    BodyMark(IN_BODY.replace(false))
}

/// Ends the body when dropped.
pub(in crate::reload) struct RunningBody {
    _before: BodyMark,
}

/// A body begins to run on this thread.
pub(in crate::reload) fn begin_body(module: &Arc<Managed>) -> RunningBody {
    BODIES.with_borrow_mut(|bodies| bodies.push(module.clone()));
    RunningBody { _before: BodyMark(IN_BODY.replace(true)) }
}

impl Drop for RunningBody {
    fn drop(&mut self) {
        let body = BODIES.with_borrow_mut(Vec::pop);
        drop(body);
    }
}
