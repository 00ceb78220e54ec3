//! Ends a child whose only thread for requests hangs in code that nothing ends: it can serve nothing any more, and httpd makes
//! another one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::reload::interrupt::run::Run;
use os::{Condvar, Mutex, Worker, log};

/// Runs that were called off and cannot be left behind, and when they must have ended.
static EXPECTED: Mutex<Vec<(Arc<Run>, Instant)>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();
static WORKER: Worker =
    Worker::new("mod_python-end", work, "a child whose only thread hangs in a body that nothing ends does not end");

/// Ends the child unless the run ends within this time. A thread of its own waits for that: the background thread may hang with
/// the code, if that keeps the interpreter lock.
pub fn expect_end(run: &Arc<Run>, grace: Duration) {
    EXPECTED.lock().push((run.clone(), Instant::now() + grace));
    MORE.notify_all();
    WORKER.start();
}

fn work() {
    let mut held = EXPECTED.lock();
    loop {
        let now = Instant::now();
        held.retain(|(run, _)| run.is_stuck());
        if held.iter().any(|(_, until)| *until <= now) {
            break;
        }
        held = match held.iter().map(|(_, until)| *until).min() {
            Some(until) => MORE.wait_timeout(held, until - now),
            None => MORE.wait(held),
        };
    }
    log::error!(
        "a body that was called off goes on, whatever is raised in it: the child ends, so that httpd makes another one"
    );
    // SAFETY: ends the process at once; what it shares with others outlives the death of any process.
    unsafe { libc::_exit(0) };
}
