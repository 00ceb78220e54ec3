//! The exchange with the other children about one application, over the scoreboard.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::reload::application::parts::failure::{Failure, Signature};
use crate::reload::application::parts::key::ApplicationKey;
use os::{Mutex, MutexGuard, fork};
use reload_core::files::fingerprint::Hash;
use reload_core::graph::Name;
use reload_core::scoreboard::child_record::{ChildRecord, ChildState};
use reload_core::scoreboard::content_versions::{self, ContentVersions, ServeCause, words};
use reload_core::scoreboard::{self, Scoreboard};

/// The application's records on the scoreboard.
pub(in crate::reload) struct Reporter {
    board: Option<Arc<Scoreboard>>,
    key: Hash,
    record: Option<usize>,
    versions: Option<usize>,
    /// The version that this child has reached.
    seen: AtomicU64,
    /// The version that a comparison was requested for.
    asked: AtomicU64,
    own: Mutex<OwnRecord>,
}

/// The part that one thread at a time may write.
#[derive(Default)]
struct OwnRecord {
    /// The served modules, by the marks of their names.
    served: HashMap<u64, (Name, Hash)>,
    /// Their sum, which does not depend on the order.
    manifest: [u64; 4],
    building: Signature,
}

impl OwnRecord {
    /// Notes the content that is served for a name; `None` for a module that is gone.
    fn serve(&mut self, name: &Name, content: Option<Hash>) {
        let mark = content_versions::name_mark(name);
        let before = match content {
            Some(content) => self.served.insert(mark, (name.clone(), content)),
            None => self.served.remove(&mark),
        };
        if let Some((name, content)) = before {
            self.sum(&name, &content, u64::wrapping_sub);
        }
        if let Some(content) = content {
            self.sum(name, &content, u64::wrapping_add);
        }
    }

    fn sum(&mut self, name: &str, content: &Hash, operation: fn(u64, u64) -> u64) {
        let hash = *blake3::Hasher::new().update(name.as_bytes()).update(&[0]).update(content).finalize().as_bytes();
        self.manifest.iter_mut().zip(words(&hash)).for_each(|(word, other)| *word = operation(*word, other));
    }
}

impl Reporter {
    /// Claims the application's records.
    pub(in crate::reload) fn new(key: &ApplicationKey, label: &str) -> Self {
        let board = scoreboard::current();
        let hash = *blake3::hash(format!("{key:?}").as_bytes()).as_bytes();
        let versions = board.as_ref().and_then(|board| board.versions_of(&hash));
        let record = board.as_ref().and_then(|board| board.claim_record(label));
        let seen = match (&board, versions) {
            (Some(board), Some(index)) => board.versions(index).version(),
            _ => 0,
        };
        Self {
            board,
            key: hash,
            record,
            versions,
            // Files that are read from now on are at least as new as what any child serves.
            seen: AtomicU64::new(seen),
            asked: AtomicU64::new(seen),
            own: Mutex::default(),
        }
    }

