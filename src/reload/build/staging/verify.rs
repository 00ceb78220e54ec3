//! Whether a stage can be published: what may have failed, and what not.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::sync::Arc;

use pyo3::exceptions::PyModuleNotFoundError;
use pyo3::prelude::*;

use crate::reload::application::parts::failed_load::FailureInputs;
use crate::reload::application::parts::failure::Broken;
use crate::reload::application::view::View;
use crate::reload::build::staging::entry_points;
use crate::reload::build::staging::stage::Stage;
use crate::reload::build::staging::staged_modules::Made;
use crate::reload::import::find::is_elsewhere;
use crate::reload::import::importing_code::{CodePart, Defect, ImportingCode};
use crate::reload::import::look_ahead;
use crate::reload::import::sources;
use crate::reload::module::managed::Managed;
use crate::reload::module::prefetch::{PrefetchMap, Prefetched};
use reload_core::graph::Name;

/// Why a stage cannot be published.
pub(super) struct StageFailure {
    /// The module that has failed; none where the build as a whole has.
    pub module: Option<Name>,
    /// What it raised.
    pub error: PyErr,
}

impl StageFailure {
    /// A module has failed.
    pub fn of(module: Name, error: PyErr) -> Self {
        Self { module: Some(module), error }
    }

    /// The build as a whole has failed.
    pub fn of_build(error: PyErr) -> Self {
        Self { module: None, error }
    }
}

/// What the generation will know of modules that it has not loaded, if the stage can be published.
pub(super) type Checked = Result<PrefetchMap, StageFailure>;

impl Stage {
    /// Whether the stage can be published: nothing that is needed has failed, and what directives name is there.
    pub(super) fn check(&self, py: Python<'_>) -> Result<(), StageFailure> {
        let entries = self.application.entries();
        let mut failed: Vec<(Name, PyErr)> = {
            let table = self.lock();
            table.failed.iter().map(|(name, failure)| (name.clone(), failure.clone_ref(py))).collect()
        };
        // Of several failures the same one is told each time, so that it is not news again.
        failed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (name, failure) in failed {
            // A page that is gone is not found; one that is broken is as bad as a handler that is.
            let defect = if self.lock().gone.contains(&name) { Defect::Absent } else { Defect::Broken };
            let is_entry = entries
                .iter()
                .any(|(module, object)| *module == name && (object.is_some() || defect == Defect::Broken));
            if is_entry || self.is_wanted(py, &name, defect) {
                return Err(StageFailure::of(name, failure));
            }
        }
        for (module, object) in &entries {
            let made = self.lock().made.get(module).and_then(Made::ready).cloned();
            if let (Some(record), Some(object)) = (made, object) {
                entry_points::check(py, &record, object).map_err(|e| StageFailure::of(module.clone(), e))?;
            }
        }
        Ok(())
    }

    /// The changes that the failure of a module is due to. An exception goes through all that import the module which raised
    /// it: its own content counts if that has changed, else what it is made of.
    pub(super) fn to_blame(&self, py: Python<'_>, module: Name, failure: &PyErr) -> HashSet<Name> {
        let failed: Vec<(Name, PyErr)> = {
            let table = self.lock();
            let in_order = table.attempts.iter().map(|(name, _)| name);
            in_order.filter_map(|name| Some((name.clone(), table.failed.get(name)?.clone_ref(py)))).collect()
        };
        let is_same = |other: &PyErr| other.value(py).is(failure.value(py));
        let origin = failed.into_iter().find(|(_, other)| is_same(other)).map_or(module, |(name, _)| name);
        if self.changes.contains_key(&origin) {
            return HashSet::from([origin]);
        }
        let mut reached = HashSet::new();
        let mut queue = vec![origin];
        self.application.with_graph(|graph| {
            while let Some(name) = queue.pop() {
                queue.extend(graph.used_by(&name).filter(|used| !reached.contains(*used)).cloned());
                reached.insert(name);
            }
        });
        let all = || self.changes.keys().cloned();
        let found: HashSet<Name> = all().filter(|name| reached.contains(name)).collect();
        if found.is_empty() { all().collect() } else { found }
    }

    /// What a failure of this build is to tell.
    pub fn broken(&self, blame: HashSet<Name>, text: String, brief: String, attempts: FailureInputs) -> Box<Broken> {
        let affected = self.affected.run.union(&self.affected.renew).cloned().collect();
        Box::new(Broken { text, brief, blame, affected, attempts, lacks_memory: false })
    }

