//! Looking names up, and remembering what was found.

use crate::reload::application::parts::change::{Elsewhere, PathAdditions, Resolved};
use crate::reload::application::state::Application;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use reload_core::graph::Name;
use reload_core::resolve::path_names::PathName;
use reload_core::resolve::search_path::Search;
use reload_core::resolve::{self, Found, Lookup};
use std::path::{Path, PathBuf};

impl Application {
    /// What the name is known to stand for, without looking at files.
    pub(in crate::reload) fn known(&self, name: &str) -> Option<Resolution> {
        self.names.lock().known.get(name).map(|k| k.resolution.clone())
    }

    /// Remembers what a name stands for on a search path, if that is still the current one. A result for other
    /// directories is replaced if the current generation `is_asking`.
    pub(in crate::reload) fn remember(&self, name: &Name, known: Resolved, search: &Search, is_asking: bool) {
        let expected = self.expected(name, &known.directories);
        let mut names = self.names.lock();
        let is_followed = |path: &PathBuf| {
            self.archives.root_of(path).is_some() || names.by_path.get(path).is_some_and(|at| at.contains(name))
        };
        let is_followed = expected.first().is_none_or(is_followed);
        if self.places.lock().are(search) {
            if is_asking && names.known.get(name).is_some_and(|before| before.directories != known.directories) {
                names.known.remove(name);
            }
            names.known.entry(name.clone()).or_insert(known);
        }
        drop(names);
        if !is_followed {
            // The lookup took so long that the name was evicted meanwhile.
            self.follow_paths(name, &expected);
            expected.iter().for_each(|path| self.verify(path));
        }
        if !self.turn.is_building() {
            self.forget_idle();
        }
    }

    /// The paths that are probed first for a name.
    fn expected(&self, name: &Name, directories: &[PathBuf]) -> Vec<PathBuf> {
        match self.roots.get(name) {
            Some(PathName::Directory(_)) => Vec::new(),
            Some(PathName::File(file)) => vec![file],
            None => resolve::candidates(directories, tail_of(name)).collect(),
        }
    }

    /// What a name stands for, if that is known for this search path and these directories.
    pub(in crate::reload) fn remembered(
        &self,
        name: &str,
        search: &Search,
        directories: Option<&[PathBuf]>,
    ) -> Option<Resolution> {
        let names = self.names.lock();
        let known = names.known.get(name).filter(|known| directories.is_none_or(|at| *at == *known.directories))?;
        self.places.lock().are(search).then(|| known.resolution.clone())
    }

    /// Resolves a name on disk. Follows the paths that the result rests on, but does not remember the result.
    pub(in crate::reload) fn resolve_anew<E>(
        &self,
        name: &Name,
        directories: Vec<PathBuf>,
        elsewhere: impl FnOnce(&Found) -> Result<Elsewhere, E>,
    ) -> Result<Resolved, E> {
        let expected = self.expected(name, &directories);
        let candidate = self.lookup_and_follow(name, &expected, || self.lookup_name(name, &directories));
        let mut beyond = None;
        let origin = match origin_of(&candidate) {
            Some(origin) if self.is_excluded(name, &origin) => None,
            Some(origin) => match elsewhere(&candidate)? {
                Elsewhere::Unmanaged => None,
                Elsewhere::Nothing | Elsewhere::Managed(_) | Elsewhere::Beyond(_) => Some(origin),
            },
            None if candidate == Found::Nothing => {
                let origin = match elsewhere(&candidate)? {
                    Elsewhere::Managed(origin) => {
                        origin.file().into_iter().for_each(|file| self.follow_paths(name, std::slice::from_ref(file)));
                        Some(origin)
                    }
                    Elsewhere::Beyond(directories) => {
                        let candidate = self.lookup_additions(name, &directories);
                        let origin = origin_of(&candidate);
                        beyond = Some(PathAdditions { directories, candidate });
                        origin
                    }
                    Elsewhere::Nothing | Elsewhere::Unmanaged => None,
                };
                origin.filter(|origin| !self.is_excluded(name, origin))
            }
            None => None,
        };
        let resolution = origin.map_or(Resolution::Unmanaged, Resolution::Managed);
        Ok(Resolved { resolution, candidate, directories, beyond })
    }

