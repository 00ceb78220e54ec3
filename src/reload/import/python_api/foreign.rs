//! Imports that are left to Python's own machinery.

use std::sync::Arc;

use pyo3::exceptions::PyModuleNotFoundError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::reload::application::Application;
use crate::reload::import::bodies;
use crate::reload::import::importer::Importer;
use crate::reload::import::process::sys_modules;
use crate::reload::import::process::unmanaged;
use crate::reload::import::python_api::originals::originals;
use crate::reload::module::managed::Managed;
use reload_core::graph::Name;

/// Runs an import of Python's own, and records the modules that it has loaded.
pub(in crate::reload) fn import_outside<R>(py: Python<'_>, import: impl FnOnce() -> R) -> R {
    let result = bodies::outside(import);
    if !bodies::is_outside() {
        unmanaged::scan_sys_modules(py);
    }
    result
}

/// Prepares an import by Python's own machinery, where the entry in `sys.modules` is another application's module. An unmanaged
/// module of the name takes its place.
///
/// # Errors
/// `ModuleNotFoundError` where there is no unmanaged module of the name.
pub(in crate::reload) fn make_way(py: Python<'_>, application: &Arc<Application>, name: &Name) -> PyResult<()> {
    let first = Name::from(name.split('.').next().unwrap_or(name));
    if !sys_modules::is_of_another(py, application, &first) {
        return Ok(());
    }
    // The importing body does not account for what finders read.
    let _quiet = bodies::leave_body();
    if crate::python::import(py, "_mod_python_loader")?.getattr("is_unmanaged")?.call1((&*first,))?.extract()? {
        return sys_modules::give_up(py, &first);
    }
    Err(not_found(py, &first))
}

/// A `ModuleNotFoundError` with its `name`.
pub(in crate::reload) fn not_found(py: Python<'_>, name: &str) -> PyErr {
    let error = PyModuleNotFoundError::new_err(format!("No module named '{name}'"));
    // A new exception accepts attributes.
    let _ = error.value(py).setattr("name", name);
    error
}

/// A part that Python's own import finds in a managed package: a C extension.
///
/// # Errors
/// What the import raises, unless there is no such module.
pub(in crate::reload) fn foreign_part<'py>(py: Python<'py>, name: &Name) -> PyResult<Option<Bound<'py, PyAny>>> {
    if sys_modules::is_ours(py, name) {
        // The entry is a managed module of another generation.
        return Ok(None);
    }
    match import_outside(py, || originals(py).import_module.bind(py).call1((&**name,))) {
        Ok(module) => Ok(Some(module)),
        Err(e) if e.is_instance_of::<PyModuleNotFoundError>(py) => {
            let missing: Option<String> = e.value(py).getattr("name")?.extract()?;
            if missing.as_deref() == Some(&**name) { Ok(None) } else { Err(e) }
        }
        Err(e) => Err(e),
    }
}

/// Whether an import is left to Python from the beginning: code that is not managed imports an unmanaged name.
///
/// # Errors
/// As [`make_way`].
pub(in crate::reload) fn leaves_to_python(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<bool> {
    if importer.module.is_some() || importer.concerns_managed(py, name)? {
        return Ok(false);
    }
    make_way(py, &importer.context.application, name)?;
    Ok(true)
}

/// How an import is written.
pub(in crate::reload) struct ImportForm<'a, 'py> {
    /// The namespace of the code that imports.
    pub globals: Option<&'a Bound<'py, PyAny>>,
    /// What is imported from the module, if that is not imported as a whole.
    pub parts: Option<&'a Bound<'py, PyAny>>,
    /// The dots of a relative import.
    pub level: i32,
}

/// An import that Python's own machinery does.
///
/// # Errors
/// What the import raises.
pub(in crate::reload) fn foreign<'py>(
    py: Python<'py>,
    importer: &Importer,
    name: &Name,
    form: &ImportForm<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let parent = name.rsplit_once('.').map(|(parent, _)| Name::from(parent));
    let managed_parent = match &parent {
        Some(parent) => importer.context.find(py, parent)?,
        None => None,
    };
    if importer.module.is_some() {
        match managed_parent {
            Some(_) => importer.note_prefixes(py, name),
            None => importer.note_unmanaged(py, name),
        }
    }
    match managed_parent {
        Some(package) => foreign_submodule(py, importer, &package, name, form),
        None => {
            make_way(py, &importer.context.application, name)?;
            let (none, empty) = (py.None().into_bound(py), PyTuple::empty(py));
            let (globals, parts) = (form.globals.unwrap_or(&none), form.parts.unwrap_or(empty.as_any()));
            let arguments = (&**name, globals, &none, parts, 0);
            import_outside(py, || originals(py).import.bind(py).call1(arguments))
        }
    }
}

/// A submodule of a managed package that only Python's own machinery can load: a C extension, or what a finder of the package has.
fn foreign_submodule<'py>(
    py: Python<'py>,
    importer: &Importer,
    package: &Managed,
    name: &Name,
    form: &ImportForm<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
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
    let module = import_outside(py, || originals(py).import_module.bind(py).call1((&**name,)))?;
    if let Some((_, tail)) = name.rsplit_once('.').filter(|_| is_package) {
        package.exposed(py).setattr(tail, &module)?;
    }
    if form.parts.is_some() || form.level > 0 {
        return Ok(module);
    }
    // The name of a directory outside the search path is no part of what the code has written.
    let root = importer.context.application.roots.root_of(name).map_or(0, |root| root.len() + 1);
    let end = name[root..].find('.').map_or(name.len(), |at| root + at);
    match importer.context.find(py, &Name::from(&name[..end]))? {
        Some(top) => Ok(top.exposed(py)),
        None => Ok(module),
    }
}
