//! The kernel's side of the watch: one inotify instance, whose queue all children of the server share.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::watch::interests::entry_of;
use crate::watch::journal::{Event, EventKind, JournalDrain};
use os::log;

/// What a directory's watch reports.
const REPORTED: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// How much is read of the kernel's queue at once.
const BUFFER: usize = 16 * 1024;
/// More than any event takes: its head, and the longest name with the zeros behind it.
const LARGEST_EVENT: usize = 512;

/// Stands for all names of a directory where the journal asks for one.
pub(super) const ANY_NAME: u64 = u64::MAX;

/// An inotify instance.
pub(super) struct Inotify(OwnedFd);

impl Inotify {
    pub(super) fn new() -> Result<Self, Errno> {
        inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map(Self)
    }

    /// How many bytes of events wait in the queue.
    pub(super) fn waiting(&self) -> Result<usize, Errno> {
        rustix::io::ioctl_fionread(&self.0).map(|bytes| usize::try_from(bytes).unwrap_or(0))
    }

    /// Watches a directory. Returns its watch descriptor, which is the same for all paths of one directory.
    pub(super) fn add_watch(&self, directory: &Path) -> Result<i32, Errno> {
        inotify::add_watch(&self.0, directory, REPORTED)
    }

    /// Ends a watch, unless it has ended with its directory.
    pub(super) fn remove_watch(&self, watch: i32) {
        let _ = inotify::remove_watch(&self.0, watch);
    }

    /// Moves the events that wait into the journal. Events that come meanwhile may stay: a busy writer would keep this thread, and
    /// those that wait for it, for ever.
    pub(super) fn drain(&self, drain: &JournalDrain<'_>) -> Result<(), Errno> {
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
        let mut reads = self.waiting().unwrap_or(0) / (BUFFER - LARGEST_EVENT) + 1;
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        loop {
            if reader.is_buffer_empty() {
                if reads == 0 {
                    return Ok(());
                }
                reads -= 1;
            }
            match reader.next() {
                Ok(event) => self.post(drain, &event),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    fn post(&self, drain: &JournalDrain<'_>, event: &inotify::Event<'_>) {
        let (flags, watch) = (event.events(), event.wd());
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            log::warning!(
                "the inotify queue overflowed: every managed file is compared again; raise fs.inotify.max_queued_events if this is frequent"
            );
            drain.post(Event::Lost);
        } else if flags
            .intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT)
        {
            if flags.contains(ReadFlags::MOVE_SELF) {
                // The directory lives on under another name. A child that follows that one adds a watch again.
                self.remove_watch(watch);
            }
            drain.post(Event::Directory(watch));
        } else if let Some(name) = event.file_name() {
            post_entry(drain, watch, OsStr::from_bytes(name.to_bytes()), kind(flags));
        }
    }
}

/// Posts what happened to a name of a directory, if some child may follow it.
fn post_entry(drain: &JournalDrain<'_>, watch: i32, name: &OsStr, kind: EventKind) {
    let entry = entry_of(watch, name);
    // A source may be followed only after its writer has begun. Writes to other files, such as logs, are of no interest unless a
    // child follows just that file.
    let is_wanted = name.as_bytes().ends_with(b".py")
        || match kind {
            EventKind::Written => drain.is_wanted(watch, entry.name),
            _ => drain.is_wanted(watch, entry.stem) || drain.is_wanted(watch, ANY_NAME),
        };
    if is_wanted {
        drain.post(Event::Entry(entry, kind));
    }
}

fn kind(flags: ReadFlags) -> EventKind {
    let settles = ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO | ReadFlags::MOVED_FROM | ReadFlags::DELETE;
    if flags.contains(ReadFlags::ISDIR) {
        EventKind::Touched
    } else if flags.intersects(settles) {
        EventKind::Settled
    } else if flags.contains(ReadFlags::MODIFY) {
        EventKind::Written
    } else if flags.contains(ReadFlags::CREATE) {
        EventKind::Created
    } else {
        EventKind::Touched
    }
}
