//! What this child tells the others of one application, and what it learns from them.

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

/// The application's places on the board.
pub struct Reporter {
    board: Option<Arc<Scoreboard>>,
    key: Hash,
    record: Option<usize>,
    versions: Option<usize>,
    /// The version that this child has reached.
    seen: AtomicU64,
    /// The version that a comparison has been asked for.
    asked: AtomicU64,
    own: Mutex<OwnRecord>,
}

/// What only one thread may write at a time.
#[derive(Default)]
struct OwnRecord {
    /// What is served, by the marks of the names.
    served: HashMap<u64, (Name, Hash)>,
    /// The sum of it, so that the order does not matter.
    manifest: [u64; 4],
    building: Signature,
}

impl OwnRecord {
    /// This is served from now on; `None` for a module that is gone.
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
    /// Finds the application's places.
    pub fn new(key: &ApplicationKey, label: &str) -> Self {
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
            // What is read from now on is at least as new as what anybody serves.
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

    /// The record; none in a copy of the child that a handler has made, which must not speak for the child.
    fn record(&self) -> Option<&ChildRecord> {
        if fork::is_copy() {
            return None;
        }
        Some(self.board.as_ref()?.record(self.record?))
    }

    /// The version that is served somewhere.
    pub fn version(&self) -> u64 {
        self.versions().map_or(0, ContentVersions::version)
    }

    /// Whether another child serves what this one has not come to yet.
    pub fn is_behind(&self, version: u64) -> bool {
        self.seen.load(Ordering::SeqCst) < version
    }

    /// This child has compared its modules with the disk since that version, and serves what it found there.
    pub fn reach(&self, version: u64) {
        self.seen.fetch_max(version, Ordering::SeqCst);
    }

    /// Whether nobody in this child has asked for a comparison because of that version before.
    pub fn ask(&self, version: u64) -> bool {
        self.asked.fetch_max(version, Ordering::SeqCst) < version
    }

    /// A build begins.
    pub fn begin(&self, marks: &Signature) {
        let mut own = self.own();
        own.building.clone_from(marks);
        if let Some(record) = self.record() {
            record.enter(ChildState::Building, None);
        }
    }

    /// What was built is about to be served: from now on no other child may fall back behind it.
    pub fn serve_built(&self) {
        let marks = std::mem::take(&mut self.own().building);
        self.serve(contents(&marks), ServeCause::Built);
    }

    /// A module is about to be loaded into what is served already; whether others serve other content of it. Theirs may be the
    /// newer one, so this child is behind then.
    pub fn serve_loaded(&self, name: &str, content: Hash) -> bool {
        self.note(std::iter::once((name, Some(content))), ServeCause::Found).is_some()
    }

    /// What is served was compared with the disk just now, which may hold something else by now than what the others found.
    /// Modules that are not `followed` are left out.
    pub fn serve_compared(&self, followed: impl Fn(&str) -> bool) {
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
            // Only where nobody else has begun to serve something in between.
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

    /// A generation is published that differs from the one before in these modules; `None` for those that are gone.
    pub fn publish<'a>(&self, generation: u64, changed: impl Iterator<Item = (&'a Name, Option<Hash>)>) {
        let mut own = self.own();
        changed.for_each(|(name, content)| own.serve(name, content));
        if let Some(record) = self.record() {
            record.list(own.manifest);
            record.publish(generation);
        }
    }

    /// The newest code that is known is served: so many modules. Where it is not known which, `all` tells.
    pub fn settle<'a, I: Iterator<Item = (&'a Name, Hash)>>(&self, count: usize, all: impl FnOnce() -> I) {
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

    /// A module was loaded into what is served, or its text was exchanged there.
    pub fn add(&self, name: &Name, content: Hash) {
        let mut own = self.own();
        own.serve(name, Some(content));
        if let Some(record) = self.record() {
            record.list(own.manifest);
        }
    }

    /// Newer code could not be built.
    pub fn fail(&self, text: &str) {
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

    /// Whether another child has been able to build these changes.
    pub fn is_served(&self, marks: &Signature) -> bool {
        self.versions().is_some_and(|versions| versions.serves(contents(marks)))
    }

    /// Why another child could not build these changes: in one line, and in full.
    pub fn known_failure(&self, marks: &Signature) -> Option<(String, String)> {
        if self.is_served(marks) {
            return None;
        }
        self.board.as_ref()?.failure(&self.fingerprint(contents(marks), ""), self.version())
    }

    /// Tells the other children of a failure; whether no child knows this content to fail in this way.
    pub fn keep_failure(&self, failure: &Failure) -> bool {
        let Some(board) = self.board.as_ref().filter(|_| !failure.is_own()) else { return true };
        // With what it was due to left out, the other children find it out themselves, and do not log it again.
        let about = if failure.is_told() { "" } else { &failure.brief };
        let fingerprint = self.fingerprint(contents(failure.signature()), about);
        let blame = match failure.blame() {
            blame if blame.is_empty() => fingerprint,
            blame => self.fingerprint(contents(blame), &failure.brief),
        };
        board.keep_failure([&fingerprint, &blame], self.version(), [&failure.brief, &failure.text])
    }

    /// These changes are not what is on disk any more.
    pub fn forget_failure(&self, marks: &Signature) {
        if let Some(board) = &self.board {
            board.forget_failure(&self.fingerprint(contents(marks), ""));
        }
    }
}

fn contents(marks: &Signature) -> impl Iterator<Item = (&str, Option<Hash>)> + Clone {
    marks.iter().map(|(name, hash)| (&**name, *hash))
}