    /// Looks a top-level name up in directories that code has put on `sys.path`.
    fn lookup_additions(&self, name: &Name, directories: &[PathBuf]) -> Found {
        let expected: Vec<PathBuf> = resolve::candidates(directories, name).collect();
        self.lookup_and_follow(name, &expected, || self.lookup_probed(directories, name))
    }

    /// Looks a name up. The expected paths are followed before that, so that no change in between goes unseen.
    fn lookup_and_follow(&self, name: &Name, expected: &[PathBuf], look: impl FnOnce() -> Lookup) -> Found {
        self.follow_paths(name, expected);
        let looked = look();
        let others: Vec<PathBuf> = looked.probed.into_iter().filter(|path| !expected.contains(path)).collect();
        self.follow_paths(name, &others);
        looked.found
    }

    /// Looks a name up: as the path that it was given for, else in these directories.
    pub(in crate::reload) fn lookup_name(&self, name: &Name, directories: &[PathBuf]) -> Lookup {
        match self.roots.get(name) {
            // If the directory does not exist, no file in it is found.
            Some(PathName::Directory(directory)) => {
                Lookup { found: Found::Namespace(vec![directory]), probed: Vec::new() }
            }
            Some(PathName::File(file)) => resolve::file(file),
            None => self.lookup_probed(directories, tail_of(name)),
        }
    }

    /// Looks a module up in these directories. `tail` is the last part of its name.
    pub(in crate::reload) fn lookup(&self, directories: &[PathBuf], tail: &str) -> Found {
        self.lookup_probed(directories, tail).found
    }

    fn lookup_probed(&self, directories: &[PathBuf], tail: &str) -> Lookup {
        resolve::lookup(&self.archives, directories.iter().map(PathBuf::as_path), tail, &self.suffixes)
    }

    /// The name of a directory outside the search path.
    pub(in crate::reload) fn name_directory(&self, directory: &Path) -> Name {
        self.given(self.roots.name_directory(directory))
    }

    /// The name of a file that lookup in its directory would not find.
    pub(in crate::reload) fn name_file(&self, directory: &Path, file: &Path) -> Name {
        self.name_directory(directory);
        self.given(self.roots.name_file(directory, file))
    }

    /// Drops what is known of a name that is new: it may have been imported before, as by a pickle of another child.
    fn given(&self, (name, is_new): (Name, bool)) -> Name {
        if is_new {
            self.names.lock().known.remove(&name);
        }
        name
    }

    /// Whether only Python's own import can load the file, as it is not Python source.
    pub(in crate::reload) fn is_foreign_file(&self, file: &Path) -> bool {
        let name = file.to_string_lossy();
        name.ends_with(".pyc") || self.suffixes.iter().any(|suffix| name.ends_with(suffix.as_str()))
    }

    pub(in crate::reload) fn is_excluded(&self, name: &Name, origin: &Origin) -> bool {
        if matches!(self.roots.get(name), Some(PathName::Directory(_))) {
            // A directory itself is not excluded; files in it may be.
            return false;
        }
        let paths = origin.file().cloned().map_or_else(|| origin.directories(), |file| vec![file]);
        paths.iter().any(|p| self.kept.exclusions.matches(&p.to_string_lossy()))
    }
}

/// The last part of a dotted name.
fn tail_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, tail)| tail)
}

/// The origin of a module that a lookup found.
pub(in crate::reload) fn origin_of(found: &Found) -> Option<Origin> {
    match found {
        Found::Package(init, directory) => Some(Origin::Package(init.clone(), directory.clone())),
        Found::Module(file) => Some(Origin::File(file.clone())),
        Found::Namespace(directories) => Some(Origin::Namespace(directories.clone())),
        Found::Foreign(_) | Found::Nothing => None,
    }
}
