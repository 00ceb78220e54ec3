//! What the children of one configuration tell each other, in memory that they share. Like httpd's scoreboard, and beside it.
//!
//! Promises: no child waits for another one that has died; what a dead child wrote is either whole or ignored. Without shared
//! memory everything here does nothing, and each child is on its own.
//!
//! Knows names and hashes of modules, not modules.
//!
//! The parent makes the scoreboard when the configuration is complete. Children of an older configuration keep the older one
//! until they end. It holds:
//!
//! - a [`ChildRecord`] for each application of each child: which generation it serves, or why newer code failed;
//! - the [`ContentVersions`] of each application: the newest content of each module that any child serves;
//! - failures, so that what failed in one child is not built again in the others;
//! - which warnings have been logged already, so that each is logged once for the server.

pub mod child_record;
pub mod content_versions;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::files::fingerprint::Hash;
use crate::scoreboard::child_record::{ChildRecord, ChildStatus, SharedText};
use crate::scoreboard::content_versions::{ContentVersions, words};
use os::shared_memory::{RobustGuard, RobustMutex, Shared, SharedList, ZeroInit};
use os::{Mutex, MutexGuard, log};

/// How many records there are for each child that httpd may have.
const RECORDS_PER_CHILD: usize = 16;
/// The fewest records there are, however few children: one child may have many applications.
const LEAST_RECORDS: usize = 256;
/// The most records there are, however many children.
const MOST_RECORDS: usize = 16 * 1024;
/// How many applications have content versions.
const APPLICATIONS: usize = 256;
/// How many messages are remembered as logged.
const MESSAGES: usize = 1024;
/// How many failures are kept.
const FAILURES: usize = 128;

/// A failed build, for the children that find the same changes.
#[repr(C)]
struct SharedFailure {
    /// 0 while it is written, or forgotten.
    valid: AtomicU32,
    /// The hash of the changes that failed.
    fingerprint: [AtomicU64; 4],
    /// The hash of the content that was to blame, and of the error.
    blame: [AtomicU64; 4],
    /// The application's version when the build began.
    version: AtomicU64,
    brief: SharedText<64>,
    text: SharedText<512>,
}

#[repr(C)]
struct ScoreboardMemory {
    mutex: RobustMutex,
    /// Records from this index on have never been claimed.
    records: AtomicUsize,
    messages: [AtomicU64; MESSAGES],
    next_failure: AtomicU64,
    failures: [SharedFailure; FAILURES],
    applications: [ContentVersions; APPLICATIONS],
}

// SAFETY: atomics and a mutex that `Scoreboard::new` initialises; no pointers, no destructor.
unsafe impl ZeroInit for ScoreboardMemory {}

/// The scoreboard of one configuration.
///
/// ```text
/// let index = scoreboard.claim_record("app /srv/app");          // Some(0): a record for this child
/// scoreboard.record(0).enter(ChildState::Building, None);
/// scoreboard.children();                                        // in any child: [ChildStatus { pid, state: Building, .. }]
/// ```
pub struct Scoreboard {
    memory: Shared<ScoreboardMemory>,
    records: SharedList<ChildRecord>,
}

static CURRENT: Mutex<Option<Arc<Scoreboard>>> = Mutex::new(None);

fn slot() -> MutexGuard<'static, Option<Arc<Scoreboard>>> {
    CURRENT.lock()
}

/// Makes the scoreboard of a new configuration, in the parent, with room for as many children as the server can have.
pub fn prepare(most_children: usize) {
    match Scoreboard::new(most_children) {
        Ok(scoreboard) => *slot() = Some(Arc::new(scoreboard)),
        Err(e) => log::warning!(
            "shared memory is unavailable ({e}): children do not know of each other, and PythonReloadConsistency \
                 server has no effect"
        ),
    }
}

/// Drops the parent's scoreboard; children keep theirs.
pub fn release() {
    *slot() = None;
}

/// The scoreboard that this process has inherited.
pub fn current() -> Option<Arc<Scoreboard>> {
    slot().clone()
}

/// Whether a message about this subject has not been logged before in the server. Without a scoreboard, always true.
pub fn is_first(subject: &str) -> bool {
    current().is_none_or(|scoreboard| scoreboard.is_first_message(subject))
}

impl Scoreboard {
    fn new(children: usize) -> io::Result<Self> {
        let memory = Shared::<ScoreboardMemory>::new()?;
        memory.mutex.init()?;
        // During a graceful restart there are children of two configurations, but each configuration has its own scoreboard.
        let records = SharedList::new((children * RECORDS_PER_CHILD).clamp(LEAST_RECORDS, MOST_RECORDS))?;
        Ok(Self { memory, records })
    }

