//! What one execution of a module has read besides modules.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::dependency::{Dependency, Mark};
use crate::files::fingerprint::{self, Hash};
use crate::files::symlinks;

/// The dependencies of one execution of a module, with the state that it saw.
///
/// ```
/// use reload_core::files::dependency::{Dependency, FileMark, Mark};
/// use reload_core::files::read_set::ReadSet;
///
/// let menu = Dependency::File("/srv/menu.json".into());
/// let mut reads = ReadSet::default();
/// reads.add(menu, Mark::One(FileMark::Content([1; 32])));
///
/// assert_eq!(reads.differ(|_| Mark::One(FileMark::Content([1; 32]))), None);
/// assert!(reads.differ(|_| Mark::One(FileMark::Absent)).is_some());
/// ```
#[derive(Debug, Clone, Default)]
pub struct ReadSet {
    marks: HashMap<Dependency, Arc<Mark>>,
    written: HashSet<PathBuf>,
}

impl ReadSet {
    /// Whether a dependency must still be looked at: only the first read counts, and files that the module itself writes do not.
    pub fn is_new(&self, dependency: &Dependency) -> bool {
        let is_own = matches!(dependency, Dependency::File(path) if self.is_written(path));
        !is_own && !self.marks.contains_key(dependency)
    }

    /// Remembers the state of a dependency.
    pub fn add(&mut self, dependency: Dependency, mark: Mark) {
        if self.is_new(&dependency) {
            self.marks.insert(dependency, Arc::new(mark));
        }
    }

    /// Remembers that the module itself writes, moves or removes a file: its own cache is no reason to run it again.
    pub fn add_written(&mut self, path: &Path) {
        let place = symlinks::with_canonical_parent(path);
        self.marks.retain(|dependency, _| match dependency {
            Dependency::File(file) => {
                file != path && (file.file_name() != path.file_name() || symlinks::with_canonical_parent(file) != place)
            }
            _ => true,
        });
        self.written.insert(place);
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Whether another execution of the module has no dependency that this one lacks.
    pub fn covers(&self, other: &Self) -> bool {
        other.marks.keys().all(|dependency| self.marks.contains_key(dependency))
    }

    /// Whether this execution has read what a comparison `found` for the one `before` it: no new dependency, and the same states.
    pub fn is_as_found(&self, before: &Self, found: Option<Hash>) -> bool {
        let read = |dependency: &Dependency| self.marks.get(dependency).map_or(Mark::TooMany, |mark| (**mark).clone());
        before.covers(self) && before.differ(read) == found
    }

    /// The hash of all states now, if one of them differs from what the execution saw.
    pub fn differ(&self, mut look: impl FnMut(&Dependency) -> Mark) -> Option<Hash> {
        let now: BTreeMap<&Dependency, Mark> =
            self.marks.keys().map(|dependency| (dependency, self.without_own(look(dependency)))).collect();
        let is_same = |(dependency, before): (&Dependency, &Arc<Mark>)| {
            now.get(dependency).is_some_and(|now| *now == self.without_own((**before).clone()))
        };
        (!self.marks.iter().all(is_same)).then(|| fingerprint::hash_of(&format!("{now:?}")))
    }

    /// The mark without the files that the module writes itself.
    fn without_own(&self, mut mark: Mark) -> Mark {
        if let Mark::Many(all) = &mut mark
            && !self.written.is_empty()
        {
            all.retain(|path, _| !self.is_written(path));
        }
        mark
    }

    fn is_written(&self, path: &Path) -> bool {
        !self.written.is_empty()
            && (self.written.contains(path) || self.written.contains(&symlinks::with_canonical_parent(path)))
    }
}
