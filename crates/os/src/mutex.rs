//! The one lock type of the process, and the condition that goes with it.
//!
//! Every lock stands behind the [fork gate](crate::fork_gate): a thread that holds one is counted, and a fork waits until no
//! other thread holds any. So the copy of a process never inherits a lock whose holder does not exist there.
#![allow(clippy::disallowed_types, reason = "this is the one place that wraps the standard library's lock")]

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::thread::{self, Thread};
use std::time::Duration;

use crate::fork_gate::Pass;

/// A lock. A panic of its holder does not poison it: the guard in front of C has logged the panic, and the state behind every lock
/// is valid between two statements.
///
/// ```
/// use os::Mutex;
///
/// static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());
/// NAMES.lock().push("shop");
/// assert_eq!(*NAMES.lock(), ["shop"]);
/// ```
#[derive(Default)]
pub struct Mutex<T> {
    inner: std::sync::Mutex<T>,
}

/// A lock that is held. Dropping it unlocks.
pub struct MutexGuard<'a, T> {
    // Dropped before the pass, so that the gate never lets a fork through while the lock is held.
    guard: std::sync::MutexGuard<'a, T>,
    mutex: &'a Mutex<T>,
    _pass: Pass,
}

impl<T> Mutex<T> {
    /// A lock around a value.
    pub const fn new(value: T) -> Self {
        Self { inner: std::sync::Mutex::new(value) }
    }

    /// Waits for the lock, and for a fork that is under way.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let pass = Pass::enter();
        let guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { guard, mutex: self, _pass: pass }
    }

    /// The value, which no other thread can reach.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> std::fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mutex(..)")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A condition that threads wait for.
///
/// The standard library's condition takes its lock again inside the wait, past the gate: a process that is forked at that moment
/// would have a copy in which the lock is never released. Here a thread parks without any lock, and takes the lock again through
/// the gate. A wait may return early, so that the caller checks its condition in a loop:
///
/// ```
/// use os::{Condvar, Mutex};
///
/// static IS_DONE: Mutex<bool> = Mutex::new(false);
/// static DONE: Condvar = Condvar::new();
/// let thread = std::thread::spawn(|| {
///     *IS_DONE.lock() = true;
///     DONE.notify_all();
/// });
/// let mut is_done = IS_DONE.lock();
/// while !*is_done {
///     is_done = DONE.wait(is_done);
/// }
/// # drop(is_done);
/// # thread.join().unwrap();
/// ```
#[derive(Default)]
pub struct Condvar {
    waiting: Mutex<Vec<Thread>>,
}

impl Condvar {
    /// A condition for which no thread waits.
    pub const fn new() -> Self {
        Self { waiting: Mutex::new(Vec::new()) }
    }

    /// Unlocks, waits to be notified, and locks again.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.park(guard, thread::park)
    }

    /// Unlocks, waits to be notified, for this time at most, and locks again.
    pub fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, time: Duration) -> MutexGuard<'a, T> {
        self.park(guard, || thread::park_timeout(time))
    }

    /// Wakes all threads that wait.
    pub fn notify_all(&self) {
        self.waiting.lock().drain(..).for_each(|thread| thread.unpark());
    }

    fn park<'a, T>(&self, guard: MutexGuard<'a, T>, park: impl FnOnce()) -> MutexGuard<'a, T> {
        let mutex = guard.mutex;
        // While the caller's lock is held: a notification that comes after its release finds this thread.
        self.waiting.lock().push(thread::current());
        drop(guard);
        park();
        let me = thread::current().id();
        self.waiting.lock().retain(|thread| thread.id() != me);
        mutex.lock()
    }
}
