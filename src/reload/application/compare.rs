//! Comparing the served modules with the files on disk.

use crate::reload::application::files::PAUSE;
use crate::reload::application::names::origin_of;
use crate::reload::application::parts::change::{Change, PathAdditions, Resolved};
use crate::reload::application::parts::pending_paths::PendingPaths;
use crate::reload::application::rescan::{StaleStat, moved};
use crate::reload::application::state::Application;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use crate::reload::module::snapshot::Snapshot;
use os::log;
use reload_core::files::fingerprint::Stat;
use reload_core::graph::Name;
use reload_core::watch::interests::Listener;
use reload_core::watch::scope_hash;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long files may keep changing while they are compared.
const SETTLING: Duration = Duration::from_secs(1);

/// A save in place that takes longer is not waited for.
const SAVING: Duration = Duration::from_millis(50);
/// How long to wait between two looks at a save in place.
const GLANCE: Duration = Duration::from_millis(1);

impl Application {
    /// Compares reported paths with the served modules, until nothing more is reported. Returns whether a build is requested even
    /// if nothing has changed; `None` if a file has a writer: a half-finished save is not built, and the watch reports its end.
    pub(in crate::reload) fn take_in(&self) -> Option<bool> {
        let deadline = Instant::now() + SETTLING;
        let mut is_asked = false;
        loop {
            let mut must_wait = self.is_being_written();
            let mut pending = std::mem::take(&mut *self.pending.lock());
            is_asked |= pending.is_asked;
            let mut is_complete = true;
            if !must_wait {
                is_complete = self.compare_pending(&pending);
                pending = PendingPaths::default();
                // A file that changed meanwhile may have been read in the middle of a save.
                self.watch.poll();
                must_wait = self.is_being_written();
            }
            let is_quiet = !self.turn.take_change() && is_complete;
            if is_quiet && !must_wait {
                return Some(is_asked);
            }
            let is_late = Instant::now() >= deadline;
            if is_late && !must_wait && is_complete && self.are_whole() {
                // Edits without a pause: everything saved before this request began has been compared.
                if !is_quiet {
                    self.turn.note_change();
                }
                return Some(is_asked);
            }
            if must_wait || is_late {
                pending.is_asked = is_asked;
                self.pending.lock().merge(pending);
                if !is_quiet {
                    self.turn.note_change();
                }
                return None;
            }
        }
    }

    /// Whether a file has a slow writer. This waits for a save that has just begun, as it has truncated the earlier content.
    fn is_being_written(&self) -> bool {
        let listener = self.listener();
        while let Some(begun) = self.watch.writing_since(&listener) {
            if begun.elapsed() >= SAVING {
                return true;
            }
            std::thread::sleep(GLANCE);
            self.watch.poll();
        }
        false
    }

    /// Whether no file that differs was written to since it was read. A replaced file was complete.
    fn are_whole(&self) -> bool {
        self.names.lock().suspects.values().all(|change| match (change.file(), &change.content) {
            (Some(file), Some(Ok(content))) => Stat::take(file).is_none_or(|now| !content.stat.is_overwritten_by(&now)),
            _ => true,
        })
    }

    /// Un-pins a module that was imported with `autoreload=False`; it becomes a suspect if its file has changed.
    pub(in crate::reload) fn ask_for_newest(&self, name: &Name) {
        let Some(is_stale) = self.kept.ask(name) else { return };
        self.kept.forget_restart(name);
        let Some(known) = self.names.lock().known.get(name).cloned() else { return };
        let current = self.current();
        let change = self.compare_one(name, &known, &current, false);
        let stale = || is_stale.then(|| Change { known: Some(known.clone()), ..Change::open(None) });
        if let Some(change) = change.or_else(stale) {
            self.names.lock().suspects.insert(name.clone(), change);
            self.turn.note_change();
        }
    }

    /// Compares pending paths. Returns whether all files that differ are known to be complete.
    fn compare_pending(&self, pending: &PendingPaths) -> bool {
        self.refresh_archives(pending);
        let mut names = self.names.lock().at(&pending.paths);
        names.extend(self.names_found(&pending.found));
        if pending.anything {
            names.extend(self.names_to_compare());
        }
        if self.has_moved(pending) {
            names.extend(self.names.lock().known.keys().cloned());
        }
        if !pending.rebuilds.is_empty() {
            let asked = self.names_in(&pending.rebuilds);
            self.names.lock().asked.extend(asked.iter().cloned());
            names.extend(asked);
        }
        self.compare(names);
        self.settle_doubts(pending)
    }

