//! An attempt to build: whether there is anything to build, and what is remembered of the result.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::python::error;
use crate::reload::application::parts::archives::ArchiveDamage;
use crate::reload::application::parts::change::Change;
use crate::reload::application::parts::failure::{Failure, Signature, signature};
use crate::reload::application::{Application, registry};
use crate::reload::build::staging::{self, BuildInputs, LoadHorizon, Unpublished};
use crate::reload::build::{Build, line_tables};
use crate::reload::interrupt::run::{self, Reason};
use crate::reload::module::managed::Managed;
use os::log;
use reload_core::files::file_version::FileVersion;
use reload_core::graph::Name;
use reload_core::watch::interests::Listener;

/// How long a child waits before it retries a build of code that other children serve.
pub(in crate::reload) const RETRY: Duration = Duration::from_secs(2);

/// The right to build, for one build. When it is dropped, the waiting requests wake up, however the build has ended.
pub(in crate::reload) struct BuildAttempt {
    application: Arc<Application>,
    /// The build.
    pub build: Arc<Build>,
    has_run: bool,
}

impl BuildAttempt {
    /// For a build that has become the application's build under way.
    pub fn new(application: Arc<Application>, build: Arc<Build>) -> Self {
        Self { application, build, has_run: false }
    }

    /// Builds.
    pub fn run(mut self) {
        self.application.build(&self.build);
        self.has_run = true;
    }
}

impl Drop for BuildAttempt {
    fn drop(&mut self) {
        if !self.has_run {
            // There was no thread, or a panic: the changes are compared again.
            self.application.anything_changed();
        }
        self.application.turn.end(&self.build.run);
        if self.build.run.leave() {
            registry::all().iter().for_each(|application| application.try_for_room());
        }
    }
}

/// What a comparison of what is served with the disk leads to.
enum Decision {
    /// A file is half of a save: the end of the save is announced.
    Wait,
    /// What is served is as new as the disk.
    Nothing,
    /// The changes are those that have failed before, and nothing makes another try worth while.
    SameFailure,
    /// Another child has failed to build the same changes.
    AdoptFailure(Failure),
    /// The changes cannot even be tried.
    Fail(Failure),
    /// A build of these changes.
    Build(HashMap<Name, Change>, Signature),
}

impl Application {
    /// Finds out what has changed and, if anything has, builds the next generation.
    fn build(self: &Arc<Self>, build: &Arc<Build>) {
        // Before anything is read: what is found is at least as new.
        let version = self.report.version();
        let horizon = LoadHorizon::of(self.current());
        match self.decide(build) {
            Decision::Wait | Decision::SameFailure => {}
            Decision::Nothing => self.conclude(version, None),
            Decision::AdoptFailure(failure) => self.conclude(version, Some(failure)),
            Decision::Fail(failure) => self.fail(version, failure),
            Decision::Build(changes, signature) => {
                build.begins_with(version, &signature);
                self.report.begin(&signature);
                let modules = modules_with_other_data(&changes);
                let (changes, same) = self.with_submodules(changes);
                let inputs = BuildInputs { changes, same, horizon };
                let result = crate::python::attach(|py| staging::build(py, self, inputs, build));
                self.conclude_build(build, result, signature, &modules);
            }
        }
    }

    /// Compares what is served with the disk.
    fn decide(self: &Arc<Self>, build: &Build) -> Decision {
        let Some(is_asked) = self.take_in() else { return Decision::Wait };
        let has_moved = self.places.lock().next().is_some();
        if let Some(damage) = self.archives.damage() {
            return self.decide_about_damage(damage);
        }
        let mut suspects = self.names.lock().suspects.clone();
        self.foretell(&mut suspects);
        if suspects.is_empty() && !has_moved {
            return Decision::Nothing;
        }
        let known = KnownFailure { failure: self.failure().filter(|_| !is_asked), has_room: run::may_hang() };
        if known.is_of(self, &signature(suspects.iter())) {
            return Decision::SameFailure;
        }
        let changes = crate::python::attach(|py| self.set_kept_aside(py, line_tables::take_in(py, self, suspects)));
        if changes.is_empty() && !has_moved {
            return Decision::Nothing;
        }
        let signature = signature(changes.iter());
        if known.is_of(self, &signature) {
            return Decision::SameFailure;
        }
        if let Some((brief, text)) = self.report.known_failure(&signature)
            && !is_asked
        {
            return Decision::AdoptFailure(Failure::of_another_child(brief, text, signature));
        }
        if build.run.is_abandonable() && !known.has_room {
            return Decision::Fail(Failure::without_room(signature));
        }
        Decision::Build(changes, signature)
    }