    /// A child that dies while it holds the lock leaves at most one failure that is not valid.
    fn lock(&self) -> Option<RobustGuard<'_>> {
        self.memory.mutex.lock()
    }

    /// Claims a record for the calling child. Returns its index; none when all records belong to living children.
    pub fn claim_record(&self, label: &str) -> Option<usize> {
        let _held = self.lock()?;
        let claim = || self.records.iter().position(|record| record.claim(label));
        let index = claim().or_else(|| {
            self.records.iter().for_each(ChildRecord::release_if_dead);
            claim()
        })?;
        self.memory.records.fetch_max(index + 1, Ordering::Relaxed);
        Some(index)
    }

    /// A record by its index.
    pub fn record(&self, index: usize) -> &ChildRecord {
        &self.records[index]
    }

    /// The records of all living children.
    pub fn children(&self) -> Vec<ChildStatus> {
        let used = &self.records[..self.memory.records.load(Ordering::Relaxed).min(self.records.len())];
        let held = self.lock();
        used.iter().for_each(ChildRecord::release_if_dead);
        drop(held);
        used.iter().filter_map(ChildRecord::read).collect()
    }

    /// The index of an application's content versions, by the hash of its key; none when all belong to other applications.
    pub fn versions_of(&self, key: &Hash) -> Option<usize> {
        let _held = self.lock()?;
        let index = self.memory.applications.iter().position(|versions| versions.is_of(key) != Some(false))?;
        let versions = &self.memory.applications[index];
        if versions.is_of(key).is_none() {
            versions.give(key);
        }
        Some(index)
    }

    /// An application's content versions by their index.
    pub fn versions(&self, index: usize) -> &ContentVersions {
        &self.memory.applications[index]
    }

    /// A failure of these changes that a child has had at this version of the application: its last line, and the traceback.
    pub fn failure(&self, fingerprint: &Hash, version: u64) -> Option<(String, String)> {
        let _held = self.lock()?;
        let found = self.find(fingerprint)?;
        (found.version.load(Ordering::Relaxed) == version).then(|| (found.brief.load(), found.text.load()))
    }

    fn valid_failures(&self) -> impl Iterator<Item = &SharedFailure> {
        self.memory.failures.iter().filter(|failure| failure.valid.load(Ordering::Acquire) != 0)
    }

    fn find(&self, fingerprint: &Hash) -> Option<&SharedFailure> {
        self.valid_failures().find(|failure| holds(&failure.fingerprint, fingerprint))
    }

    /// Keeps a failure for the other children. Returns whether it is news: none of them has had one with the same `blame`.
    pub fn keep_failure(&self, [fingerprint, blame]: [&Hash; 2], version: u64, [brief, text]: [&str; 2]) -> bool {
        let Some(_held) = self.lock() else { return true };
        let is_news = !self.valid_failures().any(|failure| holds(&failure.blame, blame));
        let failure = self.find(fingerprint).unwrap_or_else(|| {
            let at = self.memory.next_failure.fetch_add(1, Ordering::Relaxed) % FAILURES as u64;
            &self.memory.failures[usize::try_from(at).unwrap_or(0)]
        });
        failure.valid.store(0, Ordering::Release);
        put(&failure.fingerprint, fingerprint);
        put(&failure.blame, blame);
        failure.version.store(version, Ordering::Relaxed);
        failure.brief.store(brief);
        failure.text.store(text);
        failure.valid.store(1, Ordering::Release);
        is_news
    }

    /// Forgets a failure: the content has changed since.
    pub fn forget_failure(&self, fingerprint: &Hash) {
        let Some(_held) = self.lock() else { return };
        if let Some(known) = self.find(fingerprint) {
            known.valid.store(0, Ordering::Release);
        }
    }

    fn is_first_message(&self, subject: &str) -> bool {
        let hash = *blake3::hash(subject.as_bytes()).as_bytes();
        let mark = words(&hash)[0].max(1);
        let start = usize::try_from(mark % MESSAGES as u64).unwrap_or(0);
        for step in 0..MESSAGES {
            let place = &self.memory.messages[(start + step) % MESSAGES];
            match place.compare_exchange(0, mark, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return true,
                Err(taken) if taken == mark => return false,
                Err(_) => {}
            }
        }
        // The table is full: a message that is logged twice is better than one that is not logged.
        true
    }
}

fn holds(place: &[AtomicU64; 4], hash: &Hash) -> bool {
    place.iter().zip(words(hash)).all(|(mine, word)| mine.load(Ordering::Relaxed) == word)
}

fn put(place: &[AtomicU64; 4], hash: &Hash) {
    place.iter().zip(words(hash)).for_each(|(mine, word)| mine.store(word, Ordering::Relaxed));
}
