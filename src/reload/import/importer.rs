//! Who imports, and which edges an import leaves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reload::application::Application;
use crate::reload::application::view::{self, View};
use crate::reload::import::sys_modules;
use crate::reload::import::thread_owner::application_of_thread;
use crate::reload::module::{self, Managed};
use reload_core::graph::Name;

/// Who imports, and what is seen there.
pub struct Importer {
    /// The module whose code imports, if it is managed.
    pub module: Option<Arc<Managed>>,
    /// Its application, or the one that runs on this thread.
    pub application: Arc<Application>,
    /// What is seen there.
    pub view: View,
}

impl Importer {
    /// The importer with this namespace; or, for code that is not managed, the application that this thread works for.
    pub(in crate::reload) fn find(py: Python<'_>, globals: Option<&Bound<'_, PyDict>>) -> Option<Self> {
        if let Some(record) = globals.and_then(module::by_globals)
            && let Some(application) = record.application.upgrade()
        {
            let view = view::view_of(&application);
            return Some(Self { module: Some(record), application, view });
        }
        if let Some((application, view)) = view::innermost() {
            return Some(Self { module: None, application, view });
        }
        let application = application_of_thread(py)?;
        let view = view::view_of(&application);
        Some(Self { module: None, application, view })
    }

    /// Lets code find what it has imported in `sys.modules`, where somebody has taken the entry out, or where it is another
    /// application's and the code is not managed.
    pub(in crate::reload) fn show(&self, py: Python<'_>, found: &Managed) -> PyResult<()> {
        let View::Generation(generation) = &self.view else { return Ok(()) };
        if sys_modules::is_missing(py, &self.application, &found.name)? {
            return sys_modules::show_again(py, &self.application);
        }
        if self.module.is_none() && sys_modules::is_of_another(py, &self.application, &found.name) {
            let newest = self.application.current().ready(&found.name).or_else(|| generation.ready(&found.name));
            let object = newest.as_deref().unwrap_or(found).exposed(py);
            sys_modules::show(py, &self.application, &found.name, Some(&object))?;
        }
        Ok(())
    }

    /// Remembers that the importer gets a package's own object.
    pub(in crate::reload) fn hold(&self, py: Python<'_>, module: &Managed) {
        if !module.origin.is_package() {
            return;
        }
        let holder = self.module.clone().or_else(|| nearest_managed(py)).or_else(view::running_body);
        if let Some(holder) = holder
            && holder.note_hold(&module.name)
        {
            self.application.add_hold(&holder, &module.name);
        }
    }

    /// The importer whose code calls.
    pub fn of_caller(py: Python<'_>) -> Option<Self> {
        Self::find(py, calling_globals(py).as_ref())
    }

    /// Leaves an edge to a name. What unmanaged code imports is put down to the managed code that called it.
    pub fn note(&self, py: Python<'_>, name: &Name) {
        self.note_as(py, name, Managed::note_use);
    }

    /// Leaves an edge to a submodule that comes along when everything is imported from its package.
    pub(in crate::reload) fn note_copied(&self, py: Python<'_>, name: &Name) {
        self.note_as(py, name, Managed::note_copied);
    }

    fn note_as(&self, py: Python<'_>, name: &Name, note: impl FnOnce(&Managed, &Name) -> bool) {
        let user = self.module.clone().or_else(|| nearest_managed(py)).or_else(view::running_body);
        if let Some(user) = user
            && note(&user, name)
        {
            self.application.add_edge(&user, name);
        }
    }
}

/// The managed module whose code is nearest on the stack.
pub fn nearest_managed(py: Python<'_>) -> Option<Arc<Managed>> {
    // SAFETY: attached; the frame is borrowed from the running thread and kept by the new reference.
    let mut frame: Bound<'_, PyAny> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast())? };
    loop {
        let globals = frame.getattr("f_globals").ok()?;
        if let Some(record) = globals.cast::<PyDict>().ok().and_then(module::by_globals) {
            return Some(record);
        }
        frame = frame.getattr("f_back").ok().filter(|f| !f.is_none())?;
    }
}

/// The application of the code that calls, and what is seen there.
pub fn calling_application(py: Python<'_>) -> Option<(Arc<Application>, View)> {
    let application = nearest_managed(py).and_then(|module| module.application.upgrade());
    match application {
        Some(application) => Some((application.clone(), view::view_of(&application))),
        None => view::innermost(),
    }
}

/// The namespace of the Python code that called us.
pub fn calling_globals(py: Python<'_>) -> Option<Bound<'_, PyDict>> {
    // SAFETY: attached; the answer is borrowed and may be null when no Python code runs.
    let globals: Option<Bound<'_, PyAny>> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetGlobals()) };
    globals?.cast_into().ok()
}

/// The directory of the code that calls.
///
/// # Errors
/// `ImportError` for code that comes from no file.
pub fn calling_directory(py: Python<'_>, importer: &Importer) -> PyResult<PathBuf> {
    let own = importer.module.as_ref().and_then(|module| module.origin.file().cloned());
    let file = match own {
        Some(file) => Some(file),
        None => match calling_globals(py).and_then(|globals| globals.get_item("__file__").ok().flatten()) {
            Some(file) => file.extract::<PathBuf>().ok(),
            None => None,
        },
    };
    file.as_deref().and_then(Path::parent).map(Path::to_owned).ok_or_else(|| {
        PyImportError::new_err("a path that begins with a dot is beside the file of the caller, and this one has none")
    })
}

/// Leaves the edges of an import.
pub fn note_import(py: Python<'_>, importer: &Importer, found: &Managed) {
    note_prefixes(py, importer, &found.name);
    importer.hold(py, found);
}

/// Leaves an edge to a name and to every package above it.
pub fn note_prefixes(py: Python<'_>, importer: &Importer, name: &Name) {
    for (at, _) in name.match_indices('.') {
        importer.note(py, &Name::from(&name[..at]));
    }
    importer.note(py, name);
}

/// An unmanaged name that managed directories were searched for first: a file that appears there would be imported instead.
pub fn note_unmanaged(py: Python<'_>, importer: &Importer, name: &Name) {
    let first = name.split('.').next().unwrap_or(name);
    importer.note(py, &Name::from(first));
}