    /// An archive cannot be read: what is served stays as it is.
    fn decide_about_damage(&self, damage: ArchiveDamage) -> Decision {
        let names = self.names.lock().at(&HashSet::from([damage.path.clone()]));
        let failure = Failure::of_archive(damage, names);
        if self.failure().is_some_and(|before| before.is_of(failure.signature())) {
            return Decision::SameFailure;
        }
        Decision::Fail(failure)
    }

    /// Records the result of a build. `modules` are the changed modules whose data files have changed.
    fn conclude_build(
        &self,
        build: &Build,
        result: Result<(), Unpublished>,
        signature: Signature,
        modules: &HashSet<Name>,
    ) {
        let Some((version, _)) = build.taken_in() else { return };
        let in_a_row = self.turn.superseded.swap(0, Ordering::SeqCst);
        match result {
            Ok(()) => self.conclude(*version, None),
            Err(Unpublished::Broken(broken)) => {
                let is_told = self.is_told(&signature, modules, &broken.attempts);
                let failure = Failure::new(*broken, signature, is_told).of_sources(self.new_sources(build));
                self.fail(*version, failure);
            }
            Err(Unpublished::Superseded) => {
                self.turn.superseded.store(in_a_row + 1, Ordering::SeqCst);
                log::info!("a build begins again, as a file that it read was edited meanwhile");
            }
            Err(Unpublished::Abandoned) => {}
        }
    }

    /// Keeps the last good generation, and logs why unless the log has that already.
    fn fail(&self, version: u64, failure: Failure) {
        let before = self.failure();
        if self.report.keep_failure(&failure) && !before.is_some_and(|before| before.is_repeated_by(&failure)) {
            failure.report(self.current().number);
        }
        self.conclude(version, Some(failure));
    }

    /// Ends a comparison that began when the server was at `version`: either the code is as new as the disk, or there is a failure.
    fn conclude(&self, version: u64, failure: Option<Failure>) {
        let failure = failure.map(Arc::new);
        let before = std::mem::replace(&mut *self.failure.lock(), failure.clone());
        if let Some(before) = before.filter(|b| failure.as_ref().is_none_or(|f| !f.is_of(b.signature()))) {
            self.report.forget_failure(before.signature());
        }
        if let Some(failure) = failure {
            self.report.fail(&failure.text);
            return;
        }
        let current = self.current();
        if self.report.is_behind(version) {
            // Pinned modules differ from the disk, and no child follows another one in that.
            self.report.serve_compared(|name| current.ready(name).is_some_and(|module| !self.keeps(&module)));
        }
        self.report.reach(version);
        let modules = current.modules();
        self.report.settle(modules.size(), || modules.iter().map(|(name, module)| (name, module.source.hash())));
    }

    /// Sets the changes of pinned modules aside. Must be called attached, as a change may hold compiled code.
    fn set_kept_aside(&self, _: pyo3::Python<'_>, mut suspects: HashMap<Name, Change>) -> HashMap<Name, Change> {
        let current = self.current();
        suspects.retain(|name, change| {
            let Some(module) = current.any(name).filter(|module| self.keeps(module)) else { return true };
            let same_text = matches!(&change.content, Some(Ok(content)) if content.hash == module.source.hash());
            let reason = match change.known {
                None => "its file was moved or removed",
                Some(_) if same_text => "a file that it reads has changed",
                Some(_) => "its file has changed",
            };
            self.kept.require_restart(name, reason);
            self.names.lock().suspects.remove(name);
            false
        });
        suspects
    }

    /// Retries a build that was not tried for lack of room.
    fn try_for_room(&self) {
        if self.failure().is_some_and(|failure| failure.lacks_room()) {
            self.turn.note_change();
        }
    }

