//! The board: what the children of one configuration tell each other, in memory that they share.
//!
//! The parent makes it when the configuration is complete. Children of an older configuration keep the older board until they
//! end. It holds the children's records, a ledger for each application, failures that need not be found out
//! twice, and which warnings have been logged.

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
/// How many applications have a ledger.
const LEDGERS: usize = 256;
/// How many messages are known to have been logged.
const MESSAGES: usize = 1024;
/// How many failures are kept.
const FAILURES: usize = 128;

#[repr(C)]
struct SharedFailure {
    valid: AtomicU32,
    /// Which changes failed.
    fingerprint: [AtomicU64; 4],
    /// Which content was to blame, and in which way.
    blame: [AtomicU64; 4],
    version: AtomicU64,
    brief: SharedText<64>,
    text: SharedText<512>,
}

#[repr(C)]
struct ScoreboardMemory {
    mutex: RobustMutex,
    /// No record from here on has ever been taken.
    records: AtomicUsize,
    messages: [AtomicU64; MESSAGES],
    next_failure: AtomicU64,
    failures: [SharedFailure; FAILURES],
    ledgers: [ContentVersions; LEDGERS],
}

// SAFETY: atomics and a mutex that `Scoreboard::new` initialises; no pointers, no destructor.
unsafe impl ZeroInit for ScoreboardMemory {}

/// The board of one configuration.
pub struct Scoreboard {
    page: Shared<ScoreboardMemory>,
    records: SharedList<ChildRecord>,
}

static CURRENT: Mutex<Option<Arc<Scoreboard>>> = Mutex::new(None);

fn slot() -> MutexGuard<'static, Option<Arc<Scoreboard>>> {
    CURRENT.lock()
}

/// Makes the board of a new configuration, in the parent, with room for as many children as the server can have.
pub fn prepare(most_children: usize) {
    match Scoreboard::new(most_children) {
        Ok(board) => *slot() = Some(Arc::new(board)),
        Err(e) => log::warning!(
            "no shared memory is to be had ({e}): children do not know of each other, and PythonReloadConsistency \
                 server has no effect"
        ),
    }
}

/// Lets go of the parent's board; children keep theirs.
pub fn release() {
    *slot() = None;
}

/// The board that this process has inherited.
pub fn current() -> Option<Arc<Scoreboard>> {
    slot().clone()
}

/// Whether a message about this subject is the first one of the server. Without a board, of the child.
pub fn is_first(subject: &str) -> bool {
    current().is_none_or(|board| board.is_first_message(subject))
}

impl Scoreboard {
    fn new(children: usize) -> io::Result<Self> {
        let page = Shared::<ScoreboardMemory>::new()?;
        page.mutex.init()?;
        // A graceful restart has children of two configurations, but each has its own board.
        let records = SharedList::new((children * RECORDS_PER_CHILD).clamp(LEAST_RECORDS, MOST_RECORDS))?;
        Ok(Self { page, records })
    }

    /// Whoever dies with the lock leaves at most one failure that is not valid.
    fn lock(&self) -> Option<RobustGuard<'_>> {
        self.page.mutex.lock()
    }

    /// A record for the calling child; none when all are taken.
    pub fn claim_record(&self, label: &str) -> Option<usize> {
        let _held = self.lock()?;
        let claim = || self.records.iter().position(|record| record.claim(label));
        let index = claim().or_else(|| {
            self.records.iter().for_each(ChildRecord::bury);
            claim()
        })?;
        self.page.records.fetch_max(index + 1, Ordering::Relaxed);
        Some(index)
    }

    /// A record by its number.
    pub fn record(&self, index: usize) -> &ChildRecord {
        &self.records[index]
    }

    /// What all living children say.
    pub fn children(&self) -> Vec<ChildStatus> {
        let used = &self.records[..self.page.records.load(Ordering::Relaxed).min(self.records.len())];
        let held = self.lock();
        used.iter().for_each(ChildRecord::bury);
        drop(held);
        used.iter().filter_map(ChildRecord::read).collect()
    }

    /// The ledger of an application; none when all are taken.
    pub fn ledger_of(&self, key: &Hash) -> Option<usize> {
        let _held = self.lock()?;
        let index = self.page.ledgers.iter().position(|ledger| ledger.is_of(key) != Some(false))?;
        let ledger = &self.page.ledgers[index];
        if ledger.is_of(key).is_none() {
            ledger.give(key);
        }
        Some(index)
    }

    /// A ledger by its number.
    pub fn ledger(&self, index: usize) -> &ContentVersions {
        &self.page.ledgers[index]
    }

    /// A failure that a child has had at this version of the ledger: in one line, and in full.
    pub fn failure(&self, fingerprint: &Hash, version: u64) -> Option<(String, String)> {
        let _held = self.lock()?;
        let found = self.find(fingerprint)?;
        (found.version.load(Ordering::Relaxed) == version).then(|| (found.brief.load(), found.text.load()))
    }

    fn valid_failures(&self) -> impl Iterator<Item = &SharedFailure> {
        self.page.failures.iter().filter(|failure| failure.valid.load(Ordering::Acquire) != 0)
    }

    fn find(&self, fingerprint: &Hash) -> Option<&SharedFailure> {
        self.valid_failures().find(|failure| holds(&failure.fingerprint, fingerprint))
    }

    /// Keeps a failure for the other children, by its fingerprint and what is to blame; whether none of them has had one with
    /// the same to blame.
    pub fn keep_failure(&self, [fingerprint, blame]: [&Hash; 2], version: u64, [brief, text]: [&str; 2]) -> bool {
        let Some(_held) = self.lock() else { return true };
        let is_news = !self.valid_failures().any(|failure| holds(&failure.blame, blame));
        let failure = self.find(fingerprint).unwrap_or_else(|| {
            let at = self.page.next_failure.fetch_add(1, Ordering::Relaxed) % FAILURES as u64;
            &self.page.failures[usize::try_from(at).unwrap_or(0)]
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

    /// Forgets a failure: the content is not what it was.
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
            let place = &self.page.messages[(start + step) % MESSAGES];
            match place.compare_exchange(0, mark, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return true,
                Err(taken) if taken == mark => return false,
                Err(_) => {}
            }
        }
        // So many different messages: one too many is better than one too few.
        true
    }
}

fn holds(place: &[AtomicU64; 4], hash: &Hash) -> bool {
    place.iter().zip(words(hash)).all(|(mine, word)| mine.load(Ordering::Relaxed) == word)
}

fn put(place: &[AtomicU64; 4], hash: &Hash) {
    place.iter().zip(words(hash)).for_each(|(mine, word)| mine.store(word, Ordering::Relaxed));
}
