//! Finding changes that the kernel does not report, by looking at files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::reload::application::registry;
use crate::reload::application::state::Application;
use crate::reload::interrupt::background::Task;
use os::log;
use reload_core::files::fingerprint::Stat;
use reload_core::graph::Name;
use reload_core::watch;
use reload_core::watch::interests::Listener;

/// The longest time between two reads of the kernel's reports.
const ANNOUNCEMENTS: Duration = Duration::from_secs(1);

static RESCAN: Task = Task::new("the rescan of files", in_background);

/// Starts to look for changes in the background.
pub(in crate::reload) fn begin() {
    RESCAN.call();
}

fn in_background() -> Instant {
    if let Some(watch) = watch::current() {
        watch.poll();
        watch.expire_unfinished();
    }
    let applications = registry::all();
    let rescans = applications.iter().map(|application| application.sweep_in_background());
    rescans.fold(Instant::now() + ANNOUNCEMENTS, Instant::min)
}

/// A path that may have changed, according to its stat.
pub(in crate::reload) struct StaleStat {
    /// The path.
    pub path: PathBuf,
    /// Its stat at the last look; `None` if it did not exist.
    before: Option<Stat>,
    /// Its stat now.
    pub now: Option<Stat>,
}

impl StaleStat {
    /// Whether the path still has the same file or directory, or a file that has replaced a file.
    fn is_in_place(&self) -> bool {
        self.before.zip(self.now).is_some_and(|(before, now)| {
            before.mode() == now.mode() && (before.is_same_file(&now) || self.path.is_file())
        })
    }
}

impl Application {
    /// Looks at the files that the kernel does not report, if it is time to.
    pub(in crate::reload) fn poll_files(&self) {
        if !self.sweeps.lock().begin_polling() {
            return;
        }
        let begun = Instant::now();
        self.watch.look_at_trigger();
        if self.key.autoreload {
            let seen = self.watch.unannounced(self.seen(), |(path, _)| path);
            if self.are_places_elsewhere() || moved(seen).next().is_some() {
                self.anything_changed();
            }
        }
        self.sweeps.lock().end_polling(begun.elapsed());
    }

    /// Looks at all files for changes that the kernel does not report, such as writes through a memory map. Called by a background
    /// thread. Returns when it is to be called again.
    pub(in crate::reload) fn sweep_in_background(&self) -> Instant {
        let begun = Instant::now();
        let next = self.sweeps.lock().next_background();
        if begun < next {
            return next;
        }
        self.watch.look_at_trigger();
        if self.key.autoreload && !self.kept.is_frozen() && !self.watch.is_polling() {
            self.sweep();
        }
        self.sweeps.lock().end_background(begun.elapsed())
    }

    /// Compares the paths that may have changed. Most of them were already reported, but read within 50 ms of the save, so their
    /// stat is inconclusive; the same goes for a directory after an atomic rename. Requests only see what does differ.
    fn sweep(&self) {
        let found: Vec<StaleStat> = moved(self.seen()).collect();
        if self.are_places_elsewhere() || !found.iter().all(StaleStat::is_in_place) {
            self.anything_changed();
            return;
        }
        if found.is_empty() {
            return;
        }
        let paths: HashSet<&Path> = found.iter().map(|moved| moved.path.as_path()).collect();
        let (mut at, mut below) = (HashSet::new(), HashSet::new());
        {
            let mut names = self.names.lock();
            // Before anything is read, so that later changes show. Until the result is known, requests compare these paths too.
            names.seen.extend(found.iter().map(|moved| (moved.path.clone(), moved.now)));
            names.swept.extend(found.iter().map(|moved| moved.path.clone()));
            for (path, all) in &names.by_path {
                if paths.contains(path.as_path()) {
                    at.extend(all.iter().cloned());
                } else if path.parent().is_some_and(|above| paths.contains(above)) {
                    below.extend(all.iter().cloned());
                }
            }
        }
        let is_as_served = at.iter().all(|name| !self.differs(name)) && below.iter().all(|name| self.stands(name));
        if is_as_served {
            log::debug!("a sweep has compared {} paths, and nothing has to run", paths.len());
        } else {
            self.found_changed(found.into_iter().map(|moved| moved.path));
        }
        self.names.lock().swept.clear();
    }

    /// Whether a name differs from what is served in a way that is not known yet.
    fn differs(&self, name: &Name) -> bool {
        let (known, suspect) = {
            let names = self.names.lock();
            (names.known.get(name).cloned(), names.suspects.get(name).and_then(|suspect| suspect.mark()))
        };
        let Some(known) = known else { return false };
        self.compare_one(name, &known, &self.current(), false)
            .is_some_and(|change| change.known.is_none() || change.mark().is_none() || change.mark() != suspect)
    }

    /// Whether the lookup of a name has the same result as before.
    fn stands(&self, name: &Name) -> bool {
        let Some(known) = self.names.lock().known.get(name).cloned() else { return true };
        self.lookup_name(name, &known.directories).found == known.candidate && !self.is_else_beyond(name, &known)
    }

    fn are_places_elsewhere(&self) -> bool {
        self.places.lock().are_elsewhere()
    }

    /// All paths, with their stat at the last look.
    pub(in crate::reload) fn seen(&self) -> Vec<(PathBuf, Option<Stat>)> {
        self.names.lock().seen.iter().map(|(path, stat)| (path.clone(), *stat)).collect()
    }
}

/// The paths that may have changed, according to their stat. The iterator looks at each path when it comes to it.
pub(in crate::reload) fn moved(seen: Vec<(PathBuf, Option<Stat>)>) -> impl Iterator<Item = StaleStat> {
    seen.into_iter().filter_map(|(path, before)| {
        let now = Stat::take(&path);
        let is_proven = match (&before, &now) {
            (Some(before), Some(now)) => before.proves(now),
            (None, None) => true,
            _ => false,
        };
        (!is_proven).then_some(StaleStat { path, before, now })
    })
}