    fn own(&self) -> MutexGuard<'_, OwnRecord> {
        self.own.lock()
    }

    fn versions(&self) -> Option<&ContentVersions> {
        Some(self.board.as_ref()?.versions(self.versions?))
    }

    /// The child's record; `None` in a process that a handler has forked, which must not write to it.
    fn record(&self) -> Option<&ChildRecord> {
        if fork::is_copy() {
            return None;
        }
        Some(self.board.as_ref()?.record(self.record?))
    }

    /// The newest version that any child serves.
    pub(in crate::reload) fn version(&self) -> u64 {
        self.versions().map_or(0, ContentVersions::version)
    }

    /// Whether another child serves a newer version than this one has reached.
    pub(in crate::reload) fn is_behind(&self, version: u64) -> bool {
        self.seen.load(Ordering::SeqCst) < version
    }

    /// Notes that this child has compared its modules with the disk since that version, and serves the result.
    pub(in crate::reload) fn reach(&self, version: u64) {
        self.seen.fetch_max(version, Ordering::SeqCst);
    }

    /// Whether this is the first request of this child for a comparison because of that version.
    pub(in crate::reload) fn ask(&self, version: u64) -> bool {
        self.asked.fetch_max(version, Ordering::SeqCst) < version
    }

    /// Notes that a build begins.
    pub(in crate::reload) fn begin(&self, marks: &Signature) {
        let mut own = self.own();
        own.building.clone_from(marks);
        if let Some(record) = self.record() {
            record.enter(ChildState::Building, None);
        }
    }

    /// Notes that the result of the build is about to be served: no other child may serve an older version from now on.
    pub(in crate::reload) fn serve_built(&self) {
        let marks = std::mem::take(&mut self.own().building);
        self.serve(contents(&marks), ServeCause::Built);
    }

    /// Notes that a module is about to be loaded into the served generation. Returns whether other children serve other content of
    /// it, which may be newer: then this child is behind.
    pub(in crate::reload) fn serve_loaded(&self, name: &str, content: Hash) -> bool {
        self.note(std::iter::once((name, Some(content))), ServeCause::Found).is_some()
    }

    /// Notes that the served modules were compared with the disk. The disk may have changed since the other children looked.
    /// Modules that are not `followed` are left out.
    pub(in crate::reload) fn serve_compared(&self, followed: impl Fn(&str) -> bool) {
        let Some(versions) = self.versions() else { return };
        let mut others: Vec<(Name, Hash)> = {
            let own = self.own();
            versions.differing(|mark| own.served.get(&mark)).cloned().collect()
        };
        others.retain(|(name, _)| followed(name));
        self.serve(others.iter().map(|(name, content)| (&**name, Some(*content))), ServeCause::Found);
    }

    fn serve<'a>(&self, contents: impl Iterator<Item = (&'a str, Option<Hash>)> + Clone, cause: ServeCause) {
        if let Some(version) = self.note(contents, cause) {
            // Only if no other child has begun to serve a version in between.
            let _ = self.seen.compare_exchange(version - 1, version, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    fn note<'a>(
        &self,
        contents: impl Iterator<Item = (&'a str, Option<Hash>)> + Clone,
        cause: ServeCause,
    ) -> Option<u64> {
        self.versions().filter(|_| !fork::is_copy())?.note(contents, cause)
    }

    /// Notes a published generation. `changed` are the modules that differ from the one before; `None` for those that are gone.
    pub(in crate::reload) fn publish<'a>(
        &self,
        generation: u64,
        changed: impl Iterator<Item = (&'a Name, Option<Hash>)>,
    ) {
        let mut own = self.own();
        changed.for_each(|(name, content)| own.serve(name, content));
        if let Some(record) = self.record() {
            record.list(own.manifest);
            record.publish(generation);
        }
    }

    /// Notes that the newest known code is served, with this `count` of modules. If that does not match, `all` lists the modules.
    pub(in crate::reload) fn settle<'a, I: Iterator<Item = (&'a Name, Hash)>>(
        &self,
        count: usize,
        all: impl FnOnce() -> I,
    ) {
        let mut own = self.own();
        if own.served.len() != count {
            own.served.clear();
            own.manifest = [0; 4];
            all().for_each(|(name, content)| own.serve(name, Some(content)));
        }
        if let Some(record) = self.record() {
            record.list(own.manifest);
            record.enter(ChildState::Serving, Some(""));
        }
    }

    /// Notes that a module was loaded into the served generation, or that its text was exchanged.
    pub(in crate::reload) fn add(&self, name: &Name, content: Hash) {
        let mut own = self.own();
        own.serve(name, Some(content));
        if let Some(record) = self.record() {
            record.list(own.manifest);
        }
    }

    /// Notes that newer code could not be built.
    pub(in crate::reload) fn fail(&self, text: &str) {
        let mut own = self.own();
        own.building.clear();
        if let Some(record) = self.record() {
            record.enter(ChildState::Failed, Some(text));
        }
    }

    fn fingerprint<'a>(&self, marks: impl Iterator<Item = (&'a str, Option<Hash>)>, brief: &str) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.key);
        for (name, hash) in marks {
            hasher.update(name.as_bytes()).update(&[0, u8::from(hash.is_some())]);
            hasher.update(hash.as_ref().map_or(&[][..], |hash| hash));
        }
        *hasher.update(brief.as_bytes()).finalize().as_bytes()
    }

    /// Whether another child serves these changes.
    pub(in crate::reload) fn is_served(&self, marks: &Signature) -> bool {
        self.versions().is_some_and(|versions| versions.serves(contents(marks)))
    }

    /// The error of another child that could not build these changes: in one line, and in full.
    pub(in crate::reload) fn known_failure(&self, marks: &Signature) -> Option<(String, String)> {
        if self.is_served(marks) {
            return None;
        }
        self.board.as_ref()?.failure(&self.fingerprint(contents(marks), ""), self.version())
    }

    /// Publishes a failure to the other children. Returns whether it is new to all of them.
    pub(in crate::reload) fn keep_failure(&self, failure: &Failure) -> bool {
        let Some(board) = self.board.as_ref().filter(|_| !failure.is_own()) else { return true };
        // With the error as part of the key, other children find it only after they have failed themselves, and do not log it again.
        let about = if failure.is_told() { "" } else { &failure.brief };
        let fingerprint = self.fingerprint(contents(failure.signature()), about);
        let blame = match failure.blame() {
            blame if blame.is_empty() => fingerprint,
            blame => self.fingerprint(contents(blame), &failure.brief),
        };
        board.keep_failure([&fingerprint, &blame], self.version(), [&failure.brief, &failure.text])
    }

    /// Forgets the failure of changes that are no longer on disk.
    pub(in crate::reload) fn forget_failure(&self, marks: &Signature) {
        if let Some(board) = &self.board {
            board.forget_failure(&self.fingerprint(contents(marks), ""));
        }
    }
}

fn contents(marks: &Signature) -> impl Iterator<Item = (&str, Option<Hash>)> + Clone {
    marks.iter().map(|(name, hash)| (&**name, *hash))
}
