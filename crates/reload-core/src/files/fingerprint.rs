//! What identifies the state of a file: the stat is a hint, and the hash of the content decides.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The hash of a file's bytes.
pub type Hash = [u8; 32];

/// Within this time of a change, a second change may leave the stat as it is: the file system's clock has not ticked.
const GRAIN: Duration = Duration::from_millis(50);

/// How often a file is read again that changes while it is read.
const ATTEMPTS: u32 = 20;

/// The stat of a file or directory.
///
/// ```text
/// let before = Stat::take(path);
/// before.proves(&Stat::take(path))   true: the content is the same; false: it must be compared
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
    /// It was taken within [`GRAIN`] of the change: an equal stat later does not prove equal content.
    racy: bool,
}

impl Stat {
    /// From the metadata that the system returns.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode(),
            racy: is_near((metadata.ctime(), metadata.ctime_nsec()), GRAIN),
        }
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When the content was last changed, in seconds and nanoseconds.
    pub fn date(&self) -> (i64, i64) {
        self.modified
    }

    /// Whether the file may have changed since that time.
    pub fn is_since(&self, time: SystemTime) -> bool {
        let (seconds, nanos) = self.modified.max(self.changed);
        let then = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
        time.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|time| time < then + GRAIN)
    }

    /// Whether a later stat has the same size and date.
    pub fn looks_like(&self, later: &Self) -> bool {
        (self.size, self.modified) == (later.size, later.modified)
    }

    /// The type and the permissions.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Takes the stat of a path, through symbolic links; `None` if nothing exists there.
    pub fn take(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|m| Self::of(&m))
    }

    /// Whether a later stat proves that the file has not changed in between.
    pub fn proves(&self, later: &Self) -> bool {
        !self.racy && self.settled() == later.settled()
    }

    /// Whether a later stat shows that the same file was written to, rather than replaced by another one.
    pub fn is_overwritten_by(&self, later: &Self) -> bool {
        self.is_same_file(later) && self.settled() != later.settled()
    }

    /// Whether both are of the same file, and not of two that had the same path one after the other.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// The stat regardless of when it was taken, for comparisons that do not look at the content.
    pub fn settled(mut self) -> Self {
        self.racy = false;
        self
    }

    /// Whether the file was changed so recently that a writer may not have finished.
    pub fn is_young(&self) -> bool {
        self.racy
    }

    /// Whether the file was changed within this time.
    pub fn is_younger_than(&self, age: Duration) -> bool {
        is_near(self.changed, age)
    }
}

/// Whether a time is within this distance of the present.
fn is_near((seconds, nanos): (i64, i64), distance: Duration) -> bool {
    let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) else { return true };
    let then = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
    now.abs_diff(then) < distance
}

/// The bytes of a file at one moment, with their hash.
///
/// ```text
/// Content::read("app.py")?.hash == module.source.hash()    the file is what is served
/// ```
#[derive(Debug, Clone)]
pub struct Content {
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// Their hash.
    pub hash: Hash,
    /// The stat of the file when they were read.
    pub stat: Stat,
    /// The path is a symbolic link to the file.
    pub is_link: bool,
}

impl Content {
    /// Reads a regular file. FIFOs and devices are refused: reading them could block.
    ///
    /// # Errors
    /// The error of the system, `InvalidInput` if it is not a regular file, and `WouldBlock` if it changed on every attempt.
    pub fn read(path: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let (file, is_link) = open(path)?;
            if let Some(content) = Self::read_once(file, is_link)? {
                return Ok(content);
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "the file kept changing while it was read"))
    }

    fn read_once(mut file: File, is_link: bool) -> io::Result<Option<Self>> {
        let before = file.metadata()?;
        if !before.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let bytes = read_whole(&mut file, usize::try_from(before.len()).unwrap_or(0))?;
        let metadata = file.metadata()?;
        // If another file has replaced it, its change time differs and its content does not.
        let is_replaced = metadata.nlink() == 0;
        let (before, after) = (Stat::of(&before), Stat::of(&metadata));
        let same = (before.size, before.modified) == (after.size, after.modified)
            && (is_replaced || before.changed == after.changed);
        if !same || usize::try_from(after.size).ok() != Some(bytes.len()) {
            return Ok(None);
        }
        Ok(Some(Self { hash: hash_of_bytes(&bytes), bytes: bytes.into(), stat: after, is_link }))
    }
}

/// Opens a file without blocking. Returns also whether the path is a link.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let open = |more| OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | more).open(path);
    match open(libc::O_NOFOLLOW) {
        Err(e) if e.raw_os_error() == Some(libc::ELOOP) => Ok((open(0)?, true)),
        opened => Ok((opened?, false)),
    }
}

/// Reads a file of about this size. Unlike `read_to_end` it does not ask for size and position again, and it does not need a read
/// that returns 0 at the end, as the caller compares the size.
fn read_whole(file: &mut File, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size.saturating_add(1)];
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
        if length == bytes.len() {
            bytes.resize(length.saturating_mul(2), 0);
        } else if length == size {
            break;
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// The hash of a file's bytes.
pub fn hash_of_bytes(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

/// The hash of a text, such as the directories of a namespace package.
pub fn hash_of(text: &str) -> Hash {
    *blake3::hash(text.as_bytes()).as_bytes()
}
