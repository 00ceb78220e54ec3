//! What a child says of one of its applications, in shared memory.
//!
//! A record has one writer, the child that owns it, and readers in all children. None of them waits for a lock: it is a sequence
//! lock. The sequence number is odd while the record is written, so that a reader who finds it odd, or changed after reading, reads
//! again. A child that dies while it writes leaves a record that the next owner writes anew.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::{Duration, SystemTime};

use os::process;
use os::shared_memory::ZeroInit;

/// How often a reader tries to read a record that is being written.
const ATTEMPTS: u32 = 200;

/// Text in shared memory, cut off at a character where it is too long.
#[repr(C)]
pub struct SharedText<const WORDS: usize> {
    length: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> SharedText<WORDS> {
    /// Stores as much of a text as there is room for.
    pub fn store(&self, text: &str) {
        let bytes = beginning(text, WORDS * 8);
        for (word, bytes) in self.words.iter().zip(bytes.chunks(8)) {
            let mut all = [0; 8];
            all[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(all), Ordering::Relaxed);
        }
        self.length.store(bytes.len() as u64, Ordering::Relaxed);
    }

    /// The text.
    pub fn load(&self) -> String {
        let length = usize::try_from(self.length.load(Ordering::Relaxed)).unwrap_or(0).min(WORDS * 8);
        let words = self.words.iter().take(length.div_ceil(8));
        let mut bytes: Vec<u8> = words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        bytes.truncate(length);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The longest beginning of a text that has at most `limit` bytes and cuts no character.
fn beginning(text: &str, limit: usize) -> &[u8] {
    let end = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text.as_bytes()[..end]
}

/// What a child does for an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildState {
    /// It serves the newest code that it knows.
    Serving,
    /// It builds newer code.
    Building,
    /// Newer code could not be built.
    Failed,
}

impl ChildState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Building => "building",
            Self::Failed => "failed",
        }
    }
}

/// A record as it was read.
#[derive(Debug, Clone)]
pub struct ChildStatus {
    /// The child.
    pub pid: u32,
    /// The application's label.
    pub application: String,
    /// The generation that new requests get.
    pub generation: u64,
    /// What the child does.
    pub state: ChildState,
    /// Why newer code could not be built.
    pub error: Option<String>,
    /// The sum over the modules that it serves.
    pub manifest: [u64; 4],
    /// When the state began.
    pub since: Duration,
    /// When the generation was published; with the first one, when the application began.
    pub published: Duration,
}

/// A child's record of one application.
///
/// ```text
/// record.claim("app /srv/app");                     // the owner, once
/// record.enter(ChildState::Failed, Some("..."));    // the owner, when something happens
/// record.read();                                    // any child: Some(ChildStatus { state: Failed, .. })
/// record.release_if_dead();                         // any child, under the scoreboard's lock
/// ```
#[repr(C)]
pub struct ChildRecord {
    /// The process that owns it; 0 for none.
    owner: AtomicU32,
    /// Odd while the record is written.
    sequence: AtomicU32,
    /// When the owner was started, which tells it from a later process with the same number.
    born: AtomicU64,
    state: AtomicU64,
    generation: AtomicU64,
    /// Microseconds since the epoch; so is the next one.
    since: AtomicU64,
    published: AtomicU64,
    manifest: [AtomicU64; 4],
    label: SharedText<64>,
    error: SharedText<256>,
}

// SAFETY: atomics only, no pointers, no destructor.
unsafe impl ZeroInit for ChildRecord {}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl ChildRecord {
    /// Claims the record for the calling process. Returns whether it was free. Under the scoreboard's lock only.
    pub fn claim(&self, label: &str) -> bool {
        if self.owner.load(Ordering::Acquire) != 0 {
            return false;
        }
        let me = std::process::id();
        self.owner.store(me, Ordering::Release);
        self.write(|record| {
            record.born.store(process::birth(me).unwrap_or(0), Ordering::Relaxed);
            record.label.store(label);
            record.error.store("");
            record.generation.store(1, Ordering::Relaxed);
            record.state.store(ChildState::Serving as u64, Ordering::Relaxed);
            record.manifest.iter().for_each(|word| word.store(0, Ordering::Relaxed));
            let now = now();
            record.since.store(now, Ordering::Relaxed);
            record.published.store(now, Ordering::Relaxed);
        });
        true
    }

