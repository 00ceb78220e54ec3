//! How long a record of httpd may be used, and by which thread.

use std::ptr::NonNull;
use std::sync::Arc;
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
pub enum LeaseRefusal {
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
    pub fn check(&self) -> Result<(), LeaseRefusal> {
        if self.ended() {
            Err(LeaseRefusal::Ended)
        } else if self.owner.load(Ordering::Relaxed) != thread_mark() {
            Err(LeaseRefusal::OtherThread)
        } else {
            Ok(())
        }
    }
}

/// A record's address, reached only through its lease: what a Python object keeps of a record it does not own.
pub struct Leased<T> {
    lease: Arc<Lease>,
    record: NonNull<T>,
}

// SAFETY: it is an address; `get` hands it out only to the thread that works on the record, while that is alive.
unsafe impl<T> Send for Leased<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Leased<T> {}

impl<T> Clone for Leased<T> {
    fn clone(&self) -> Self {
        Self { lease: Arc::clone(&self.lease), record: self.record }
    }
}

impl<T> Leased<T> {
    /// # Safety
    /// `record` lives until the lease ends.
    pub unsafe fn new(lease: Arc<Lease>, record: NonNull<T>) -> Self {
        Self { lease, record }
    }

    /// The record's address, which the calling thread may follow until it ends the lease or lets another thread take it.
    pub fn get(&self) -> Result<NonNull<T>, LeaseRefusal> {
        self.lease.check().map(|()| self.record)
    }

    /// The lease.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Whether both refer to the same record.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lease, &other.lease) && self.record == other.record
    }
}

/// A number that no two living threads share: the address of a thread-local.
fn thread_mark() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark) as usize)
}
