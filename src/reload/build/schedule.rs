//! Whose turn it is to build, and who waits for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::{Consistency, ReloadMode};
use crate::reload::Snapshot;
use crate::reload::application::Application;
use crate::reload::build::attempt::{BuildAttempt, RETRY};
use crate::reload::build::{Build, workers};
use crate::reload::interrupt::run::{GRACE, LastResort, Reason};
use os::{Condvar, Mutex, MutexGuard, fork};
use reload_core::watch::interests::Listener;

/// Who builds in an application, and whether there is anything to do.
#[derive(Default)]
pub struct BuildTurn {
    dirty: AtomicBool,
    building: AtomicBool,
    /// Builds in a row that were called off, as what they had read was edited.
    pub superseded: AtomicU32,
    builder: Mutex<Option<Arc<Build>>>,
    built: Condvar,
    /// `PythonReloadTimeout` in milliseconds, as the last request had it.
    limit: AtomicU64,
}

impl BuildTurn {
    /// Something is to be taken in.
    pub fn note_change(&self) {
        self.dirty.store(true, Ordering::SeqCst);
    }

    /// Whether something is to be taken in.
    pub fn has_change(&self) -> bool {
        self.dirty.load(Ordering::SeqCst)
    }

    /// The same, for whoever takes it in.
    pub fn take_change(&self) -> bool {
        self.dirty.swap(false, Ordering::SeqCst)
    }

    fn is_settled(&self) -> bool {
        // In this order: a builder says that it builds before it takes the flag away.
        !self.has_change() && !self.building.load(Ordering::SeqCst)
    }

    fn note_limit(&self, limit: Duration) {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        // Seldom another one, and what is not written is not fought for.
        if self.limit.load(Ordering::Relaxed) != limit {
            self.limit.store(limit, Ordering::Relaxed);
        }
    }

    /// How long a body may run that is loaded for the first time: longer than one that is loaded again, as it imports what is not
    /// managed as well.
    pub fn load_limit(&self) -> Duration {
        const LEAST: Duration = Duration::from_secs(10);
        (Duration::from_millis(self.limit.load(Ordering::Relaxed)) * 6).max(LEAST)
    }

    /// Whether a build runs.
    pub fn is_building(&self) -> bool {
        self.builder().is_some()
    }

    fn builder(&self) -> MutexGuard<'_, Option<Arc<Build>>> {
        self.builder.lock()
    }

    /// Nobody needs to wait for this build any more.
    pub fn end(&self, build: &Arc<Build>) {
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

impl Application {
    /// The generation for a request that starts now. In sync mode this is the code as saved; at most `patience` is spent
    /// waiting for another thread's build. `None` where one code is to be seen in the whole server and this child cannot serve
    /// what others do. Must be called without the interpreter lock.
    pub fn refresh(&self, mode: ReloadMode, consistency: Consistency, patience: Duration) -> Option<Arc<Snapshot>> {
        if fork::is_copy() || self.kept.is_frozen() {
            return Some(self.current());
        }
        self.turn.note_limit(patience);
        self.watch.poll();
        if self.watch.has_unannounced() {
            self.poll_files();
        }
        if self.key.autoreload && consistency == Consistency::Server && self.report.is_behind(self.report.version()) {
            return self.draw_level(patience);
        }
        if self.turn.is_settled() {
            return Some(self.current());
        }
        match mode {
            ReloadMode::Sync => self.catch_up(patience),
            ReloadMode::Async => self.catch_up_behind(patience),
        }
        Some(self.current())
    }

    /// Another child serves what this one has not looked for yet: neither a build in the background nor the last good code
    /// will do.
    fn draw_level(&self, patience: Duration) -> Option<Arc<Snapshot>> {
        let version = self.report.version();
        let is_due = self.failure().is_some_and(|failure| failure.age() >= RETRY);
        if self.report.ask(version) || is_due {
            self.anything_changed();
        }
        if !self.turn.is_settled() {
            self.catch_up(patience);
        }
        (!self.report.is_behind(version)).then(|| self.current())
    }

    fn catch_up(&self, patience: Duration) {
        // A build that is called off takes a while to end, or to be left behind.
        let deadline = Instant::now() + patience + 3 * GRACE;
        let is_inline = workers::is_inline();
        let last_resort = if is_inline { LastResort::EndChild } else { LastResort::LeaveBehind };
        let mut own = None;
        loop {
            if own.is_none()
                && let Some(building) = self.become_builder(patience, last_resort)
            {
                own = Some(building.build.clone());
                if is_inline {
                    building.run();
                } else if !workers::hand_over(move || building.run()) {
                    return;
                }
            }
            let held = self.turn.builder();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if let Some(build) = own.take_if(|own| !held.as_ref().is_some_and(|now| Arc::ptr_eq(now, own))) {
                // It has taken in what was there when the request began, unless something newer has ended it.
                if build.run.reason() != Some(Reason::Superseded) {
                    return;
                }
            } else if held.is_some() {
                drop(self.turn.built.wait_timeout(held, left));
            } else {
                drop(held);
            }
            if own.is_none() && self.turn.is_settled() {
                return;
            }
        }
    }

    fn catch_up_behind(&self, patience: Duration) {
        if let Some(building) = self.become_builder(patience, LastResort::LeaveBehind) {
            workers::hand_over(move || building.run());
        }
    }

    fn become_builder(&self, limit: Duration, last_resort: LastResort) -> Option<BuildAttempt> {
        let application = self.this.upgrade()?;
        let mut held = self.turn.builder();
        if held.is_some() || !self.turn.has_change() {
            return None;
        }
        let in_a_row = self.turn.superseded.load(Ordering::SeqCst);
        let build = Build::new(self.this.clone(), limit, last_resort, in_a_row);
        *held = Some(build.clone());
        self.turn.building.store(true, Ordering::SeqCst);
        self.turn.take_change();
        drop(held);
        Some(BuildAttempt::new(application, build))
    }
}
