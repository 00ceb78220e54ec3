//! Looking at files whether they have changed, where nothing tells.

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

/// The longest time between two looks at what the kernel has announced.
const ANNOUNCEMENTS: Duration = Duration::from_secs(1);

static RESCAN: Task = Task::new("the rescan of files", in_background);

/// Looks for changes in the background from now on.
pub fn begin() {
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

/// A path whose stat does not prove that nothing has happened.
pub struct StaleStat {
    /// The path.
    pub path: PathBuf,
    /// What it was when it was looked at last; `None` where nothing was there.
    before: Option<Stat>,
    /// What it is now.
    pub now: Option<Stat>,
}

impl StaleStat {
    /// Whether the path still stands for the same file or directory, or for a file that was replaced.
    fn is_in_place(&self) -> bool {
        self.before.zip(self.now).is_some_and(|(before, now)| {
            before.mode() == now.mode() && (before.is_same_file(&now) || self.path.is_file())
        })
    }
}

impl Application {
    /// Looks at the files of which the kernel does not tell, if it is time to.
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

    /// Looks at all files for changes that the kernel does not tell of, such as writes through a memory map. Called by a thread
    /// of the child that serves no request; answers when it wants to be called again.
    pub fn sweep_in_background(&self) -> Instant {
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

    /// Most of what has moved was announced, and looked at so soon that its stat proves nothing; so was a directory in which a
    /// file was replaced. That is compared here, so that only what does differ is a matter for requests.
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
            // Before anything is read: what happens from now on shows. Until it is known what comes of it, requests compare it
            // as well.
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

    /// Whether a name differs from what is served, in another way than is known already.
    fn differs(&self, name: &Name) -> bool {
        let (known, suspect) = {
            let names = self.names.lock();
            (names.known.get(name).cloned(), names.suspects.get(name).and_then(|suspect| suspect.mark()))
        };
        let Some(known) = known else { return false };
        self.compare_one(name, &known, &self.current(), false)
            .is_some_and(|change| change.known.is_none() || change.mark().is_none() || change.mark() != suspect)
    }

    /// Whether the same is found under a name as before.
    fn stands(&self, name: &Name) -> bool {
        let Some(known) = self.names.lock().known.get(name).cloned() else { return true };
        self.lookup_name(name, &known.directories).found == known.candidate && !self.is_else_beyond(name, &known)
    }

    fn are_places_elsewhere(&self) -> bool {
        self.places.lock().are_elsewhere()
    }

    /// All paths, with what they were when they were looked at last.
    pub(in crate::reload) fn seen(&self) -> Vec<(PathBuf, Option<Stat>)> {
        self.names.lock().seen.iter().map(|(path, stat)| (path.clone(), *stat)).collect()
    }
}

/// The paths whose stat does not prove that nothing has happened. Each is looked at when it is asked for.
pub fn moved(seen: Vec<(PathBuf, Option<Stat>)>) -> impl Iterator<Item = StaleStat> {
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
