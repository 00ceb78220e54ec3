//! Makes the next generation of an application, or leaves everything as it was.
//!
//! Promises: a build takes in all changes that were known when it began; its generation is published in one step, or none of its
//! effects stays. One build of an application runs at a time; requests wait for it, or are served the last good generation.
//!
//! Does not know requests, nor what a module's code does: bodies run through `import`, under a limit of `interrupt`.
//!
//! `schedule` decides whether a request builds, waits or goes on; `workers` are the threads that build; `attempt` finds the
//! changes and records what becomes of the attempt; `staging` runs and checks the modules; `line_tables` takes in edits that need
//! no run; `moved_packages` adds the changes below a package that has moved.

pub mod attempt;
pub mod line_tables;
mod moved_packages;
pub mod schedule;
pub mod staging;
pub mod workers;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::reload::application::Application;
use crate::reload::application::parts::failure::Signature;
use crate::reload::build::staging::stage::Stage;
use crate::reload::interrupt::run::{LastResort, Run, RunOwner, UNDISTURBED};
use os::Mutex;
use reload_core::files::file_version::FileVersion;
use reload_core::graph::Name;

/// How many builds in a row may be superseded. The next one runs to its end.
const PATIENCE: u32 = 5;

/// A build under way: what it takes in, what it reads, and what it has made so far.
///
/// The watchdog may hold it without the interpreter lock: the stage, which has Python objects, is taken out before it is dropped.
pub struct Build {
    /// Its run: how long it may take, and whether it was called off.
    pub run: Arc<Run>,
    application: Weak<Application>,
    /// How many builds of the application in a row were superseded before it.
    in_a_row: u32,
    taken_in: OnceLock<(u64, Signature)>,
    stage: Mutex<Option<Arc<Stage>>>,
    reads: Mutex<HashMap<Name, FileVersion>>,
}

impl Build {
    /// A build that begins after `in_a_row` builds of the application in a row were superseded.
    pub fn new(application: Weak<Application>, limit: Duration, last_resort: LastResort, in_a_row: u32) -> Arc<Self> {
        // The more builds were superseded, the longer the next one is left alone.
        let undisturbed = UNDISTURBED * 2_u32.pow(in_a_row.min(PATIENCE));
        Arc::new_cyclic(|build: &Weak<Self>| Self {
            run: Run::of(build.clone(), limit, last_resort, undisturbed),
            application,
            in_a_row,
            taken_in: OnceLock::new(),
            stage: Mutex::default(),
            reads: Mutex::default(),
        })
    }

    /// Whether another build may begin in its place.
    pub fn may_begin_again(&self) -> bool {
        self.in_a_row < PATIENCE
    }

    /// Remembers the changes that it takes in, which were found when the server had come to `version`.
    pub fn begins_with(&self, version: u64, signature: &Signature) {
        self.taken_in.get_or_init(|| (version, signature.clone()));
    }

    /// The version of the server and the changes that it takes in.
    pub fn taken_in(&self) -> Option<&(u64, Signature)> {
        self.taken_in.get()
    }

    /// Keeps what it makes for the thread that may have to take it back, until an attached thread takes it out.
    pub(in crate::reload) fn hold(&self, stage: &Arc<Stage>) {
        *self.stage.lock() = Some(stage.clone());
    }

    /// Takes out what it makes. Must be called attached.
    pub(in crate::reload) fn take(&self) -> Option<Arc<Stage>> {
        self.stage.lock().take()
    }

    /// Remembers what a module is made from.
    pub fn note_read(&self, name: &Name, read: FileVersion) {
        self.reads.lock().insert(name.clone(), read);
    }

    /// What its modules are made from.
    pub fn reads(&self) -> HashMap<Name, FileVersion> {
        self.reads.lock().clone()
    }
}

impl RunOwner for Build {
    fn is_superseded(&self) -> bool {
        self.application.upgrade().is_some_and(|application| application.is_superseded(self))
    }

    fn give_up(self: Arc<Self>) {
        if let Some(application) = self.application.upgrade() {
            application.give_up(&self);
        }
    }
}
