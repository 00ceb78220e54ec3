//! What changed, for all children: the events that one of them took from the kernel, in shared memory.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use crate::httpd::shm::{RobustGuard, RobustMutex, Shared, ZeroInit};

/// How many events stay readable. A child that is further behind compares everything.
const LENGTH: usize = 4096;

/// An event of a watched directory, or the word that events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something happened to the entry with this name hash in the directory with this watch descriptor.
    Entry(i32, u64),
    /// The directory itself was moved or deleted, or its watch has ended.
    Directory(i32),
    /// Events were lost: compare everything.
    Lost,
}

const KIND_ENTRY: u32 = 1;
const KIND_DIRECTORY: u32 = 2;
const KIND_LOST: u32 = 3;

#[repr(C)]
struct Line {
    kind: AtomicU32,
    watch: AtomicI32,
    name: AtomicU64,
}

#[repr(C)]
struct Page {
    mutex: RobustMutex,
    draining: AtomicU32,
    posted: AtomicU64,
    lines: [Line; LENGTH],
}

// SAFETY: atomics and a mutex that `Journal::new` initialises; no pointers, no destructor.
unsafe impl ZeroInit for Page {}

/// The journal of one configuration.
pub struct Journal(Shared<Page>);

/// The right to post, held by the one process that drains the kernel's queue.
pub struct Drain<'a> {
    page: &'a Page,
    _lock: RobustGuard<'a>,
}

impl Journal {
    /// Makes the journal, in the parent.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let page = Shared::<Page>::new()?;
        page.mutex.init()?;
        Ok(Self(page))
    }

    /// How many events have been posted so far: the epoch.
    pub fn epoch(&self) -> u64 {
        self.0.posted.load(Ordering::SeqCst)
    }

    /// Whether somebody has taken events from the kernel that are not posted yet.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst) != 0
    }

    /// Waits for the right to drain. When the last one to have it died with events in its hands, everybody is told that events
    /// were lost.
    pub fn drain(&self) -> Option<Drain<'_>> {
        let lock = self.0.mutex.lock()?;
        let interrupted = lock.holder_died;
        self.0.draining.store(1, Ordering::SeqCst);
        let drain = Drain { page: &self.0, _lock: lock };
        if interrupted {
            drain.post(Event::Lost);
        }
        Some(drain)
    }

    /// Calls `each` with the events from `cursor` on; answers the new cursor.
    pub fn read(&self, cursor: u64, mut each: impl FnMut(Event)) -> u64 {
        let end = self.epoch();
        let capacity = LENGTH as u64;
        if end.saturating_sub(cursor) >= capacity {
            each(Event::Lost);
            return end;
        }
        let events: Vec<Event> = (cursor..end).map(|at| self.line(at)).collect();
        // A writer may have come round while the lines were read.
        if self.epoch().saturating_sub(cursor) >= capacity {
            each(Event::Lost);
            return end;
        }
        events.into_iter().for_each(each);
        end
    }

    fn line(&self, at: u64) -> Event {
        let line = &self.0.lines[place(at)];
        let watch = line.watch.load(Ordering::Acquire);
        match line.kind.load(Ordering::Acquire) {
            KIND_ENTRY => Event::Entry(watch, line.name.load(Ordering::Acquire)),
            KIND_DIRECTORY => Event::Directory(watch),
            _ => Event::Lost,
        }
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at % LENGTH as u64).unwrap_or(0)
}

impl Drain<'_> {
    /// Appends an event.
    pub fn post(&self, event: Event) {
        let at = self.page.posted.load(Ordering::SeqCst);
        let line = &self.page.lines[place(at)];
        let (kind, watch, name) = match event {
            Event::Entry(watch, name) => (KIND_ENTRY, watch, name),
            Event::Directory(watch) => (KIND_DIRECTORY, watch, 0),
            Event::Lost => (KIND_LOST, -1, 0),
        };
        line.kind.store(kind, Ordering::Release);
        line.watch.store(watch, Ordering::Release);
        line.name.store(name, Ordering::Release);
        self.page.posted.store(at + 1, Ordering::SeqCst);
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        self.page.draining.store(0, Ordering::SeqCst);
    }
}
