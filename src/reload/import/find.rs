//! Finding the managed module that an import asks for.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::python::stdlib::is_standard;
use crate::reload::application::Application;
use crate::reload::application::change::Resolution;
use crate::reload::application::view::View;
use crate::reload::import::importer::Importer;
use crate::reload::import::load::load;
use crate::reload::import::lookup::{Parent, resolve};
use crate::reload::import::{execute, sys_modules};
use crate::reload::module::{Managed, Origin};
use reload_core::graph::Name;

/// A managed module by its absolute name, for an importer; `None` for what Python's own import answers.
///
/// # Errors
/// What loading raises.
pub fn find_for_caller(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<Option<Arc<Managed>>> {
    if importer.module.is_none() && !concerns_managed(py, importer, name)? {
        return Ok(None);
    }
    find_for(py, importer, name)
}

/// Whether an import by code that is not managed should get a managed module: only when the name is one, and nothing unmanaged
/// already goes by it.
///
/// # Errors
/// As [`resolve`].
pub fn concerns_managed(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<bool> {
    let first = name.split('.').next().unwrap_or(name);
    match importer.application.known(first) {
        Some(Resolution::Unmanaged) => return Ok(false),
        Some(Resolution::Managed(_)) => return Ok(!is_standard(first)),
        None => {}
    }
    let first = Name::from(first);
    // An entry of another application is nothing unmanaged: this one may have a module of the name too.
    let is_taken = crate::python::raw_import::modules(py)?.contains(&*first)? && !sys_modules::is_ours(py, &first);
    if is_taken || is_standard(&first) {
        return Ok(false);
    }
    Ok(matches!(resolve(py, &importer.application, &importer.view, &first, &Parent::Nothing)?, Resolution::Managed(_)))
}

/// Finds a managed module by its absolute name; or, for code in a directory that is no package, beside the importer.
///
/// # Errors
/// As [`find`].
pub fn find_for(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<Option<Arc<Managed>>> {
    if let Some(found) = find(py, &importer.application, &importer.view, name)? {
        return Ok(Some(found));
    }
    let Some(record) = &importer.module else { return Ok(None) };
    let package = record.package();
    if package.is_empty() || name.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
        return Ok(None);
    }
    let Some(parent) = importer.view.any(&Name::from(package)) else { return Ok(None) };
    if !matches!(parent.origin, Origin::Namespace(_)) {
        return Ok(None);
    }
    let first = name.split('.').next().unwrap_or(name);
    let beside = Name::from(format!("{package}.{first}"));
    let is_there = matches!(
        resolve(py, &importer.application, &importer.view, &beside, &Parent::Loaded(parent.clone()))?,
        Resolution::Managed(_)
    );
    if !is_there || is_importable(py, first)? {
        return Ok(None);
    }
    find(py, &importer.application, &importer.view, &Name::from(format!("{package}.{name}")))
}

/// Whether a name stands for something also without the neighbour that has it.
pub fn is_elsewhere(py: Python<'_>, application: &Application, name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    matches!(application.known(first), Some(Resolution::Managed(_))) || is_importable(py, first).unwrap_or(false)
}

fn is_importable(py: Python<'_>, name: &str) -> PyResult<bool> {
    // A managed module that this application had would have been found.
    let is_taken =
        || PyResult::Ok(crate::python::raw_import::modules(py)?.contains(name)? && !sys_modules::is_ours(py, name));
    if is_standard(name) || is_taken()? {
        return Ok(true);
    }
    let finder = crate::python::import(py, "importlib.machinery")?.getattr("PathFinder")?;
    Ok(!finder.call_method1("find_spec", (name,))?.is_none())
}

/// Finds a managed module in a view, and loads it there if it is not; `None` for names that are not managed.
///
/// # Errors
/// What loading raises; `ModuleNotFoundError` for a submodule of a managed module that is not there.
pub fn find(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
) -> PyResult<Option<Arc<Managed>>> {
    // From the name up to what is there, and down again; no recursion, as a name may have more parts than a stack is deep.
    let mut missing: Vec<(Name, Option<Arc<Managed>>)> = Vec::new();
    let mut parent = None;
    let mut at = name.clone();
    loop {
        let ready = match view {
            View::Generation(generation) => generation.ready(&at),
            View::Stage(stage) => stage.any(&at).or_else(|| stage.await_late(py, &at)),
        };
        // In a stage the package comes first even so: it may be broken now, or not hold the submodule yet.
        if matches!(view, View::Generation(_)) && ready.is_some() {
            parent = ready;
            break;
        }
        let above = at.rsplit_once('.').map(|(above, _)| Name::from(above));
        missing.push((at, ready));
        match above {
            Some(above) => at = above,
            None => break,
        }
    }
    while let Some((name, ready)) = missing.pop() {
        let found = find_in(py, application, view, &name, ready, parent).inspect_err(|_| {
            if let View::Stage(stage) = view {
                missing.iter().rev().for_each(|(below, _)| stage.meet(py, below));
            }
        })?;
        if found.is_none() {
            return Ok(None);
        }
        parent = found;
    }
    Ok(parent)
}

/// The same for a name whose package has been found, if it has one. `ready` is the module if it is there already.
fn find_in(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
    ready: Option<Arc<Managed>>,
    parent: Option<Arc<Managed>>,
) -> PyResult<Option<Arc<Managed>>> {
    let found = match ready {
        Some(ready) => ready,
        None => {
            let Resolution::Managed(origin) = resolve(py, application, view, name, &Parent::from(parent.as_ref()))?
            else {
                return Ok(None);
            };
            match view {
                View::Generation(generation) => load(py, application, generation, name, &origin, parent.as_ref())?,
                View::Stage(stage) => stage.obtain(py, name, &origin)?,
            }
        }
    };
    if let Some(parent) = parent
        && let Some((_, tail)) = name.rsplit_once('.')
    {
        // The body may have renewed its own package in the meantime.
        let parent = view.any(&parent.name).unwrap_or(parent);
        if execute::bind(py, &parent, &found)?
            && let View::Stage(stage) = view
        {
            stage.note_bound(&parent, tail);
        }
    }
    Ok(Some(found))
}