    /// Modules of the base in packages that have failed: they are to be made anew, as they could not be imported either, and so
    /// are their users, which need not use the package itself.
    pub(super) fn orphans(&self) -> Vec<Name> {
        let mut failed: HashSet<Name> = self.lock().failed.keys().cloned().collect();
        failed.retain(|name| self.loaded.get(name).is_none_or(|module| module.origin.is_package()));
        // The walk over all modules is needed only after a failure.
        if failed.is_empty() {
            return Vec::new();
        }
        let is_below = |name: &Name| name.rmatch_indices('.').any(|(at, _)| failed.contains(&name[..at]));
        let is_kept = |name: &Name| self.loaded.get(name).is_some_and(|module| self.application.keeps(module));
        let is_new = |name: &Name| !(self.affected.run.contains(name) || self.changes.contains_key(name));
        self.loaded.names().filter(|name| is_below(name) && is_new(name) && !is_kept(name)).cloned().collect()
    }

    /// The modules that are reachable from what directives name: others are loaded, but nothing imports them any more. `None` where
    /// no directive is remembered, as for a `.htaccess` file.
    fn reached(&self, foreseen: Option<&PrefetchMap>) -> Option<HashSet<Name>> {
        let mut queue: Vec<Name> = self.application.entries().into_iter().map(|(module, _)| module).collect();
        if queue.is_empty() {
            return None;
        }
        let mut reached = HashSet::new();
        while let Some(name) = queue.pop() {
            if !reached.insert(name.clone()) {
                continue;
            }
            queue.extend(name.rmatch_indices('.').map(|(at, _)| Name::from(&name[..at])));
            let made = self.lock().made.get(&name).map(Made::record).cloned();
            let before: Vec<Name> = self.application.with_graph(|graph| graph.used_by(&name).cloned().collect());
            match &made {
                Some(record) => {
                    queue.extend(record.uses());
                    // Its functions have not run yet.
                    queue.extend(before.into_iter().filter(|used| self.may_compose(record, used, Defect::Broken)));
                }
                None => queue.extend(before),
            }
            if let Some(module) = made.or_else(|| self.loaded.get(&name).cloned()) {
                // The imports of its body are among its uses.
                let names = ImportingCode::of(&module).late_names();
                if let Some(root) = self.application.roots.root_of(&module.name) {
                    queue.extend(names.iter().map(|name| Name::from(format!("{root}.{name}"))));
                }
                queue.extend(names);
            } else if let Some(Prefetched::Source(origin, source)) = foreseen.and_then(|foreseen| foreseen.get(&name)) {
                queue.extend(ImportingCode { package: origin.package_of(&name), source }.names());
            }
        }
        Some(reached)
    }

    /// Whether code of the new generation may still import a failed module, without having met the failure: an import in a function
    /// that has not run yet would fail in the middle of a request.
    fn is_wanted(&self, py: Python<'_>, name: &Name, defect: Defect) -> bool {
        let reached = self.reached(None);
        let users: Vec<Name> = self.application.with_graph(|graph| graph.users_of(name).cloned().collect());
        let made: Vec<Arc<Managed>> = {
            let table = self.lock();
            let asks = |user: &Name| {
                !table.has_met(user, name) && reached.as_ref().is_none_or(|reached| reached.contains(user))
            };
            let made = users.iter().filter(|user| asks(user)).filter_map(|user| table.made.get(user));
            made.map(Made::record).cloned().collect()
        };
        let roots = &self.application.roots;
        let root = roots.root_of(name);
        made.iter().any(|record| {
            let code = ImportingCode::of(record);
            // It imported the module in a cycle, before that failed.
            if defect == Defect::Broken && record.uses().contains(name) {
                return true;
            }
            if let Some(root) = root.filter(|root| roots.root_of(&record.name) == Some(root))
                && let Some(neighbour) = name[root.len()..].strip_prefix('.')
                && code.mentions(neighbour)
            {
                return code.requires(py, neighbour, defect, CodePart::Functions)
                    && !(defect == Defect::Absent && is_elsewhere(py, self, &self.application, neighbour));
            }
            if code.mentions(name) {
                return code.requires(py, name, defect, CodePart::Functions);
            }
            if defect == Defect::Absent && self.application.calls.has_alternative(name) {
                return false;
            }
            self.may_compose(record, name, defect)
        })
    }

