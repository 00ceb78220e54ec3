//! Which build of an application is under way, and whether there is anything to build.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::reload::interrupt::run::Run;
use os::{Condvar, Mutex, MutexGuard};

/// Who builds in an application, and whether there is anything to do.
#[derive(Default)]
pub(in crate::reload) struct BuildTurn {
    dirty: AtomicBool,
    pub(in crate::reload) building: AtomicBool,
    /// Builds in a row that were called off, as what they had read was edited.
    pub(in crate::reload) superseded: AtomicU32,
    /// The run of the build.
    builder: Mutex<Option<Arc<Run>>>,
    /// Notified when a build ends.
    pub(in crate::reload) built: Condvar,
    /// `PythonReloadTimeout` in milliseconds, of the last request.
    limit: AtomicU64,
}

impl BuildTurn {
    /// A build has something to take in.
    pub(in crate::reload) fn note_change(&self) {
        self.dirty.store(true, Ordering::SeqCst);
    }

    /// Whether a build has something to take in.
    pub(in crate::reload) fn has_change(&self) -> bool {
        self.dirty.load(Ordering::SeqCst)
    }

    /// The same, for the thread that takes it in.
    pub(in crate::reload) fn take_change(&self) -> bool {
        self.dirty.swap(false, Ordering::SeqCst)
    }

    /// Whether the current generation has everything that was announced.
    pub(in crate::reload) fn is_settled(&self) -> bool {
        // In this order: a builder says that it builds before it takes the flag away.
        !self.has_change() && !self.building.load(Ordering::SeqCst)
    }

    /// Remembers `PythonReloadTimeout` of a request.
    pub(in crate::reload) fn note_limit(&self, limit: Duration) {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        // It is seldom another one, and a store would contend for the cache line.
        if self.limit.load(Ordering::Relaxed) != limit {
            self.limit.store(limit, Ordering::Relaxed);
        }
    }

    /// How long a body may run that is loaded for the first time: longer than one that is loaded again, as it imports what is not
    /// managed as well.
    pub(in crate::reload) fn load_limit(&self) -> Duration {
        const LEAST: Duration = Duration::from_secs(10);
        (Duration::from_millis(self.limit.load(Ordering::Relaxed)) * 6).max(LEAST)
    }

    /// Whether a build runs.
    pub(in crate::reload) fn is_building(&self) -> bool {
        self.builder().is_some()
    }

    /// The run of the build under way. The lock keeps it from ending.
    pub(in crate::reload) fn builder(&self) -> MutexGuard<'_, Option<Arc<Run>>> {
        self.builder.lock()
    }

    /// Ends the wait for this build.
    pub(in crate::reload) fn end(&self, build: &Arc<Run>) {
        let mut held = self.builder();
        // A build that was left behind is not the one that others wait for.
        if held.as_ref().is_some_and(|now| Arc::ptr_eq(now, build)) {
            *held = None;
            self.building.store(false, Ordering::SeqCst);
        }
        drop(held);
        self.built.notify_all();
    }
}
