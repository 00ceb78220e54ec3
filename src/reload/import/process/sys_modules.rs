//! The entries of managed modules in `sys.modules`, for code that looks modules up by name: pickle, dataclasses, type hints.
//!
//! There is one `sys.modules`, but two applications may have modules of one name. The entry belongs to the one that was entered
//! last: under prefork that is the one whose request runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::python::gil::GilCell;
use crate::python::raw_import::modules;
use crate::python::stdlib::is_standard;
use crate::reload::application::Application;
use crate::reload::application::registry::mark;
use crate::reload::module::snapshot::Snapshot;
use reload_core::graph::Name;

/// Names that managed modules have put into `sys.modules`, and the application whose module stands there.
static OWNERS: GilCell<Option<HashMap<Name, ShownEntry>>> = GilCell::new(None);

/// Whether any name belongs to more than one application.
static RIVALS: AtomicBool = AtomicBool::new(false);

struct ShownEntry {
    owner: usize,
    is_contested: bool,
}

/// What `show` has changed.
pub(in crate::reload) enum Shown {
    /// Nothing.
    Untouched,
    /// The entry was changed; this stood there before.
    Before(Option<Py<PyAny>>),
}

/// Whether the name's entry in `sys.modules` is a managed module, perhaps of another generation.
pub(in crate::reload) fn is_ours(py: Python<'_>, name: &str) -> bool {
    OWNERS.borrow(py).as_ref().is_some_and(|owners| owners.contains_key(name))
}

/// How many names managed modules have put into `sys.modules`.
pub(in crate::reload) fn count(py: Python<'_>) -> usize {
    OWNERS.borrow(py).as_ref().map_or(0, HashMap::len)
}

/// Whether the name's entry in `sys.modules` is a module of another application.
pub(in crate::reload) fn is_of_another(py: Python<'_>, application: &Application, name: &Name) -> bool {
    let owners = OWNERS.borrow(py);
    owners.as_ref().and_then(|owners| owners.get(name)).is_some_and(|entry| entry.owner != mark(application))
}

/// Whether code has removed the application's module from `sys.modules`.
///
/// # Errors
/// What Python raises when `sys.modules` is not a dict any more.
pub(in crate::reload) fn is_missing(py: Python<'_>, application: &Application, name: &Name) -> PyResult<bool> {
    let is_own =
        OWNERS.borrow(py).as_ref().and_then(|owners| owners.get(name)).is_some_and(|e| e.owner == mark(application));
    Ok(is_own && !modules(py)?.contains(&**name)?)
}

/// Puts back the application's modules that code has removed.
///
/// # Errors
/// As [`show`].
pub(in crate::reload) fn show_again(py: Python<'_>, application: &Application) -> PyResult<()> {
    for (name, module) in &application.current().modules() {
        if is_missing(py, application, name)? {
            show(py, application, name, Some(&module.exposed(py)))?;
        }
    }
    Ok(())
}

/// Gives a name, and those below it, to something unmanaged.
///
/// # Errors
/// As [`show`].
pub(in crate::reload) fn give_up(py: Python<'_>, name: &Name) -> PyResult<()> {
    let below = format!("{name}.");
    let is_meant = |other: &Name| other == name || other.starts_with(&below);
    let names: Vec<Name> =
        OWNERS.borrow(py).iter().flat_map(HashMap::keys).filter(|other| is_meant(other)).cloned().collect();
    if let Some(owners) = OWNERS.borrow(py).as_mut() {
        owners.retain(|other, _| !is_meant(other));
    }
    let modules = modules(py)?;
    for name in names {
        if modules.contains(&*name)? {
            modules.del_item(&*name)?;
        }
    }
    Ok(())
}

/// Puts a module into `sys.modules`, or removes the application's own, unless the name belongs to something unmanaged. Returns what
/// was there before, if it changed the entry.
///
/// # Errors
/// What Python raises when `sys.modules` is not a dict any more.
pub(in crate::reload) fn show(
    py: Python<'_>,
    application: &Application,
    name: &Name,
    module: Option<&Bound<'_, PyAny>>,
) -> PyResult<Shown> {
    let modules = modules(py)?;
    let before = modules.get_item(&**name)?;
    if !is_ours(py, name) && (before.is_some() || is_standard(name)) {
        return Ok(Shown::Untouched);
    }
    let is_own = claim(py, application, name, module.is_some());
    match module {
        Some(module) => modules.set_item(&**name, module)?,
        None if is_own && before.is_some() => {
            modules.del_item(&**name)?;
            disown(py, name);
        }
        None => {
            if is_own {
                disown(py, name);
            }
            return Ok(Shown::Untouched);
        }
    }
    Ok(Shown::Before(before.map(Bound::unbind)))
}

fn disown(py: Python<'_>, name: &Name) {
    if let Some(owners) = OWNERS.borrow(py).as_mut() {
        owners.remove(name);
    }
}

/// Records the owner of an entry. Returns whether the entry was the application's own, or had no owner.
fn claim(py: Python<'_>, application: &Application, name: &Name, takes: bool) -> bool {
    let mut owners = OWNERS.borrow(py);
    let new = ShownEntry { owner: mark(application), is_contested: false };
    let entry = owners.get_or_insert_default().entry(name.clone()).or_insert(new);
    let is_own = entry.owner == mark(application);
    if !is_own && takes {
        entry.owner = mark(application);
        entry.is_contested = true;
        RIVALS.store(true, Ordering::Relaxed);
    }
    is_own
}

/// Undoes what `show` did.
///
/// # Errors
/// As [`show`].
pub(in crate::reload) fn restore(py: Python<'_>, application: &Application, name: &Name, shown: Shown) -> PyResult<()> {
    match shown {
        Shown::Untouched => Ok(()),
        Shown::Before(Some(module)) => modules(py)?.set_item(&**name, module),
        Shown::Before(None) => show(py, application, name, None).map(drop),
    }
}

/// Whether two applications have modules of one name, so that [`prefer`] has something to do.
pub fn has_rivals() -> bool {
    RIVALS.load(Ordering::Relaxed)
}

/// Lets `sys.modules` show this application's modules under the names that several have.
///
/// # Errors
/// As [`show`].
pub fn prefer(py: Python<'_>, application: &Application, generation: &Arc<Snapshot>) -> PyResult<()> {
    let others: Vec<Name> = OWNERS
        .borrow(py)
        .iter()
        .flatten()
        .filter(|(_, entry)| entry.is_contested && entry.owner != mark(application))
        .map(|(name, _)| name.clone())
        .collect();
    for name in others {
        if let Some(module) = generation.ready(&name) {
            show(py, application, &name, Some(&module.exposed(py)))?;
        }
    }
    Ok(())
}
