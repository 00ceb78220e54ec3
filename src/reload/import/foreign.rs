//! Imports that Python's own machinery answers.

use std::sync::Arc;

use pyo3::exceptions::PyModuleNotFoundError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::reload::application::{Application, view};
use crate::reload::import::find::find;
use crate::reload::import::importer::{Importer, note_prefixes, note_unmanaged};
use crate::reload::import::{originals, sys_modules, unmanaged};
use reload_core::graph::Name;

/// Runs an import of Python's own, and takes in what it has loaded.
pub fn import_outside<R>(py: Python<'_>, import: impl FnOnce() -> R) -> R {
    let result = view::outside(import);
    if !view::is_outside() {
        unmanaged::take_in(py);
    }
    result
}

/// Before Python's own machinery answers: what `sys.modules` shows under the name may be another application's module. Where
/// Python has one of the name as well, that takes its place.
///
/// # Errors
/// `ModuleNotFoundError` where it has none.
pub fn make_way(py: Python<'_>, application: &Arc<Application>, name: &Name) -> PyResult<()> {
    let first = Name::from(name.split('.').next().unwrap_or(name));
    if !sys_modules::is_of_another(py, application, &first) {
        return Ok(());
    }
    // What finders look at is not read by the body that imports.
    let _quiet = view::leave_body();
    if crate::python::import(py, "_mod_python_loader")?.getattr("is_unmanaged")?.call1((&*first,))?.extract()? {
        return sys_modules::give_up(py, &first);
    }
    Err(not_found(py, &first))
}

/// `ModuleNotFoundError` with the name that it is about.
pub fn not_found(py: Python<'_>, name: &str) -> PyErr {
    let error = PyModuleNotFoundError::new_err(format!("No module named '{name}'"));
    // An exception that has just been made takes an attribute.
    let _ = error.value(py).setattr("name", name);
    error
}

/// A part that Python's own import finds in a managed package: a C extension.
///
/// # Errors
/// What the import raises, unless there is no such module.
pub fn foreign_part<'py>(py: Python<'py>, name: &Name) -> PyResult<Option<Bound<'py, PyAny>>> {
    if sys_modules::is_ours(py, name) {
        // What stands there under this name is a module that this generation does not have.
        return Ok(None);
    }
    match import_outside(py, || originals(py).1.bind(py).call1((&**name,))) {
        Ok(module) => Ok(Some(module)),
        Err(e) if e.is_instance_of::<PyModuleNotFoundError>(py) => {
            let missing: Option<String> = e.value(py).getattr("name")?.extract()?;
            if missing.as_deref() == Some(&**name) { Ok(None) } else { Err(e) }
        }
        Err(e) => Err(e),
    }
}

/// An import that Python's own machinery answers.
///
/// # Errors
/// What the import raises.
pub fn foreign<'py>(
    py: Python<'py>,
    importer: &Importer,
    name: &Name,
    globals: Option<&Bound<'py, PyAny>>,
    fromlist: Option<&Bound<'py, PyAny>>,
    level: i32,
) -> PyResult<Bound<'py, PyAny>> {
    let parent = name.rsplit_once('.').map(|(parent, _)| Name::from(parent));
    let managed_parent = match &parent {
        Some(parent) => find(py, &importer.application, &importer.view, parent)?,
        None => None,
    };
    if importer.module.is_some() {
        match managed_parent {
            Some(_) => note_prefixes(py, importer, name),
            None => note_unmanaged(py, importer, name),
        }
    }
    let none = py.None().into_bound(py);
    let empty = PyTuple::empty(py);
    let list = fromlist.unwrap_or(empty.as_any());
    let import = &originals(py).0;
    let Some(package) = managed_parent else {
        make_way(py, &importer.application, name)?;
        let arguments = (&**name, globals.unwrap_or(&none), &none, list, 0);
        return Ok(import_outside(py, || import.call1(py, arguments))?.into_bound(py));
    };
    let is_ours = sys_modules::is_ours(py, name);
    // A module may make itself a package, for a finder of its own.
    let is_package = package.origin.is_package() || package.exposed(py).hasattr("__path__")?;
    // What a body puts into `sys.modules` below its own name is found even if that is no package.
    let is_placed = !is_package && crate::python::raw_import::modules(py)?.contains(&**name)?;
    if is_ours || !(is_package || is_placed) {
        let text = if is_package {
            format!("No module named '{name}'")
        } else {
            format!("No module named '{name}'; '{}' is not a package", package.name)
        };
        let error = PyModuleNotFoundError::new_err(text);
        error.value(py).setattr("name", &**name)?;
        return Err(error);
    }
    let module = import_outside(py, || originals(py).1.bind(py).call1((&**name,)))?;
    if let Some((_, tail)) = name.rsplit_once('.').filter(|_| is_package) {
        package.exposed(py).setattr(tail, &module)?;
    }
    if fromlist.is_some() || level > 0 {
        return Ok(module);
    }
    // Where the name was found beside the importer, what stands for the directory is no part of it.
    let root = importer.application.roots.root_of(name).map_or(0, |root| root.len() + 1);
    let end = name[root..].find('.').map_or(name.len(), |at| root + at);
    match find(py, &importer.application, &importer.view, &Name::from(&name[..end]))? {
        Some(top) => Ok(top.exposed(py)),
        None => Ok(module),
    }
}
