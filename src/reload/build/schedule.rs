//! Which request builds, and which ones wait for that.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::reload::application::Application;
use crate::reload::build::attempt::{BuildAttempt, RETRY};
use crate::reload::build::{Build, workers};
use crate::reload::interrupt::run::{GRACE, LastResort, Reason};
use crate::reload::module::snapshot::Snapshot;
use os::fork;
use reload_core::policy::{Consistency, ReloadMode};
use reload_core::watch::interests::Listener;

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

    /// Builds what another child serves already: neither a build in the background nor the last good code would do.
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
            if let Some(build) = own.take_if(|own| !held.as_ref().is_some_and(|now| Arc::ptr_eq(now, &own.run))) {
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
        *held = Some(build.run.clone());
        self.turn.building.store(true, Ordering::SeqCst);
        self.turn.take_change();
        drop(held);
        Some(BuildAttempt::new(application, build))
    }
}
