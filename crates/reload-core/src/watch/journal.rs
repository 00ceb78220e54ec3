//! The events that children took from the kernel, in shared memory, for all children to read.
//!
//! A ring of lines. One process at a time posts, under the journal's lock; readers take no lock. Each reader keeps its own cursor, a
//! count of events: one that falls behind by more than the ring has lines reads [`Event::Lost`] and compares everything.
//!
//! ```text
//! posted = 7      lines  [.. 4: shop.py written | 5: shop.py settled | 6: util.py settled]
//! child A, cursor 7: nothing to read        child B, cursor 5: reads lines 5 and 6
//! ```

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use os::shared_memory::{RobustGuard, RobustMutex, Shared, ZeroInit};

/// How many events stay readable. A child that is further behind compares everything.
const LENGTH: usize = 4096;

/// How many 64-bit words the filter of wanted names has: a million bits, of which an application of thousands of modules sets a few
/// per cent.
const WORDS: usize = 16 * 1024;

/// A name in a watched directory, as the journal has it: by hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalEntry {
    /// The directory's watch descriptor.
    pub watch: i32,
    /// The hash of the name's part before its first dot, which `x.py` has in common with everything that may take its place.
    pub stem: u64,
    /// The hash of the whole name.
    pub name: u64,
}

/// What happened to an entry: whether its file is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Something that says nothing about its content: attributes changed, or it is a directory.
    Touched,
    /// It was created, and may have a writer.
    Created,
    /// It was written to, and has not been closed since.
    Written,
    /// A writer closed it, or the name belongs to another file or none.
    Settled,
}

/// An event of a watched directory, or a request to all children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something happened to an entry.
    Entry(JournalEntry, EventKind),
    /// The directory itself was moved or deleted, or its watch has ended.
    Directory(i32),
    /// Events were lost: compare everything.
    Lost,
    /// Load modules again even if nothing has changed: those of the name or package with this hash, or all.
    Rebuild(Option<u64>),
}

/// What `JournalLine::kind` says; 0 in a line that was never written.
const KIND_TOUCHED: u32 = 1;
const KIND_CREATED: u32 = 2;
const KIND_WRITTEN: u32 = 3;
const KIND_SETTLED: u32 = 4;
const KIND_DIRECTORY: u32 = 5;
const KIND_LOST: u32 = 6;
const KIND_REBUILD_ALL: u32 = 7;
const KIND_REBUILD: u32 = 8;

#[repr(C)]
struct JournalLine {
    kind: AtomicU32,
    watch: AtomicI32,
    stem: AtomicU64,
    name: AtomicU64,
}

#[repr(C)]
struct JournalMemory {
    mutex: RobustMutex,
    /// Not 0 while a process has events in its hands that are not posted yet.
    draining: AtomicU32,
    /// How many events were posted. Event number `n` is in line `n % LENGTH`.
    posted: AtomicU64,
    /// A filter of the names that some child follows: a bit that is not set rules a name out.
    wanted: [AtomicU64; WORDS],
    lines: [JournalLine; LENGTH],
}

// SAFETY: atomics and a mutex that `Journal::new` initialises; no pointers, no destructor.
unsafe impl ZeroInit for JournalMemory {}

/// The journal of one configuration.
///
/// ```text
/// let journal = Journal::new()?;                  // in the parent
/// journal.want(watch, stem);                      // in a child that follows a file
/// journal.drain()?.post(Event::Entry(..));        // in the child that took the event from the kernel
/// cursor = journal.read(cursor, |event| ..);      // in every child
/// ```
pub struct Journal(Shared<JournalMemory>);

/// The right to post, held by the one process that drains the kernel's queue.
pub struct JournalDrain<'a> {
    memory: &'a JournalMemory,
    /// The last process that had it died meanwhile. Its events are lost, and [`Event::Lost`] has been posted.
    pub is_inherited: bool,
    last: Cell<Option<Event>>,
    _lock: RobustGuard<'a>,
}

