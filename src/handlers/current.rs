//! The request that a handler runs for on this thread.

use std::cell::RefCell;

use crate::httpd::RequestRec;

thread_local! {
    static RUNNING: RefCell<Vec<RequestRec>> = const { RefCell::new(Vec::new()) };
}

/// Ends the request's turn when dropped.
pub struct Running(());

/// From now on this thread runs handlers of the request.
pub fn enter(request: RequestRec) -> Running {
    RUNNING.with_borrow_mut(|running| running.push(request));
    Running(())
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(Vec::pop);
    }
}

/// The request whose handler runs on this thread; the innermost where one runs inside another.
pub fn request() -> Option<RequestRec> {
    RUNNING.with_borrow(|running| running.last().copied())
}