    /// Frees the record if its owner is dead. Under the scoreboard's lock only.
    pub fn release_if_dead(&self) {
        let owner = self.owner.load(Ordering::Acquire);
        if owner != 0 && !self.is_owned_by(owner) {
            self.owner.store(0, Ordering::Release);
        }
    }

    /// Whether the owner is this process. Another one may have got the number of one that is dead.
    fn is_owned_by(&self, pid: u32) -> bool {
        process::birth(pid) == Some(self.born.load(Ordering::Relaxed))
    }

    fn write(&self, change: impl FnOnce(&Self)) {
        // It is odd already where a child died while it wrote.
        let odd = self.sequence.load(Ordering::Relaxed) | 1;
        self.sequence.store(odd, Ordering::Relaxed);
        fence(Ordering::Release);
        change(self);
        self.sequence.store(odd.wrapping_add(1), Ordering::Release);
    }

    /// Sets the state, and the error if one is given. Only the owner may call this, one thread at a time.
    pub fn enter(&self, state: ChildState, error: Option<&str>) {
        self.write(|record| {
            if record.state.swap(state as u64, Ordering::Relaxed) != state as u64 {
                record.since.store(now(), Ordering::Relaxed);
            }
            if let Some(error) = error {
                record.error.store(error);
            }
        });
    }

    /// A generation was published. May be called by whom [`Self::enter`] may.
    pub fn publish(&self, generation: u64) {
        self.write(|record| {
            record.generation.store(generation, Ordering::Relaxed);
            record.published.store(now(), Ordering::Relaxed);
        });
    }

    /// The modules that are served have changed: their sum. May be called by whom [`Self::enter`] may.
    pub fn list(&self, manifest: [u64; 4]) {
        self.write(|record| {
            record.manifest.iter().zip(manifest).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        });
    }

    /// What the record says; none if it has no owner, or if that does not finish writing it.
    pub fn read(&self) -> Option<ChildStatus> {
        for attempt in 0..ATTEMPTS {
            let pid = self.owner.load(Ordering::Acquire);
            if pid == 0 {
                return None;
            }
            let before = self.sequence.load(Ordering::Acquire);
            if before & 1 == 0 {
                let child = self.copy(pid);
                fence(Ordering::Acquire);
                let is_whole = self.sequence.load(Ordering::Relaxed) == before;
                if is_whole && self.owner.load(Ordering::Relaxed) == pid {
                    return Some(child);
                }
            }
            if attempt % 8 == 7 {
                std::thread::sleep(Duration::from_micros(200));
            } else {
                std::thread::yield_now();
            }
        }
        None
    }

    fn copy(&self, pid: u32) -> ChildStatus {
        let state = match self.state.load(Ordering::Relaxed) {
            1 => ChildState::Building,
            2 => ChildState::Failed,
            _ => ChildState::Serving,
        };
        let error = self.error.load();
        let mut manifest = [0; 4];
        manifest.iter_mut().zip(&self.manifest).for_each(|(value, word)| *value = word.load(Ordering::Relaxed));
        ChildStatus {
            pid,
            application: self.label.load(),
            generation: self.generation.load(Ordering::Relaxed),
            state,
            error: (!error.is_empty()).then_some(error),
            manifest,
            since: Duration::from_micros(self.since.load(Ordering::Relaxed)),
            published: Duration::from_micros(self.published.load(Ordering::Relaxed)),
        }
    }
}
