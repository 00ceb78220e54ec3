//! What the finder and the loader ask the engine: for code that uses the import system without an import.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::python::stdlib::is_standard;
use crate::reload::application::view::Context;
use crate::reload::application::{Application, registry};
use crate::reload::import::importer::Importer;
use crate::reload::import::process::sys_modules;
use crate::reload::import::python_api::foreign::not_found;
use crate::reload::import::resolve::Parent;
use crate::reload::import::thread_owner::application_of_thread;
use crate::reload::module::origin::Resolution;
use reload_core::graph::Name;

/// Where a managed module comes from: its application's mark, its file, its directories if it is a package, and the module if it
/// is loaded.
pub type SpecOrigin<'py> = (usize, Option<PathBuf>, Option<Vec<PathBuf>>, Option<Bound<'py, PyAny>>);

/// Where a managed module of the calling application comes from.
///
/// # Errors
/// What Python raises while it is asked for its own modules.
pub fn origin_of<'py>(py: Python<'py>, name: &str) -> PyResult<Option<SpecOrigin<'py>>> {
    if is_standard(name) {
        // Python's own import system finds the standard module for a standard name.
        return Ok(None);
    }
    let candidates: Vec<Arc<Application>> = match application_of_thread(py) {
        Some(application) => vec![application],
        None => {
            let mut all = registry::all();
            all.sort_by_cached_key(|application| application.key.label());
            all
        }
    };
    let name = Name::from(name);
    for application in candidates {
        let context = Context::of(application);
        let parent = name.rsplit_once('.').and_then(|(parent, _)| context.view.any(&Name::from(parent)));
        if name.contains('.') && parent.is_none() {
            continue;
        }
        if let Resolution::Managed(origin) = context.resolve(py, &name, &Parent::from(parent.as_ref()))? {
            let directories = origin.is_package().then(|| origin.directories());
            let module = context.view.any(&name).map(|module| module.exposed(py));
            return Ok(Some((registry::mark(&context.application), origin.file().cloned(), directories, module)));
        }
    }
    Ok(None)
}

/// The module of a spec that the finder has returned.
///
/// # Errors
/// As an import of it.
pub fn load_for_spec<'py>(py: Python<'py>, mark: usize, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let name = Name::from(name);
    if let Some(application) = registry::by_mark(mark) {
        let importer = Importer::unmanaged(Context::of(application));
        let found = importer.context.find(py, &name).inspect_err(|_| importer.note_prefixes(py, &name))?;
        if let Some(found) = found {
            importer.note_import(py, &found);
            return Ok(found.exposed(py));
        }
    }
    Err(not_found(py, &name))
}

/// Leaves an edge where code asks whether a module exists: what the code does depends on that as on an import.
///
/// # Errors
/// As [`Context::resolve`].
pub fn note_find(py: Python<'_>, name: &str) -> PyResult<()> {
    let Some(application) = application_of_thread(py) else { return Ok(()) };
    let importer = Importer::unmanaged(Context::of(application));
    let name = Name::from(name);
    let parent = name.rsplit_once('.').and_then(|(parent, _)| importer.context.view.any(&Name::from(parent)));
    let asked = match &parent {
        Some(_) => name,
        None => Name::from(name.split('.').next().unwrap_or(&name)),
    };
    importer.note_prefixes(py, &asked);
    // Resolved so that its paths are followed, also if there is no such module.
    importer.context.resolve(py, &asked, &Parent::from(parent.as_ref())).map(drop)
}

/// Whether the entry in `sys.modules` is a module of another application than the calling one.
pub fn is_of_another(py: Python<'_>, name: &str) -> bool {
    application_of_thread(py).is_some_and(|application| sys_modules::is_of_another(py, &application, &Name::from(name)))
}
