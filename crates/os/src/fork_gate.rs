//! The gate in front of the engine's locks. It is shut while a process is forked: a lock that another thread holds in that moment
//! would stay locked in the copy, where that thread does not exist.
//!
//! A fork by Python code holds the interpreter lock, and no lock of ours is held while a thread waits for that one, so the
//! threads inside come out soon.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Threads that hold a lock.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static IS_SHUT: AtomicBool = AtomicBool::new(false);
/// How many forks lie between this process and the child of httpd.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// How long a fork waits for the threads inside. Without an end it could hang where it is only dangerous to go on.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_micros(20);

thread_local! {
    /// How many locks this thread holds.
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

/// Shuts the gate and waits until no other thread is inside: this one is about to fork.
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

/// The same in the copy, where no other thread is.
pub fn open_in_copy() {
    INSIDE.store(usize::from(DEPTH.get() > 0), Ordering::SeqCst);
    FORKS.fetch_add(1, Ordering::SeqCst);
    open();
}

/// How many forks lie between this process and the child of httpd: what a thread of another number was doing nobody ends.
pub fn forks() -> usize {
    FORKS.load(Ordering::SeqCst)
}
