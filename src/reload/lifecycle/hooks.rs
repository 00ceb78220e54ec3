//! What an execution of a module wants done when it has gone, and what it hands to its successor: `on_retire`, `__mp_purge__`
//! and `__mp_clone__`.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::python::error;
use crate::reload::Snapshot;
use crate::reload::application::Application;
use crate::reload::application::view::Context;
use crate::reload::interrupt::exceptions::{exception, is_called_off};
use crate::reload::interrupt::run::Reason;
use crate::reload::lifecycle::carry::{Slots, States};
use crate::reload::lifecycle::retirement::{self, RetiredExecution};
use crate::reload::module::{self, Managed};
use os::{Mutex, log};
use reload_core::files::fingerprint::Hash;
use reload_core::graph::Name;

/// Counts hooks over the child: they are called newest first.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What code that is not managed, and so never retires, has registered for the end of the child.
static UNMANAGED: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    OnRetire,
    Purge,
}

/// A function to call, once, when an execution has gone.
pub struct Hook {
    function: Py<PyAny>,
    kind: Kind,
    module: Name,
    generation: u64,
    number: u64,
}

impl Hook {
    fn new(function: Py<PyAny>, kind: Kind, module: Name, generation: u64) -> Self {
        Self { function, kind, module, generation, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// Calls it. What it raises is logged.
    pub fn call(self, py: Python<'_>) {
        if let Err(e) = self.function.call0(py) {
            let what = match self.kind {
                Kind::OnRetire => "a function that on_retire registered for",
                Kind::Purge => "__mp_purge__ of",
            };
            log::error!(
                "{what} module '{}' (generation {}) failed\n{}",
                self.module,
                self.generation,
                error::format(py, &e)
            );
        }
    }
}

/// Sorts hooks by age: the newest, which is to be called first, is the last one then.
pub fn sort(hooks: &mut [Hook]) {
    hooks.sort_unstable_by_key(|hook| hook.number);
}

/// Calls hooks, the newest first.
fn call_all(py: Python<'_>, mut hooks: Vec<Hook>) {
    sort(&mut hooks);
    while let Some(hook) = hooks.pop() {
        hook.call(py);
    }
}

/// What hangs at the record of an execution.
pub struct ExecutionHooks {
    draft: Weak<BuildEffects>,
    /// A weak reference that dies with the namespace; none at copies, which are no executions of their own.
    sign: Option<Py<PyAny>>,
    held: Mutex<HeldHooks>,
}

#[derive(Default)]
struct HeldHooks {
    hooks: Vec<Hook>,
    /// The new source for which `__mp_clone__` of this execution has failed first.
    refusal: Option<CloneRefusal>,
}

#[derive(Clone, Copy)]
struct CloneRefusal {
    source: Hash,
    took_too_long: bool,
}

impl ExecutionHooks {
    /// The life of an execution that begins, in a build if there is a draft.
    pub fn new(draft: Option<&Arc<BuildEffects>>, sign: Py<PyAny>) -> Self {
        Self { draft: draft.map_or_else(Weak::new, Arc::downgrade), sign: Some(sign), held: Mutex::default() }
    }

    /// What a copy of a namespace has in its place.
    pub fn of_copy() -> Self {
        Self { draft: Weak::new(), sign: None, held: Mutex::default() }
    }

    /// The draft that the execution belongs to until it is published.
    pub fn draft(&self) -> Option<Arc<BuildEffects>> {
        self.draft.upgrade()
    }

    fn take_hooks(&self) -> Vec<Hook> {
        std::mem::take(&mut self.held.lock().hooks)
    }

    /// Hands everything on: no living generation has the execution any more. Runs no Python code.
    pub fn end(&mut self, module: &Name, generation: u64, application: &Weak<Application>) {
        let Some(sign) = self.sign.take() else { return };
        let held = self.held.get_mut();
        retirement::take_over(RetiredExecution {
            module: module.clone(),
            generation,
            application: application.clone(),
            hooks: std::mem::take(&mut held.hooks),
            sign,
        });
    }
}

/// The execution whose code a record's functions belong to.
pub fn execution_of(record: &Arc<Managed>) -> &Arc<Managed> {
    record.copied_from.as_ref().unwrap_or(record)
}

/// The execution whose namespace this is; none for code that is not managed.
///
/// # Errors
/// `RuntimeError` for managed code that has gone.
pub fn caller(globals: &Bound<'_, PyDict>) -> PyResult<Option<Arc<Managed>>> {
    if let Some(record) = module::by_globals(globals) {
        return Ok(Some(execution_of(&record).clone()));
    }
    let loader_type = crate::python::import(globals.py(), "_mod_python_loader")?.getattr("ManagedLoader")?;
    match globals.get_item("__loader__")? {
        Some(loader) if loader.is_instance(&loader_type)? => {
            Err(PyRuntimeError::new_err("the calling code has gone: no generation that is in use has it any more"))
        }
        _ => Ok(None),
    }
}

/// `mod_python.reload.on_retire` for the code with this namespace.
///
/// # Errors
/// `TypeError` when it cannot be called; see [`caller`].
pub fn on_retire(globals: &Bound<'_, PyDict>, function: Bound<'_, PyAny>) -> PyResult<()> {
    if !function.is_callable() {
        return Err(PyTypeError::new_err(format!("on_retire: {} cannot be called", function.repr()?)));
    }
    match caller(globals)? {
        Some(execution) => register(&execution, function.unbind(), Kind::OnRetire),
        None => {
            let name: String = globals.get_item("__name__")?.map_or(Ok(String::new()), |name| name.extract())?;
            let hook = Hook::new(function.unbind(), Kind::OnRetire, name.into(), 0);
            UNMANAGED.lock().push(hook);
        }
    }
    Ok(())
}

fn register(execution: &Managed, function: Py<PyAny>, kind: Kind) {
    let hook = Hook::new(function, kind, execution.name.clone(), execution.generation);
    let hook = match execution.life.draft() {
        Some(draft) => draft.register(execution.sequence, hook),
        None => Some(hook),
    };
    if let Some(hook) = hook {
        execution.life.held.lock().hooks.push(hook);
    }
}

/// The body of an execution has come to its end.
///
/// # Errors
/// What looking into the namespace raises.
pub fn finished(py: Python<'_>, execution: &Managed) -> PyResult<()> {
    if let Some(purge) = execution.module.bind(py).dict().get_item("__mp_purge__")?
        && purge.is_callable()
    {
        register(execution, purge.unbind(), Kind::Purge);
    }
    Ok(())
}

/// The body of an execution has failed: what it registered is called, and the state it made is forgotten.
pub fn failed(py: Python<'_>, execution: &Managed, failure: &PyErr) {
    if let Some(draft) = execution.life.draft() {
        // A build that was called off is interrupted again and again: hooks wait until it has ended.
        draft.body_failed(py, execution.sequence, !is_called_off(py, failure));
        return;
    }
    call_all(py, execution.life.take_hooks());
    if let Some(application) = execution.application.upgrade() {
        application.states.forget(execution.sequence);
    }
}

/// Lets `__mp_clone__` of the old execution put its state into the new one, whose body has run.
///
/// # Errors
/// What the hook raises, and `TypeError` when it answers something: the build has failed then. If it fails for another new
/// content of the module as well, that is served without the old state, as no edit could get past the hook otherwise.
pub fn hand_on(
    py: Python<'_>,
    application: &Arc<Application>,
    base: &Arc<Snapshot>,
    old: &Arc<Managed>,
    new: &Managed,
    draft: &BuildEffects,
) -> PyResult<()> {
    let Some(hook) = old.module.bind(py).dict().get_item("__mp_clone__")? else { return Ok(()) };
    if draft.is_late() {
        // The build fails anyway, and the hook is not to blame.
        return Ok(());
    }
    let held = &execution_of(old).life.held;
    let earlier = held.lock().refusal.filter(|refusal| refusal.source != new.source.hash());
    if earlier.is_some_and(|refusal| refusal.took_too_long) {
        warn_of_loss(new, "is not called, as it took too long before");
        return Ok(());
    }
    let dict = new.module.bind(py).dict();
    let untouched = dict.copy()?;
    let result = {
        // The hook is old code: what it imports is the old generation's.
        let _seen = Context { application: application.clone(), view: base.clone() }.enter();
        hook.call1((&new.module,))
    };
    let result = match result {
        Ok(answer) if answer.is_none() => Ok(()),
        Ok(answer) => Err(PyTypeError::new_err(format!(
            "__mp_clone__ of module '{}' answered {}, where None was expected",
            old.name,
            answer.get_type().name()?
        ))),
        Err(e) => Err(e),
    };
    let took_too_long = draft.is_late();
    let Err(failure) = (if took_too_long { result.and(Err(exception(Reason::Late))) } else { result }) else {
        draft.note_receiver(new.sequence);
        return Ok(());
    };
    if !took_too_long && is_called_off(py, &failure) {
        // A newer edit has ended the build.
        return Err(failure);
    }
    if earlier.is_some() && !took_too_long {
        dict.clear();
        dict.update(untouched.as_mapping())?;
        warn_of_loss(new, &format!("failed again\n{}", error::format(py, &failure)));
        return Ok(());
    }
    held.lock().refusal.get_or_insert(CloneRefusal { source: new.source.hash(), took_too_long }).took_too_long |=
        took_too_long;
    Err(failure)
}

fn warn_of_loss(new: &Managed, what: &str) {
    log::warning!("module '{}' starts without its predecessor's state: __mp_clone__ {what}", new.name);
}

/// What a generation in the making has added so far, beside its modules: published or taken back with it.
pub struct BuildEffects {
    deadline: Instant,
    /// None once the build has ended.
    added: Mutex<Option<Added>>,
}

#[derive(Default)]
struct Added {
    states: Slots,
    /// Each with the sequence number of its execution.
    hooks: Vec<(u64, Hook)>,
    failed: HashSet<u64>,
    /// Executions that `__mp_clone__` has put live state into.
    receivers: HashSet<u64>,
    /// Why the build cannot be published, whatever importers make of it.
    refusal: Option<PyErr>,
}

/// What a publication leaves to be done once the generation is the current one. Dropping it may run Python code.
pub struct Aftermath {
    hooks: Vec<Hook>,
    _replaced: Slots,
}

impl Aftermath {
    /// Calls the hooks of executions that have failed while the build went on without them.
    pub fn settle(self, py: Python<'_>) {
        call_all(py, self.hooks);
    }
}

impl BuildEffects {
    /// The draft of a build that has to end by then.
    pub fn new(deadline: Instant) -> Arc<Self> {
        Arc::new(Self { deadline, added: Mutex::new(Some(Added::default())) })
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Calls `with` with the state that the build has made, unless it has ended. Nothing in it may run Python code.
    pub fn with_states<R>(&self, with: impl FnOnce(&mut Slots) -> R) -> Option<R> {
        self.added.lock().as_mut().map(|added| with(&mut added.states))
    }

    /// Gives the hook back if the build has ended.
    fn register(&self, execution: u64, hook: Hook) -> Option<Hook> {
        match self.added.lock().as_mut() {
            Some(added) => {
                added.hooks.push((execution, hook));
                None
            }
            None => Some(hook),
        }
    }

    fn note_receiver(&self, execution: u64) {
        if let Some(added) = self.added.lock().as_mut() {
            added.receivers.insert(execution);
        }
    }

    /// The build must not be published.
    pub fn refuse(&self, failure: PyErr) {
        if let Some(added) = self.added.lock().as_mut() {
            added.refusal.get_or_insert(failure);
        }
    }

    /// Why the build must not be published.
    pub fn refusal(&self, py: Python<'_>) -> Option<PyErr> {
        self.added.lock().as_ref()?.refusal.as_ref().map(|e| e.clone_ref(py))
    }

    /// Hooks undo what was done in reverse order, so those of the failed body wait for newer ones of bodies that live on: the
    /// importer may have caught the failure.
    fn body_failed(&self, py: Python<'_>, execution: u64, is_time_left: bool) {
        let (mut due, mut forgotten) = (Vec::new(), Slots::default());
        if let Some(added) = self.added.lock().as_mut() {
            added.failed.insert(execution);
            forgotten = added.states.take_of(execution);
            while is_time_left && let Some((_, hook)) = added.hooks.pop_if(|(of, _)| added.failed.contains(of)) {
                due.push(hook);
            }
        }
        drop(forgotten);
        call_all(py, due);
    }

    /// Gives everything to the application and to the records of the executions. Runs no Python code.
    pub fn publish<'a>(&self, states: &States, records: impl Iterator<Item = &'a Arc<Managed>>) -> Aftermath {
        let added = self.added.lock().take().unwrap_or_default();
        let executions: HashMap<u64, &Managed> =
            records.filter(|r| r.copied_from.is_none()).map(|r| (r.sequence, &**r)).collect();
        let mut orphans = Vec::new();
        for (execution, hook) in added.hooks {
            match executions.get(&execution) {
                Some(record) => record.life.held.lock().hooks.push(hook),
                None => orphans.push(hook),
            }
        }
        Aftermath { hooks: orphans, _replaced: states.take_in(added.states) }
    }

    /// The build is discarded: calls the hooks, the newest first, and forgets the state that it made.
    pub fn discard(&self, py: Python<'_>) {
        while let Some((hook, is_spared)) = self.next_undone() {
            if !is_spared {
                hook.call(py);
            }
        }
        let added = self.added.lock().take();
        drop(added);
    }

    /// The newest hook, and whether it must not be called: what `__mp_clone__` has put into the execution is still in use, and
    /// `__mp_purge__` would take it down.
    fn next_undone(&self) -> Option<(Hook, bool)> {
        let mut held = self.added.lock();
        let added = held.as_mut()?;
        let (execution, hook) = added.hooks.pop()?;
        let is_spared = hook.kind == Kind::Purge && added.receivers.contains(&execution);
        Some((hook, is_spared))
    }
}

/// Calls the hooks of everything that lives when the child ends.
pub fn end_of_child(py: Python<'_>) {
    let mut hooks = retirement::drain();
    for record in module::living() {
        hooks.extend(record.life.take_hooks());
    }
    hooks.append(&mut UNMANAGED.lock());
    call_all(py, hooks);
}
