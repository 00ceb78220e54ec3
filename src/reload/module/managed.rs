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
use reload_core::files::dependency::{Dependency, Mark, ReadSet};
use reload_core::graph::Name;

/// One execution of a managed module.
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
    /// The execution whose functions this copy of the namespace shares; none for an execution of its own.
    pub copied_from: Option<Arc<Managed>>,
    /// What is to be done when it has gone.
    pub life: ExecutionHooks,
    state: Mutex<ModuleState>,
    key: usize,
}

/// The address of its namespace and the number of its execution, which tell a module object from all others.
type Identity = (usize, u64);

#[derive(Default)]
struct ModuleState {
    uses: HashSet<Name>,
    /// Those among them that were first used when the body had come to its end.
    late_uses: HashSet<Name>,
    /// Those among them that nothing asks for: they stood in a package's namespace when everything was imported from it.
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

/// The managed module whose namespace a dict is.
pub fn by_globals(globals: &Bound<'_, PyDict>) -> Option<Arc<Managed>> {
    registry().get(&(globals.as_ptr() as usize))?.upgrade()
}

/// The executions and copies that living generations, builds and requests have.
pub fn living() -> Vec<Arc<Managed>> {
    registry().values().filter_map(Weak::upgrade).collect()
}

/// What `Managed::new` needs beside the module object.
pub struct ManagedParts {
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
    /// A record for a module object, which can from now on be found by its namespace.
    pub fn new(py: Python<'_>, parts: ManagedParts, module: Py<PyModule>, sequence: u64) -> Arc<Self> {
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

    /// Remembers that this module uses a name; whether that is new.
    pub fn note_use(&self, name: &Name) -> bool {
        let mut state = self.lock();
        state.copied.remove(name);
        let is_new = *name != self.name && state.uses.insert(name.clone());
        if is_new && state.has_run {
            state.late_uses.insert(name.clone());
        }
        is_new
    }

    /// Remembers that a submodule came along when everything was imported from its package; whether it is used by that alone.
    pub fn note_copied(&self, name: &Name) -> bool {
        let mut state = self.lock();
        let is_new = *name != self.name && state.uses.insert(name.clone());
        if is_new {
            state.copied.insert(name.clone());
        }
        is_new
    }

    /// Whether the name is used for no other reason.
    pub fn has_copied(&self, name: &str) -> bool {
        self.lock().copied.contains(name)
    }

    /// The body has come to its end: what is used from now on is used by functions.
    pub fn note_end(&self) {
        self.lock().has_run = true;
    }

    /// Whether the body has come to its end.
    pub fn has_run(&self) -> bool {
        self.lock().has_run
    }

    /// The names that its functions have used, and the body has not.
    pub fn late_uses(&self) -> HashSet<Name> {
        self.lock().late_uses.clone()
    }

    /// Forgets that it uses a name.
    pub fn forget_use(&self, name: &Name) {
        let mut state = self.lock();
        state.uses.remove(name);
        state.late_uses.remove(name);
    }

    /// The names it is known to use.
    pub fn uses(&self) -> HashSet<Name> {
        self.lock().uses.clone()
    }

    /// Remembers that a package's object stands in this module's namespace; whether that is new.
    pub fn note_hold(&self, package: &Name) -> bool {
        self.lock().holds.insert(package.clone())
    }

    /// The packages known to stand in its namespace.
    pub fn holds(&self) -> HashSet<Name> {
        self.lock().holds.clone()
    }

    /// Remembers that this submodule was put into this package's namespace; whether that is new.
    pub fn note_bound(&self, tail: &str, child: &Self) -> bool {
        let identity = (child.key, child.sequence);
        self.lock().bound.insert(tail.into(), identity) != Some(identity)
    }

    /// What stands in another namespace stands in this copy of it as well, but for these submodules.
    pub fn take_after(&self, other: &Self, except: &[Box<str>]) {
        let (uses, copied, holds, mut bound) = {
            let state = other.lock();
            (state.uses.clone(), state.copied.clone(), state.holds.clone(), state.bound.clone())
        };
        bound.retain(|tail, _| !except.contains(tail));
        let mut state = self.lock();
        (state.uses, state.copied, state.holds, state.bound) = (uses, copied, holds, bound);
    }

    /// Forgets that, as when the submodule was taken out again.
    pub fn forget_bound(&self, tail: &str) {
        self.lock().bound.remove(tail);
    }

    /// The submodules put into its namespace.
    pub fn bound(&self) -> Vec<Box<str>> {
        self.lock().bound.keys().cloned().collect()
    }

    /// Whether the module is not known to have read this.
    pub fn is_new_read(&self, dependency: &Dependency) -> bool {
        self.execution().lock().reads.is_new(dependency)
    }

    /// Remembers what the module has read.
    pub fn note_read(&self, dependency: Dependency, mark: Mark) {
        self.execution().lock().reads.add(dependency, mark);
    }

    /// Remembers that the module's body has written, moved or removed a file.
    pub fn note_written(&self, path: &Path) {
        self.execution().lock().reads.add_written(path);
    }

    /// What the module has read.
    pub fn reads(&self) -> ReadSet {
        self.execution().lock().reads.clone()
    }

    /// The execution that this is a copy of, or this one: a copy's functions are found under the original's namespace.
    fn execution(&self) -> &Self {
        self.copied_from.as_deref().unwrap_or(self)
    }

    /// The body asks for something to be kept, which counts once it has run to its end.
    pub fn note_keep(&self, keep: Keep) {
        self.lock().keeps.push(keep);
    }

    /// What the body has asked to be kept.
    pub fn keeps(&self) -> Vec<Keep> {
        self.lock().keeps.clone()
    }

    /// What an import answers: the module, or what its body put into `sys.modules` in its place.
    pub fn exposed<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match &self.lock().replacement {
            Some(object) => object.bind(py).clone(),
            None => self.module.bind(py).clone().into_any(),
        }
    }

    /// Remembers what the body put into `sys.modules` in place of the module.
    pub fn replace(&self, object: Py<PyAny>) {
        self.lock().replacement = Some(object);
    }

    /// Whether the body put something else into `sys.modules`, which a copy of the namespace would not stand for.
    pub fn is_replaced(&self) -> bool {
        self.lock().replacement.is_some()
    }

    /// The package that relative imports of this module start from.
    pub fn package(&self) -> &str {
        self.origin.package_of(&self.name)
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        // A module made later may have its namespace at the same address: only a dead entry is ours.
        let mut records = registry();
        if records.get(&self.key).is_some_and(|record| record.strong_count() == 0) {
            records.remove(&self.key);
        }
        drop(records);
        self.life.end(&self.name, self.generation, &self.application);
    }
}

/// The execution whose code a record's functions belong to.
pub(in crate::reload) fn execution_of(record: &Arc<Managed>) -> &Arc<Managed> {
    record.copied_from.as_ref().unwrap_or(record)
}
