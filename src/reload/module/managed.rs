//! One record for each execution of a module's body.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Weak};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use crate::reload::module::execution_hooks::ExecutionHooks;
use crate::reload::module::keep::Keep;
use crate::reload::module::origin::Origin;
use crate::reload::module::owner::Owner;
use crate::reload::module::source::Source;
use os::{Mutex, MutexGuard, StaticMap, static_map};
use reload_core::files::dependency::{Dependency, Mark};
use reload_core::files::read_set::ReadSet;
use reload_core::graph::Name;

/// One execution of a managed module: the module object, what it was made from, and what it uses and reads.
///
/// ```text
/// generation 1:  user -> util             one record each
/// util.py is edited, generation 2 is published: util and user, which uses it, run again
/// generation 2:  new records of both; those of generation 1 live until the last request that pinned it ends
/// ```
///
/// A package that needs no run, but has a submodule that ran again, gets a record that is a copy: `copied_from` is set.
pub struct Managed {
    /// The dotted name.
    pub name: Name,
    /// What it was made from.
    pub origin: Origin,
    /// The compiled source.
    pub source: Arc<Source>,
    /// The application it belongs to.
    pub application: Owner,
    /// The module object.
    pub module: Py<PyModule>,
    /// The generation that ran it.
    pub generation: u64,
    /// When the body was entered, counted over the child.
    pub sequence: u64,
    /// The execution that this record copies the namespace of, and shares the functions of; `None` unless it is a copy.
    pub copied_from: Option<Arc<Managed>>,
    /// The hooks to call once nothing uses the execution.
    pub life: ExecutionHooks,
    state: Mutex<ModuleState>,
    key: usize,
}

/// The address of a namespace and the number of its execution. The pair identifies a module object: addresses are reused.
type Identity = (usize, u64);

#[derive(Default)]
struct ModuleState {
    uses: HashSet<Name>,
    /// The subset of `uses` that was first used after the body had ended.
    late_uses: HashSet<Name>,
    /// The subset of `uses` that no code names: `from package import *` has copied them out of the package's namespace.
    copied: HashSet<Name>,
    has_run: bool,
    holds: HashSet<Name>,
    bound: HashMap<Box<str>, Identity>,
    reads: ReadSet,
    replacement: Option<Py<PyAny>>,
    keeps: Vec<Keep>,
}

static BY_GLOBALS: Mutex<StaticMap<usize, Weak<Managed>>> = Mutex::new(static_map());

fn registry() -> MutexGuard<'static, StaticMap<usize, Weak<Managed>>> {
    BY_GLOBALS.lock()
}

/// The managed module that has this dict as its namespace.
pub(in crate::reload) fn by_globals(globals: &Bound<'_, PyDict>) -> Option<Arc<Managed>> {
    registry().get(&(globals.as_ptr() as usize))?.upgrade()
}

/// All executions and copies that a generation, a build or a request still holds.
pub(in crate::reload) fn living() -> Vec<Arc<Managed>> {
    registry().values().filter_map(Weak::upgrade).collect()
}

/// What `Managed::new` needs beside the module object.
pub(in crate::reload) struct ManagedParts {
    /// See the fields of [`Managed`].
    pub name: Name,
    /// As above.
    pub origin: Origin,
    /// As above.
    pub source: Arc<Source>,
    /// As above.
    pub application: Owner,
    /// As above.
    pub generation: u64,
    /// As above.
    pub copied_from: Option<Arc<Managed>>,
    /// As above.
    pub life: ExecutionHooks,
}

impl Managed {
    /// Makes the record of a module object. From now on [`by_globals`] finds it.
    pub(in crate::reload) fn new(
        py: Python<'_>,
        parts: ManagedParts,
        module: Py<PyModule>,
        sequence: u64,
    ) -> Arc<Self> {
        let key = module.bind(py).dict().as_ptr() as usize;
        let ManagedParts { name, origin, source, application, generation, copied_from, life } = parts;
        let record = Arc::new(Self {
            name,
            origin,
            source,
            application,
            module,
            generation,
            sequence,
            copied_from,
            life,
            state: Mutex::default(),
            key,
        });
        registry().insert(key, Arc::downgrade(&record));
        record
    }

