//! The hooks of modules: `on_retire` and `__mp_purge__`, which end an execution, and `__mp_clone__`, which hands state to the
//! next one.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::python::error;
use crate::reload::application::Application;
use crate::reload::application::view::Context;
use crate::reload::interrupt::exceptions::{exception, is_called_off};
use crate::reload::interrupt::run::Reason;
use crate::reload::lifecycle::retirement;
use crate::reload::module::effects::BuildEffects;
use crate::reload::module::execution_hooks::CloneRefusal;
use crate::reload::module::hook::{Hook, HookKind, call_all};
use crate::reload::module::managed::{self, Managed, execution_of};
use crate::reload::module::snapshot::Snapshot;
use os::{Mutex, log};

/// Hooks of code that is not managed: it is never retired, so they are called at the end of the child.
static UNMANAGED: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

/// The execution that has this namespace; `None` for code that is not managed.
///
/// # Errors
/// `RuntimeError` for managed code of an execution that was retired.
pub(in crate::reload) fn caller(globals: &Bound<'_, PyDict>) -> PyResult<Option<Arc<Managed>>> {
    if let Some(record) = managed::by_globals(globals) {
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
/// `TypeError` when the function is not callable; as [`caller`].
pub(in crate::reload) fn on_retire(globals: &Bound<'_, PyDict>, function: Bound<'_, PyAny>) -> PyResult<()> {
    if !function.is_callable() {
        return Err(PyTypeError::new_err(format!("on_retire: {} cannot be called", function.repr()?)));
    }
    match caller(globals)? {
        Some(execution) => register(&execution, function.unbind(), HookKind::OnRetire),
        None => {
            let name: String = globals.get_item("__name__")?.map_or(Ok(String::new()), |name| name.extract())?;
            let hook = Hook::new(function.unbind(), HookKind::OnRetire, name.into(), 0);
            UNMANAGED.lock().push(hook);
        }
    }
    Ok(())
}

fn register(execution: &Managed, function: Py<PyAny>, kind: HookKind) {
    let hook = Hook::new(function, kind, execution.name.clone(), execution.generation);
    let hook = match execution.life.draft() {
        Some(draft) => draft.register(execution.sequence, hook),
        None => Some(hook),
    };
    if let Some(hook) = hook {
        execution.life.held.lock().hooks.push(hook);
    }
}

/// Registers `__mp_purge__` of an execution whose body has ended.
///
/// # Errors
/// What Python raises when it looks into the namespace.
pub(in crate::reload) fn finished(py: Python<'_>, execution: &Managed) -> PyResult<()> {
    if let Some(purge) = execution.module.bind(py).dict().get_item("__mp_purge__")?
        && purge.is_callable()
    {
        register(execution, purge.unbind(), HookKind::Purge);
    }
    Ok(())
}

/// Undoes a failed body: calls the hooks that it registered, and drops the state that it made.
pub(in crate::reload) fn failed(py: Python<'_>, execution: &Managed, failure: &PyErr) {
    if let Some(draft) = execution.life.draft() {
        // A build that was called off is interrupted repeatedly: its hooks are called when it has ended.
        draft.body_failed(py, execution.sequence, !is_called_off(py, failure));
        return;
    }
    call_all(py, execution.life.take_hooks());
    if let Some(application) = execution.application.get::<Application>() {
        application.states.forget(execution.sequence);
    }
}

/// Calls `__mp_clone__` of the old execution, which puts its state into the new one. The new body has run.
///
/// # Errors
/// What the hook raises, and `TypeError` when it does not return `None`: the build fails then. If it also fails for a second
/// new content of the module, that is served without the old state: otherwise no edit could ever be published.
pub(in crate::reload) fn hand_on(
    py: Python<'_>,
    application: &Arc<Application>,
    base: &Arc<Snapshot>,
    old: &Arc<Managed>,
    new: &Managed,
    draft: &BuildEffects,
) -> PyResult<()> {
    let Some(hook) = old.module.bind(py).dict().get_item("__mp_clone__")? else { return Ok(()) };
    if draft.is_late() {
        // The build fails anyway, and the hook is not the reason.
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
        // The hook is old code: it imports from the old generation.
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

/// Calls the hooks of all executions at the end of the child.
pub fn end_of_child(py: Python<'_>) {
    let mut hooks = retirement::drain();
    for record in managed::living() {
        hooks.extend(record.life.take_hooks());
    }
    hooks.append(&mut UNMANAGED.lock());
    call_all(py, hooks);
}
