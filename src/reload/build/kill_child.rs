//! Ends a child whose one thread for requests hangs in a body that nothing ends: it is of no use to anybody, and httpd makes
//! another one.

use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crate::reload::build::Build;
use os::{Condvar, Mutex, MutexGuard, log, thread};

/// Builds that are called off and cannot be left behind, and when they must have come to their end.
static EXPECTED: Mutex<Vec<(Arc<Build>, Instant)>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();
static STARTED: Once = Once::new();

fn expected() -> MutexGuard<'static, Vec<(Arc<Build>, Instant)>> {
    EXPECTED.lock()
}

/// Ends the child unless the build comes to its end within this time. A thread of its own waits for that: the janitor may hang
/// with the body, if that keeps the interpreter lock.
pub fn expect_end(build: &Arc<Build>, grace: Duration) {
    expected().push((build.clone(), Instant::now() + grace));
    MORE.notify_all();
    STARTED.call_once(|| {
        if let Err(e) = thread::spawn("mod_python-end", work) {
            log::error!("no thread to end a child whose build does not end ({e})");
        }
    });
}

fn work() {
    let mut held = expected();
    loop {
        let now = Instant::now();
        held.retain(|(build, _)| build.is_stuck());
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
