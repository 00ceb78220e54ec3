//! The one boundary between C and Rust: a panic becomes a log line and a fallback, never an aborted child.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::log;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Runs `body`, which C called as `entry`. If it panics, logs that and returns `fallback`.
///
/// Every `extern "C"` function of the module consists of one call of this.
pub fn guard<T>(entry: &str, fallback: T, body: impl FnOnce() -> T) -> T {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(body));
    DEPTH.set(DEPTH.get() - 1);
    match result {
        Ok(value) => value,
        Err(payload) => {
            let text = format!("panic in {entry}: {}; this is a bug of mod_python_rs", message(&*payload));
            let _ = catch_unwind(AssertUnwindSafe(|| log::crit!("{}", &text)));
            // A payload whose destructor panics would unwind into C after all.
            std::mem::forget(payload);
            fallback
        }
    }
}

/// Whether this thread entered another guarded function before the one that it runs now: a signal handler of httpd may end the
/// child inside one.
pub fn entered_deeper() -> bool {
    DEPTH.get() > 1
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
