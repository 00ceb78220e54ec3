//! Files that are being written. What is read of one may be half of a save, so that nothing is built from it before its writer has
//! closed it.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::files::fingerprint::Stat;
use crate::watch::journal::{EventKind, JournalEntry};

/// A file to which nothing has happened for so long counts as complete: a program may keep it open for ever.
const STILLNESS: Duration = Duration::from_secs(3);
/// A file that has been written to for so long counts as complete: it is a log rather than a save.
const PATIENCE: Duration = Duration::from_secs(10);
/// A file that nothing follows is forgotten after so long.
const MEMORY: Duration = Duration::from_secs(60);

/// The files of the watched directories that have a writer: `((watch, hash of the name), file)`.
#[derive(Default)]
pub struct Writers(HashMap<(i32, u64), File>);

struct File {
    stem: u64,
    /// None while nothing follows the file.
    path: Option<PathBuf>,
    /// Created, and not written to so far: it may be a link, which has no writer.
    is_new: bool,
    /// Written to for longer than a save takes: nothing waits for it any more.
    is_given_up: bool,
    begun: Instant,
    stat: Option<Stat>,
    still_since: Instant,
}

impl File {
    fn has_writer(&self, path: &Path) -> bool {
        if self.is_given_up {
            return false;
        }
        // What was linked into the directory, or has content already, was not created here.
        !self.is_new || path.symlink_metadata().is_ok_and(|m| m.is_file() && m.nlink() == 1 && m.len() == 0)
    }
}

impl Writers {
    /// Whether no file has a writer.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes what happened to an entry, whose path is given if something follows it.
    pub fn note(&mut self, entry: JournalEntry, kind: EventKind, path: Option<&Path>) {
        let key = (entry.watch, entry.name);
        let now = Instant::now();
        match kind {
            EventKind::Touched => {}
            EventKind::Settled => {
                self.0.remove(&key);
            }
            EventKind::Created | EventKind::Written => {
                let is_new = kind == EventKind::Created;
                let file = self.0.entry(key).or_insert_with(|| File {
                    stem: entry.stem,
                    path: None,
                    is_new,
                    is_given_up: false,
                    begun: now,
                    stat: None,
                    still_since: now,
                });
                file.is_new &= is_new;
                file.still_since = now;
                file.path = file.path.take().or_else(|| path.map(Path::to_owned));
            }
        }
    }

    /// Whether the file has a writer that is waited for.
    pub fn contains(&self, watch: i32, name: u64, path: &Path) -> bool {
        self.0.get(&(watch, name)).is_some_and(|file| file.has_writer(path))
    }

    /// The files, as entries of their directories, and since when they have had a writer.
    pub fn entries(&self) -> impl Iterator<Item = (JournalEntry, Instant)> {
        self.0.iter().map(|(&(watch, name), file)| (JournalEntry { watch, stem: file.stem, name }, file.begun))
    }

    /// Forgets the files of a directory that is not watched any more.
    pub fn forget(&mut self, watch: i32) {
        self.0.retain(|(w, _), _| *w != watch);
    }

    /// Remembers the path of a file that is followed from now on.
    pub fn follow(&mut self, watch: i32, name: u64, path: &Path) {
        if let Some(file) = self.0.get_mut(&(watch, name)) {
            file.path.get_or_insert_with(|| path.to_owned());
        }
    }

    /// Stops waiting for files that nothing writes to any more, or for which nothing waits any longer. Returns those that are followed.
    pub fn expire(&mut self) -> Vec<JournalEntry> {
        let now = Instant::now();
        let mut expired = Vec::new();
        self.0.retain(|&(watch, name), file| {
            let Some(path) = &file.path else { return now < file.still_since + MEMORY };
            let stat = Stat::take(path).map(Stat::settled);
            if stat != file.stat {
                file.still_since = now;
                file.stat = stat;
            }
            let is_still = now >= file.still_since + STILLNESS;
            let is_late = now >= file.begun + PATIENCE && !file.is_given_up;
            if is_still || is_late {
                expired.push(JournalEntry { watch, stem: file.stem, name });
            }
            file.is_given_up |= is_late;
            !is_still
        });
        expired
    }
}
