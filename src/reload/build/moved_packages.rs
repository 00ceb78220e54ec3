//! The submodules of packages that have moved: which of them are looked for elsewhere now, and what they will probably be.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use crate::reload::application::Application;
use crate::reload::application::names::origin_of;
use crate::reload::application::parts::change::{Change, Resolved};
use reload_core::graph::Name;
use reload_core::resolve::Found;

impl Application {
    /// Adds the submodules of names that must be resolved anew, as they are looked for in other directories. Also returns the
    /// submodules that are the same there, as in a namespace package that has gained or lost a directory.
    pub(super) fn with_submodules(
        &self,
        mut changes: HashMap<Name, Change>,
    ) -> (HashMap<Name, Change>, HashMap<Name, Resolved>) {
        let mut same = HashMap::new();
        let open: Vec<String> =
            changes.iter().filter(|(_, c)| c.known.is_none()).map(|(n, _)| format!("{n}.")).collect();
        if open.is_empty() {
            return (changes, same);
        }
        let all: BTreeMap<Name, Resolved> =
            self.names.lock().known.iter().map(|(name, known)| (name.clone(), known.clone())).collect();
        // A package comes before what is in it.
        for (name, known) in all.iter().filter(|(name, _)| open.iter().any(|above| name.starts_with(above))) {
            let Some((package, _)) = name.rsplit_once('.') else { continue };
            let is_open =
                !all.contains_key(package) || changes.get(package).is_some_and(|change| change.known.is_none());
            if !is_open || changes.contains_key(name) {
                continue;
            }
            match all.get(package).and_then(|package_known| self.beside(package, package_known, name, known)) {
                Some(known) => drop(same.insert(name.clone(), known)),
                None => drop(changes.insert(name.clone(), Change::open(None))),
            }
        }
        let current = self.current();
        changes.retain(|name, _| !current.any(name).is_some_and(|module| self.keeps(&module)));
        (changes, same)
    }

    /// Hashes what changes without content will probably be, in a package that has moved: the signatures of two such changes differ
    /// then.
    pub(super) fn foretell(&self, suspects: &mut HashMap<Name, Change>) {
        let is_open = |change: &Change| change.known.is_none() && change.content.is_none();
        let mut open: Vec<Name> = suspects.iter().filter(|(_, c)| is_open(c)).map(|(name, _)| name.clone()).collect();
        // A package comes before what is in it.
        open.sort_unstable();
        let mut places: HashMap<Name, Vec<PathBuf>> = HashMap::new();
        for name in open {
            let package = name.rsplit_once('.').map_or("", |(package, _)| package);
            let Some(directories) = self.directories_of(package, &mut places) else { continue };
            let found = self.lookup_name(&name, &directories).found;
            let file = origin_of(&found).and_then(|origin| origin.file().cloned());
            if let (Some(change), Some(file)) = (suspects.get_mut(&name), file) {
                change.foretold = self.read(&file).ok().map(|content| content.hash);
            }
        }
    }

    /// The directories of a package, as they are on disk now.
    fn directories_of(&self, package: &str, places: &mut HashMap<Name, Vec<PathBuf>>) -> Option<Vec<PathBuf>> {
        if let Some(directories) = places.get(package) {
            return Some(directories.clone());
        }
        let name = Name::from(package);
        let known = self.names.lock().known.get(&name).cloned()?;
        let above = package.rsplit_once('.').and_then(|(above, _)| self.directories_of(above, places));
        let found = self.lookup_name(&name, &above.unwrap_or(known.directories)).found;
        let directories = origin_of(&found)?.directories();
        places.insert(name, directories.clone());
        Some(directories)
    }

    /// The resolution of a submodule in the new directories of a namespace package, if that is the same file as before.
    fn beside(&self, package: &str, package_known: &Resolved, name: &Name, known: &Resolved) -> Option<Resolved> {
        let Found::Namespace(_) = package_known.candidate else { return None };
        let Found::Namespace(directories) = self.lookup_name(&Name::from(package), &package_known.directories).found
        else {
            return None;
        };
        // Followed before they are looked at, so that nothing can happen unseen in between.
        self.follow_paths(name, &self.lookup_name(name, &directories).probed);
        let looked = self.lookup_name(name, &directories);
        (looked.found == known.candidate).then(|| Resolved { directories, ..known.clone() })
    }
}