impl Journal {
    /// Makes the journal, in the parent.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let memory = Shared::<JournalMemory>::new()?;
        memory.mutex.init()?;
        Ok(Self(memory))
    }

    /// How many events have been posted so far.
    pub fn posted(&self) -> u64 {
        self.0.posted.load(Ordering::SeqCst)
    }

    /// Whether a process has taken events from the kernel that are not posted yet.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst) != 0
    }

    /// Waits for the right to drain. If the last process that had it died meanwhile, posts that events were lost. Returns none if
    /// the lock has become unusable.
    pub fn drain(&self) -> Option<JournalDrain<'_>> {
        let lock = self.0.mutex.lock()?;
        self.0.draining.store(1, Ordering::SeqCst);
        let drain =
            JournalDrain { memory: &self.0, is_inherited: lock.holder_died, last: Cell::new(None), _lock: lock };
        if drain.is_inherited {
            drain.post(Event::Lost);
        }
        Some(drain)
    }

    /// Has events of a name in the directory posted from now on: the hash of its stem, or of the whole name.
    pub fn want(&self, watch: i32, hash: u64) {
        let (word, bit) = place_of(watch, hash);
        let word = &self.0.wanted[word];
        if word.load(Ordering::SeqCst) & bit == 0 {
            word.fetch_or(bit, Ordering::SeqCst);
        }
    }

    /// Calls `each` with the events from `cursor` on. Returns the new cursor.
    pub fn read(&self, cursor: u64, mut each: impl FnMut(Event)) -> u64 {
        let end = self.posted();
        let capacity = LENGTH as u64;
        if end.saturating_sub(cursor) >= capacity {
            each(Event::Lost);
            return end;
        }
        let events: Vec<Event> = (cursor..end).map(|at| self.line(at)).collect();
        // The writer may have come round the ring while the lines were read.
        if self.posted().saturating_sub(cursor) >= capacity {
            each(Event::Lost);
            return end;
        }
        events.into_iter().for_each(each);
        end
    }

    fn line(&self, at: u64) -> Event {
        let line = &self.0.lines[place(at)];
        let watch = line.watch.load(Ordering::Acquire);
        let (stem, name) = (line.stem.load(Ordering::Acquire), line.name.load(Ordering::Acquire));
        let entry = JournalEntry { watch, stem, name };
        match line.kind.load(Ordering::Acquire) {
            KIND_TOUCHED => Event::Entry(entry, EventKind::Touched),
            KIND_CREATED => Event::Entry(entry, EventKind::Created),
            KIND_WRITTEN => Event::Entry(entry, EventKind::Written),
            KIND_SETTLED => Event::Entry(entry, EventKind::Settled),
            KIND_DIRECTORY => Event::Directory(watch),
            KIND_REBUILD_ALL => Event::Rebuild(None),
            KIND_REBUILD => Event::Rebuild(Some(name)),
            _ => Event::Lost,
        }
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at % LENGTH as u64).unwrap_or(0)
}

fn place_of(watch: i32, hash: u64) -> (usize, u64) {
    let mixed = hash ^ u64::from(watch.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = usize::try_from((mixed >> 6) % WORDS as u64).unwrap_or(0);
    (word, 1 << (mixed & 63))
}

impl JournalDrain<'_> {
    /// Whether some child may follow the name. Yes may be wrong; no is right.
    pub fn is_wanted(&self, watch: i32, hash: u64) -> bool {
        let (word, bit) = place_of(watch, hash);
        self.memory.wanted[word].load(Ordering::SeqCst) & bit != 0
    }

    /// Appends an event. Writes to the same file, one right after another, are posted once.
    pub fn post(&self, event: Event) {
        let is_repeated = matches!(event, Event::Entry(_, EventKind::Written)) && self.last.get() == Some(event);
        if is_repeated {
            return;
        }
        self.last.set(Some(event));
        let at = self.memory.posted.load(Ordering::SeqCst);
        let line = &self.memory.lines[place(at)];
        let none = JournalEntry { watch: -1, stem: 0, name: 0 };
        let (kind, JournalEntry { watch, stem, name }) = match event {
            Event::Entry(entry, EventKind::Touched) => (KIND_TOUCHED, entry),
            Event::Entry(entry, EventKind::Created) => (KIND_CREATED, entry),
            Event::Entry(entry, EventKind::Written) => (KIND_WRITTEN, entry),
            Event::Entry(entry, EventKind::Settled) => (KIND_SETTLED, entry),
            Event::Directory(watch) => (KIND_DIRECTORY, JournalEntry { watch, ..none }),
            Event::Lost => (KIND_LOST, none),
            Event::Rebuild(None) => (KIND_REBUILD_ALL, none),
            Event::Rebuild(Some(name)) => (KIND_REBUILD, JournalEntry { name, ..none }),
        };
        line.kind.store(kind, Ordering::Release);
        line.watch.store(watch, Ordering::Release);
        line.stem.store(stem, Ordering::Release);
        line.name.store(name, Ordering::Release);
        self.memory.posted.store(at + 1, Ordering::SeqCst);
    }
}

impl Drop for JournalDrain<'_> {
    fn drop(&mut self) {
        self.memory.draining.store(0, Ordering::SeqCst);
    }
}
