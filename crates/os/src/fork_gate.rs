//! The gate in front of every [`Mutex`](crate::Mutex). A fork shuts it and waits for the threads inside: a lock that another thread
//! held at that moment would stay locked in the copy, where that thread does not exist.
//!
//! The wait is short. Python code that forks holds the interpreter lock, and no thread waits for that one while it holds a lock of
//! this crate.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many threads hold a lock.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static IS_SHUT: AtomicBool = AtomicBool::new(false);
/// How often the child of httpd was forked to make this process: 1 in a copy of it, 2 in a copy of that.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How long a fork waits for the threads inside at most. Going on is then only dangerous, while waiting for ever would hang.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_micros(20);

thread_local! {
    /// How many locks this thread holds. Only the first one passes the gate, so that a thread inside never waits for it.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Counts this thread as inside until it is dropped.
pub(crate) struct Pass(());

impl Pass {
    pub(crate) fn enter() -> Self {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        if depth == 0 {
            loop {
                INSIDE.fetch_add(1, Ordering::SeqCst);
                if !IS_SHUT.load(Ordering::SeqCst) {
                    break;
                }
                INSIDE.fetch_sub(1, Ordering::SeqCst);
                thread::sleep(PAUSE);
            }
        }
        Self(())
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Shuts the gate, and waits until no other thread is inside. The calling thread is about to fork.
pub fn shut() {
    IS_SHUT.store(true, Ordering::SeqCst);
    let own = usize::from(DEPTH.get() > 0);
    let begun = Instant::now();
    while INSIDE.load(Ordering::SeqCst) > own && begun.elapsed() < PATIENCE {
        thread::sleep(PAUSE);
    }
}

/// Opens the gate again after the fork.
pub fn open() {
    IS_SHUT.store(false, Ordering::SeqCst);
}

/// Opens the gate in the copy, where there is no other thread.
pub fn open_in_copy() {
    INSIDE.store(usize::from(DEPTH.get() > 0), Ordering::SeqCst);
    FORKS.fetch_add(1, Ordering::SeqCst);
    open();
}

/// How often the child of httpd was forked to make this process. What a thread had begun at another number is never finished here.
pub fn forks() -> usize {
    FORKS.load(Ordering::SeqCst)
}
