//! How long a record of httpd may be used, and by which thread.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Shared between a record's pool cleanup, which ends it, and the Python objects that refer to the record.
///
/// APR pools belong to one thread, so a lease also names the thread that works on the record now.
#[derive(Default)]
pub struct Lease {
    ended: AtomicBool,
    owner: AtomicUsize,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The record's pool has been destroyed.
    Ended,
    /// Another thread works on the record.
    OtherThread,
}

impl Lease {
    /// The lease now belongs to the calling thread. Called at the start of every phase.
    pub fn take(&self) {
        self.owner.store(thread_mark(), Ordering::Relaxed);
    }

    /// The record is gone.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether the record is gone.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Checks that the calling thread may use the record.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.ended() {
            Err(Refusal::Ended)
        } else if self.owner.load(Ordering::Relaxed) != thread_mark() {
            Err(Refusal::OtherThread)
        } else {
            Ok(())
        }
    }
}

/// A number that no two living threads share: the address of a thread-local.
fn thread_mark() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark) as usize)
}