    /// Waits until no file that differs may have an unreported writer. Returns whether all of them are complete.
    fn settle_doubts(&self, pending: &PendingPaths) -> bool {
        let is_looked_for = pending.anything || !pending.found.is_empty();
        let mut announced = pending.paths.clone();
        let deadline = Instant::now() + SETTLING;
        let mut last = HashMap::new();
        let mut replaced = HashSet::new();
        let is_replaced = |before: Option<&Option<Stat>>, now: &Option<Stat>| match (before, now) {
            (Some(Some(before)), Some(now)) => !before.is_same_file(now),
            _ => false,
        };
        loop {
            let is_announced =
                |change: &Change| !is_looked_for || change.file().is_some_and(|file| announced.contains(file));
            let doubtful: HashMap<Name, Option<Stat>> = self
                .names
                .lock()
                .suspects
                .iter()
                .filter(|(_, change)| change.is_doubtful(is_announced(change)))
                .map(|(name, change)| (name.clone(), change.stat()))
                .collect();
            if doubtful.is_empty() || self.watch.holds(&self.listener()) {
                return doubtful.is_empty();
            }
            replaced.extend(
                doubtful.iter().filter(|(name, now)| is_replaced(last.get(*name), now)).map(|(n, _)| n.clone()),
            );
            if Instant::now() >= deadline {
                // Files that are replaced repeatedly are complete; they are only saved without a pause.
                return doubtful.keys().all(|name| replaced.contains(name));
            }
            last = doubtful;
            std::thread::sleep(PAUSE);
            self.watch.poll();
            // Before they are read again: a file that is reported later may be read in the middle of a save.
            announced.extend(self.pending.lock().paths.iter().cloned());
            self.refresh_archives(pending);
            self.compare(last.keys().cloned().collect());
        }
    }

    fn refresh_archives(&self, pending: &PendingPaths) {
        for archive in self.archives.roots() {
            if pending.anything || pending.paths.contains(&archive) || pending.found.contains(&archive) {
                self.archives.refresh(&archive);
            }
        }
    }