    /// Takes back the work of a build whose thread does not come back, so that newer code can be built without it.
    pub(in crate::reload) fn give_up(&self, build: &Arc<Build>) {
        let taken = crate::python::attach(|py| {
            let text = build.run.thread().and_then(|thread| error::stack_of(py, thread).ok()).unwrap_or_default();
            let stage = build.take()?;
            let attempts = stage.discard(py);
            let told = modules_with_other_data(stage.changes());
            let is_told = build.taken_in().is_some_and(|(_, signature)| self.is_told(signature, &told, &attempts));
            let broken = stage.broken(HashSet::new(), text, String::new(), attempts);
            Some((stage, broken, is_told))
        });
        let stage = taken.map(|(stage, mut broken, is_told)| {
            if let (Some(Reason::Late), Some((version, signature))) = (build.run.reason(), build.taken_in()) {
                broken.is_late(build.run.limit);
                broken.brief.push_str("; its thread has not come back and is left behind");
                let failure = Failure::new(*broken, signature.clone(), is_told).of_sources(self.new_sources(build));
                self.fail(*version, failure);
            }
            stage
        });
        if build.run.reason() == Some(Reason::Superseded) {
            self.turn.note_change();
        }
        self.turn.end(&build.run);
        // The code may take long to undo what it did, so no request waits for it.
        crate::python::attach(|py| {
            if let Some(stage) = stage {
                stage.undo(py);
            }
        });
    }

    /// Source files that this failed build compiled, and that belong to no published generation and are not among its changes.
    fn new_sources(&self, build: &Build) -> Vec<FileVersion> {
        let current = self.current();
        let suspects: HashSet<Name> = self.names.lock().suspects.keys().cloned().collect();
        let reads = build.reads().into_iter();
        let new = reads.filter(|(name, _)| current.any(name).is_none() && !suspects.contains(name));
        new.map(|(_, read)| read).collect()
    }

    /// Whether a file that a build reads has changed, so that the build need not run to its end. The comparison is by content, but
    /// not through `Application::read`, which would record the change as known.
    pub(in crate::reload) fn is_superseded(&self, build: &Build) -> bool {
        self.watch.poll();
        let is_polling = self.watch.is_polling();
        // A file that has a writer is half of a save.
        if (!is_polling && !self.turn.has_change()) || self.watch.holds(&self.listener()) {
            return false;
        }
        let (paths, anything) = {
            let pending = self.pending.lock();
            (pending.paths.clone(), pending.anything)
        };
        for read in build.reads().into_values() {
            if (is_polling || anything || paths.contains(&read.path)) && read.has_changed() {
                self.changed(&read.path);
                return true;
            }
        }
        false
    }

    /// Whether any file that a build, or one of these bodies, has read has changed since.
    pub(in crate::reload) fn is_outdated(&self, build: &Build, bodies: &[Arc<Managed>]) -> bool {
        self.watch.poll();
        if !self.turn.has_change() || self.watch.holds(&self.listener()) {
            return false;
        }
        build.reads().values().any(FileVersion::has_changed)
            || bodies.iter().any(|body| self.other_data(&body.name, &body.reads()).is_some())
    }
}

/// The changed modules whose data files have changed.
fn modules_with_other_data(changes: &HashMap<Name, Change>) -> HashSet<Name> {
    changes.iter().filter(|(_, change)| change.data.is_some()).map(|(name, _)| name.clone()).collect()
}

/// The last failure, which a build of the present changes may repeat.
struct KnownFailure {
    /// None where there is none, or a build is asked for all the same.
    failure: Option<Arc<Failure>>,
    /// Whether one more thread of the child may hang.
    has_room: bool,
}

impl KnownFailure {
    /// Whether a build of these changes would fail in the same way.
    fn is_of(&self, application: &Application, signature: &Signature) -> bool {
        // Another child serves these changes, so that a retry may succeed.
        let is_final = |failure: &Failure| {
            (failure.age() < RETRY || !application.report.is_served(signature))
                && !(failure.lacks_room() && self.has_room)
        };
        self.failure.as_ref().is_some_and(|failure| {
            failure.is_of(signature)
                && is_final(failure)
                && !application.is_retried(failure.attempts())
                && !failure.has_other_sources()
        })
    }
}