    /// Whether code of the module may import a name that it composes at run time.
    fn may_compose(&self, record: &Managed, name: &Name, defect: Defect) -> bool {
        // The same code imports what it imported before, unless the module is gone.
        if defect == Defect::Broken
            && let Some(before) = self.loaded.get(&record.name)
            && before.source.hash() == record.source.hash()
        {
            return !before.has_copied(name);
        }
        // Code mentions the path of such a file, and not the name of its directory.
        let written = self.application.roots.as_written(name);
        // A relative import does not mention the packages that both names share.
        let own = record.package().split('.').zip(written.split('.')).take_while(|(a, b)| a == b).count();
        let is_outermost = |name: &str| self.loaded.has(name) || self.lock().made.contains_key(name);
        record.source.facts.imports_by_text(&written.split('.').collect::<Vec<_>>(), own, is_outermost)
    }

    /// The bodies that have come to their end in this stage.
    pub(super) fn executions(&self) -> Vec<Arc<Managed>> {
        let table = self.lock();
        table.made.values().filter_map(Made::execution).cloned().collect()
    }

    /// Whether any of these bodies was made from a file, or has read one, that was not part of the comparison: if files changed in
    /// between, the build mixes two states of the disk.
    pub(super) fn has_read_since(&self, bodies: &[Arc<Managed>]) -> bool {
        bodies.iter().any(|body| {
            let (change, before) = (self.changes.get(&body.name), self.loaded.get(&body.name));
            let is_compared = change.map_or(before.is_some(), |change| change.content.is_some());
            let found = change.and_then(|change| change.data);
            let before = before.map(|before| before.reads()).unwrap_or_default();
            !is_compared || !body.reads().is_as_found(&before, found)
        })
    }

    /// Prefetches what the new generation will know of modules that are not loaded.
    ///
    /// # Errors
    /// Why one of them cannot be loaded any more, if code still needs it.
    pub(super) fn look_ahead(self: &Arc<Self>, py: Python<'_>) -> Checked {
        let made = self.executions();
        let before = self.base.sources.all();
        let changed: Vec<Name> = self.changes.keys().cloned().collect();
        let mut known = before.clone();
        for name in &changed {
            known.remove_mut(name);
        }
        let foreseen = look_ahead::before_publication(py, self.context(), known, &changed, &made);
        // Only after a failure, as it walks over all modules.
        let reached = LazyCell::new(|| self.reached(Some(&foreseen)));
        for name in &changed {
            let (Some(Prefetched::Source(..)), Some(now)) = (before.get(name), foreseen.get(name)) else { continue };
            let (defect, failure) = match now {
                Prefetched::Source(..) => continue,
                Prefetched::Broken(origin, content) => match sources::compile(py, origin, content) {
                    Ok(_) => continue,
                    Err(failure) => (Defect::Broken, failure),
                },
                Prefetched::Absent => {
                    let text = format!("No module named '{name}'");
                    (Defect::Absent, PyModuleNotFoundError::new_err(text))
                }
            };
            let users = ReachedCode { prefetched: &foreseen, reached: (*reached).as_ref() };
            if self.is_needed_late(py, &users, name, defect) {
                return Err(StageFailure::of(name.clone(), failure));
            }
        }
        Ok(foreseen)
    }

    /// Whether a module could not be loaded, and its importers have caught that.
    fn is_done_without(&self, name: &Name) -> bool {
        let table = self.lock();
        table.failed.contains_key(name) || (!table.made.contains_key(name) && self.application.has_missed(name))
    }

    /// Whether code of the new generation that requests may reach needs a module that it has not imported yet.
    fn is_needed_late(&self, py: Python<'_>, users: &ReachedCode<'_>, name: &Name, defect: Defect) -> bool {
        let needs = |code: ImportingCode<'_>, part| code.mentions(name) && code.requires(py, name, defect, part);
        let mut loaded = self.loaded.names().chain(self.changes.keys()).filter(|user| users.has(user));
        if loaded.any(|user| self.any(user).is_some_and(|m| needs(ImportingCode::of(&m), CodePart::Functions))) {
            return true;
        }
        users.prefetched.iter().filter(|(user, _)| users.has(user) && !self.is_done_without(user)).any(
            |(user, known)| match known {
                Prefetched::Source(origin, source) => {
                    needs(ImportingCode { package: origin.package_of(user), source }, CodePart::All)
                }
                Prefetched::Broken(..) | Prefetched::Absent => false,
            },
        )
    }
}

/// The code of the new generation that requests may reach.
struct ReachedCode<'a> {
    /// What is known of modules that are not loaded.
    prefetched: &'a PrefetchMap,
    /// The names that are reachable from what directives name; `None` means all.
    reached: Option<&'a HashSet<Name>>,
}

impl ReachedCode<'_> {
    fn has(&self, name: &Name) -> bool {
        self.reached.is_none_or(|reached| reached.contains(name))
    }
}
