//! The manifest: what is known of names, and of the paths that they depend on.

use crate::reload::application::parts::change::{Change, Resolved};
use crate::reload::application::parts::evictor::Evictor;
use crate::reload::application::parts::failed_load::FailedLoad;
use crate::reload::application::parts::publication::Publication;
use crate::reload::module::origin::Resolution;
use reload_core::files::fingerprint::Stat;
use reload_core::graph::{Graph, Name};
use reload_core::resolve::search_path::{self, Search};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What is known of names and paths.
///
/// ```text
/// known["shop.db"]              Managed(File("/srv/shop/db.py")), looked up in /srv/shop
/// by_path["/srv/shop/db.py"]    {"shop.db"}: compared when that file changes
/// seen["/srv/shop/db.py"]       its stat when it was read
/// suspects["shop.db"]           its new content, once it differs from what is served
/// ```
#[derive(Default)]
pub(in crate::reload) struct Manifest {
    /// What names stand for.
    pub known: HashMap<Name, Resolved>,
    /// The names to compare when a path changes.
    pub by_path: HashMap<PathBuf, HashSet<Name>>,
    /// Modules that could not be loaded.
    pub missed: HashMap<Name, FailedLoad>,
    /// Directories that are watched with all entries.
    pub listed: HashSet<PathBuf>,
    /// The stats of paths at the last look.
    pub seen: HashMap<PathBuf, Option<Stat>>,
    /// Paths that a sweep is comparing: their entries in `seen` prove nothing yet.
    pub swept: HashSet<PathBuf>,
    /// The import graph.
    pub graph: Graph,
    /// Names that differ from what is served.
    pub suspects: HashMap<Name, Change>,
    /// Names to load again even if their content is the same.
    pub asked: HashSet<Name>,
    /// Names that nothing needs.
    pub idle: Evictor,
}

impl Manifest {
    /// Adds a module that could not be loaded. When one of its inputs changes, its importers run again.
    pub(in crate::reload) fn miss(&mut self, name: Name, missed: FailedLoad) {
        for used in &missed.uses {
            self.graph.add(&name, used);
        }
        self.missed.insert(name, missed);
    }

    /// The names to compare when these paths change.
    pub(in crate::reload) fn at(&self, paths: &HashSet<PathBuf>) -> HashSet<Name> {
        paths.iter().filter_map(|p| self.by_path.get(p)).flatten().cloned().collect()
    }

    /// Moves everything to a search path that is about to be the current one.
    pub(in crate::reload) fn move_to(&mut self, before: &Search, search: &Search) {
        // Modules that a request found meanwhile under the old path are looked up again.
        self.known.retain(|_, known| !known.move_to(before, search) || known.resolution == Resolution::Unmanaged);
        let is_left = |path: &Path| {
            search_path::top(before, path).is_some_and(|top| path != top) && search_path::top(search, path).is_none()
        };
        self.by_path.retain(|path, _| !is_left(path));
        self.seen.retain(|path, _| !is_left(path));
    }

    /// Takes in a generation that is about to be the current one.
    pub(in crate::reload) fn take_in(&mut self, published: &mut Publication) {
        for name in &published.gone {
            self.graph.forget(name);
        }
        for module in &published.renewed {
            self.graph.forget(&module.name);
            for used in module.uses() {
                self.graph.add(&module.name, &used);
            }
            for package in module.holds() {
                self.graph.add_hold(&module.name, &package);
            }
        }
        for (name, known) in published.known.drain() {
            match known {
                Some(known) => self.known.insert(name, known),
                None => self.known.remove(&name),
            };
        }
        for name in &published.settled {
            self.suspects.remove(name);
            self.asked.remove(name);
            self.missed.remove(name);
        }
        for (name, missed) in published.missed.drain(..) {
            self.miss(name, missed);
        }
    }

    /// Removes names. Returns the paths that no name depends on any more.
    pub(in crate::reload) fn forget(&mut self, dead: &HashSet<Name>) -> HashSet<PathBuf> {
        if dead.is_empty() {
            return HashSet::new();
        }
        for name in dead {
            self.known.remove(name);
            self.missed.remove(name);
            self.graph.forget(name);
        }
        let mut left = HashSet::new();
        self.by_path.retain(|path, at| {
            at.retain(|name| !dead.contains(name));
            if at.is_empty() {
                left.insert(path.clone());
            }
            !at.is_empty()
        });
        self.listed.retain(|directory| !left.contains(directory));
        let above: HashSet<&Path> = self.by_path.keys().filter_map(|path| path.parent()).collect();
        self.seen.retain(|path, _| self.by_path.contains_key(path) || above.contains(path.as_path()));
        left
    }
}