    fn lock(&self) -> MutexGuard<'_, ModuleState> {
        self.state.lock()
    }

    /// Remembers that this module uses a name. Returns whether that is new.
    pub(in crate::reload) fn note_use(&self, name: &Name) -> bool {
        let mut state = self.lock();
        state.copied.remove(name);
        let is_new = *name != self.name && state.uses.insert(name.clone());
        if is_new && state.has_run {
            state.late_uses.insert(name.clone());
        }
        is_new
    }

    /// Remembers that `from package import *` has copied a submodule. Returns whether the module did not use it before.
    pub(in crate::reload) fn note_copied(&self, name: &Name) -> bool {
        let mut state = self.lock();
        let is_new = *name != self.name && state.uses.insert(name.clone());
        if is_new {
            state.copied.insert(name.clone());
        }
        is_new
    }

    /// Whether the module uses the name only because of `from package import *`.
    pub(in crate::reload) fn has_copied(&self, name: &str) -> bool {
        self.lock().copied.contains(name)
    }

    /// Notes that the body has ended: from now on it is functions that use names.
    pub(in crate::reload) fn note_end(&self) {
        self.lock().has_run = true;
    }

    /// Whether the body has ended.
    pub(in crate::reload) fn has_run(&self) -> bool {
        self.lock().has_run
    }

    /// The names that its functions use and its body did not use.
    pub(in crate::reload) fn late_uses(&self) -> HashSet<Name> {
        self.lock().late_uses.clone()
    }

    /// Forgets that it uses a name.
    pub(in crate::reload) fn forget_use(&self, name: &Name) {
        let mut state = self.lock();
        state.uses.remove(name);
        state.late_uses.remove(name);
    }

    /// The names it is known to use.
    pub(in crate::reload) fn uses(&self) -> HashSet<Name> {
        self.lock().uses.clone()
    }

    /// Remembers that this module's namespace has a reference to a package. Returns whether that is new.
    pub(in crate::reload) fn note_hold(&self, package: &Name) -> bool {
        self.lock().holds.insert(package.clone())
    }

    /// The packages that its namespace is known to refer to.
    pub(in crate::reload) fn holds(&self) -> HashSet<Name> {
        self.lock().holds.clone()
    }

    /// Remembers that a submodule was bound in this package's namespace. Returns whether that is new.
    pub(in crate::reload) fn note_bound(&self, tail: &str, child: &Self) -> bool {
        let identity = (child.key, child.sequence);
        self.lock().bound.insert(tail.into(), identity) != Some(identity)
    }

    /// Copies the import bookkeeping of `other`, except for the bound submodules in `except`.
    pub(in crate::reload) fn take_after(&self, other: &Self, except: &[Box<str>]) {
        let (uses, copied, holds, mut bound) = {
            let state = other.lock();
            (state.uses.clone(), state.copied.clone(), state.holds.clone(), state.bound.clone())
        };
        bound.retain(|tail, _| !except.contains(tail));
        let mut state = self.lock();
        (state.uses, state.copied, state.holds, state.bound) = (uses, copied, holds, bound);
    }

    /// Forgets a bound submodule, which was removed from the namespace.
    pub(in crate::reload) fn forget_bound(&self, tail: &str) {
        self.lock().bound.remove(tail);
    }

    /// The submodules bound in its namespace.
    pub(in crate::reload) fn bound(&self) -> Vec<Box<str>> {
        self.lock().bound.keys().cloned().collect()
    }

    /// Whether the module has not read this before.
    pub(in crate::reload) fn is_new_read(&self, dependency: &Dependency) -> bool {
        self.execution().lock().reads.is_new(dependency)
    }

    /// Remembers what the module has read.
    pub(in crate::reload) fn note_read(&self, dependency: Dependency, mark: Mark) {
        self.execution().lock().reads.add(dependency, mark);
    }

    /// Remembers that the module's body has written, moved or removed a file.
    pub(in crate::reload) fn note_written(&self, path: &Path) {
        self.execution().lock().reads.add_written(path);
    }

    /// What the module has read.
    pub(in crate::reload) fn reads(&self) -> ReadSet {
        self.execution().lock().reads.clone()
    }

    /// The execution itself, or the one that this record is a copy of: the functions of a copy have the original's namespace.
    fn execution(&self) -> &Self {
        self.copied_from.as_deref().unwrap_or(self)
    }

    /// Remembers that the body asks to keep a module. The request takes effect when the body has ended without an error.
    pub(in crate::reload) fn note_keep(&self, keep: Keep) {
        self.lock().keeps.push(keep);
    }

    /// What the body has asked to keep.
    pub(in crate::reload) fn keeps(&self) -> Vec<Keep> {
        self.lock().keeps.clone()
    }

    /// What an import returns: the module, or what its body put into `sys.modules` in its place.
    pub fn exposed<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match &self.lock().replacement {
            Some(object) => object.bind(py).clone(),
            None => self.module.bind(py).clone().into_any(),
        }
    }

    /// Remembers what the body put into `sys.modules` in place of the module.
    pub(in crate::reload) fn replace(&self, object: Py<PyAny>) {
        self.lock().replacement = Some(object);
    }

    /// Whether the body put something else into `sys.modules`. A copy of the namespace cannot replace that.
    pub(in crate::reload) fn is_replaced(&self) -> bool {
        self.lock().replacement.is_some()
    }

    /// The package that relative imports of this module start from.
    pub(in crate::reload) fn package(&self) -> &str {
        self.origin.package_of(&self.name)
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        // A later module may have its namespace at the same address: the entry is ours only if its record is gone.
        let mut records = registry();
        if records.get(&self.key).is_some_and(|record| record.strong_count() == 0) {
            records.remove(&self.key);
        }
        drop(records);
        self.life.end(&self.name, self.generation, &self.application);
    }
}

/// The execution that a record is a copy of, or the record itself.
pub(in crate::reload) fn execution_of(record: &Arc<Managed>) -> &Arc<Managed> {
    record.copied_from.as_ref().unwrap_or(record)
}