    /// The loaded modules that these rebuild requests name.
    fn names_in(&self, scopes: &[Option<u64>]) -> HashSet<Name> {
        let is_meant = |name: &str| {
            let dots = name.match_indices('.').map(|(at, _)| &name[..at]);
            scopes.contains(&None) || dots.chain([name]).any(|part| scopes.contains(&Some(scope_hash(part))))
        };
        let modules = self.current().modules();
        modules
            .iter()
            .filter(|(name, module)| is_meant(name) && !self.keeps(module))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Names whose files or directories may have changed, according to their stat.
    fn names_to_compare(&self) -> HashSet<Name> {
        // Directories that were moved or replaced have lost their watches. They are watched again before they are looked at.
        self.watch.renew();
        let names = self.names.lock();
        let paths: Vec<PathBuf> = names.by_path.keys().cloned().collect();
        let listed: Vec<PathBuf> = names.listed.iter().cloned().collect();
        drop(names);
        let listener = self.listener();
        for path in &paths {
            self.watch.follow(path, &self.top_of(path), &listener);
        }
        for directory in &listed {
            self.watch.follow_all(directory, &self.top_of(directory), &listener);
        }
        let changed: Vec<StaleStat> = moved(self.seen()).collect();
        let mut names = self.names.lock();
        names.seen.extend(changed.iter().map(|moved| (moved.path.clone(), moved.now)));
        let suspects: HashSet<Name> = names.suspects.keys().cloned().collect();
        let swept = names.swept.clone();
        drop(names);
        log::debug!("all files are looked at, and what may have changed is compared");
        let changed = changed.into_iter().map(|moved| moved.path).chain(swept).collect();
        &suspects | &self.names_found(&changed)
    }

    /// The names that depend on any of these files and directories.
    fn names_found(&self, changed: &HashSet<PathBuf>) -> HashSet<Name> {
        if changed.is_empty() {
            return HashSet::new();
        }
        let names = self.names.lock();
        let is_among =
            |path: &Path| changed.contains(path) || path.parent().is_some_and(|above| changed.contains(above));
        names.by_path.iter().filter(|(path, _)| is_among(path)).flat_map(|(_, at)| at.iter().cloned()).collect()
    }

    /// Adds files and directories that were found to differ from what is served.
    pub(in crate::reload) fn found_changed(&self, paths: impl Iterator<Item = PathBuf>) {
        self.pending.lock().found.extend(paths);
        self.turn.note_change();
    }

    /// Compares names with the current generation. Those that differ become suspects; the others are removed from the suspects.
    fn compare(&self, names: HashSet<Name>) {
        let current = self.current();
        let next = self.places.lock().next().cloned();
        for name in names {
            let Some(mut known) = self.names.lock().known.get(&name).cloned() else { continue };
            if let Some(next) = &next {
                known.move_to(&current.sources.search, next);
            }
            let is_asked = self.names.lock().asked.contains(&name);
            let change = self.compare_one(&name, &known, &current, is_asked);
            let mut all = self.names.lock();
            match change {
                Some(change) => drop(all.suspects.insert(name, change)),
                None => {
                    all.suspects.remove(&name);
                    self.kept.forget_restart(&name);
                }
            }
        }
    }

    /// Whether the lookup of a top-level name in the directories that code has put on `sys.path` has another result now.
    pub(in crate::reload) fn is_else_beyond(&self, name: &Name, known: &Resolved) -> bool {
        let is_else = |beyond: &PathAdditions| self.lookup(&beyond.directories, name) != beyond.candidate;
        known.beyond.as_ref().is_some_and(is_else)
    }

    /// Whether the lookup of a name has another result now.
    pub(in crate::reload) fn is_other(&self, name: &Name, known: &Resolved) -> bool {
        self.lookup_name(name, &known.directories).found != known.candidate || self.is_else_beyond(name, known)
    }

    pub(in crate::reload) fn compare_one(
        &self,
        name: &Name,
        known: &Resolved,
        current: &Snapshot,
        is_asked: bool,
    ) -> Option<Change> {
        let looked = self.lookup_name(name, &known.directories);
        self.follow_paths(name, &looked.probed);
        if self.is_else_beyond(name, known) {
            return Some(Change { is_asked, ..Change::open(None) });
        }
        if looked.found != known.candidate {
            let content = origin_of(&looked.found).as_ref().and_then(Origin::file).map(|file| self.read(file));
            return Some(Change { is_asked, ..Change::open(content) });
        }
        let loaded = current.any(name);
        let missed = if loaded.is_some() { None } else { self.names.lock().missed.get(name).cloned() };
        let served = match &missed {
            Some(missed) => missed.hash,
            None => Some(loaded.as_ref().map(|m| m.source.hash()).or_else(|| current.sources.hash(name))?),
        };
        let Resolution::Managed(origin) = &known.resolution else { return None };
        let content = origin.file().map(|file| self.read(file));
        let is_same = content.as_ref().is_none_or(|content| content.as_ref().ok().map(|c| c.hash) == served);
        let reads = loaded.map(|module| module.reads()).or(missed.map(|missed| missed.reads));
        let data = reads.and_then(|reads| self.other_data(name, &reads));
        let change = Change { known: Some(known.clone()), content, source: None, data, foretold: None, is_asked };
        (!is_same || change.data.is_some() || is_asked).then_some(change)
    }
}

impl Listener for Application {
    fn changed(&self, path: &Path) {
        if self.key.autoreload {
            self.pending.lock().paths.insert(path.to_owned());
            self.turn.note_change();
        }
    }

    fn anything_changed(&self) {
        if self.key.autoreload {
            self.pending.lock().anything = true;
            self.turn.note_change();
        }
    }

    fn rebuild(&self, scope: Option<u64>) {
        let mut pending = self.pending.lock();
        pending.rebuilds.push(scope);
        pending.is_asked = true;
        // Without autoreload, no change was noted: everything must be compared.
        pending.anything |= scope.is_none() && !self.key.autoreload;
        drop(pending);
        self.turn.note_change();
    }
}
