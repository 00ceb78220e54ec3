//! Files that were written and not closed: what is read of one may be half of a save.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::files::fingerprint::Stat;
use crate::watch::journal::{EventKind, JournalEntry};

/// A file that nothing happened to for so long is taken as it is: a program may keep it open for ever.
const STILLNESS: Duration = Duration::from_secs(3);
/// A file that was written to for so long is taken as it is: it is no save, but a log.
const PATIENCE: Duration = Duration::from_secs(10);
/// A file that nobody follows is forgotten after so long.
const MEMORY: Duration = Duration::from_secs(60);

/// The files of the watched directories that have a writer.
#[derive(Default)]
pub struct Writers(HashMap<(i32, u64), File>);

struct File {
    stem: u64,
    /// None while nobody has asked for it.
    path: Option<PathBuf>,
    /// Made, and not written to so far: it may be a link, which has no writer.
    is_new: bool,
    /// Written to for longer than a save takes: not waited for until it is closed.
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
        // Whatever has come into the directory with a content or with another name is no new file.
        !self.is_new || path.symlink_metadata().is_ok_and(|m| m.is_file() && m.nlink() == 1 && m.len() == 0)
    }
}

impl Writers {
    /// Whether there is nothing to wait for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in what happened to an entry, whose path is known if somebody follows it.
    pub fn note(&mut self, entry: JournalEntry, what: EventKind, path: Option<&Path>) {
        let key = (entry.watch, entry.name);
        let now = Instant::now();
        match what {
            EventKind::Touched => {}
            EventKind::Settled => {
                self.0.remove(&key);
            }
            EventKind::Created | EventKind::Written => {
                let is_new = what == EventKind::Created;
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

    /// A directory is not watched any more.
    pub fn forget(&mut self, watch: i32) {
        self.0.retain(|(w, _), _| *w != watch);
    }

    /// Remembers the path of a file that somebody follows from now on.
    pub fn follow(&mut self, watch: i32, name: u64, path: &Path) {
        if let Some(file) = self.0.get_mut(&(watch, name)) {
            file.path.get_or_insert_with(|| path.to_owned());
        }
    }

    /// Ends the waiting for files that hold still, or never come to an end; answers those that somebody follows.
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
