//! Who imports, and which edges an import leaves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reload::application::Application;
use crate::reload::application::view::Context;
use crate::reload::import::bodies;
use crate::reload::import::caller::{calling_globals, nearest_managed};
use crate::reload::import::process::sys_modules;
use crate::reload::import::thread_owner::application_of_thread;
use crate::reload::module::managed::{self, Managed};
use reload_core::graph::Name;

/// Who imports, and what is seen there.
pub(in crate::reload) struct Importer {
    /// The module whose code imports, if it is managed.
    pub module: Option<Arc<Managed>>,
    /// Its application, or the one that this thread works for; and what is seen of it.
    pub context: Context,
}

impl Importer {
    /// Code that is not managed, in this context.
    pub fn unmanaged(context: Context) -> Self {
        Self { module: None, context }
    }

    /// The importer with this namespace; or, for code that is not managed, the application that this thread works for.
    pub(in crate::reload) fn of_globals(py: Python<'_>, globals: Option<&Bound<'_, PyDict>>) -> Option<Self> {
        if let Some(record) = globals.and_then(managed::by_globals)
            && let Some(application) = record.application.get::<Application>()
        {
            return Some(Self { module: Some(record), context: Context::of(application) });
        }
        if let Some(context) = Context::innermost() {
            return Some(Self::unmanaged(context));
        }
        application_of_thread(py).map(|application| Self::unmanaged(Context::of(application)))
    }

    /// The importer whose code calls.
    pub fn of_caller(py: Python<'_>) -> Option<Self> {
        Self::of_globals(py, calling_globals(py).as_ref())
    }

    /// Finds a managed module, and leaves edges where that fails: an importer that catches the failure uses the name as well, and
    /// runs again when the module is mended.
    ///
    /// # Errors
    /// As [`Importer::find`].
    pub(in crate::reload) fn find_or_note(&self, py: Python<'_>, name: &Name) -> PyResult<Option<Arc<Managed>>> {
        self.find(py, name).inspect_err(|_| self.note_prefixes(py, name))
    }

    /// Lets code find in `sys.modules` what it has imported, where something has taken the entry out, or where the entry is another
    /// application's and the code is not managed.
    pub(in crate::reload) fn refresh_sys_modules(&self, py: Python<'_>, found: &Managed) -> PyResult<()> {
        let Context { application, view } = &self.context;
        if !view.is_published() {
            return Ok(());
        }
        if sys_modules::is_missing(py, application, &found.name)? {
            return sys_modules::show_again(py, application);
        }
        if self.module.is_none() && sys_modules::is_of_another(py, application, &found.name) {
            let newest = application.current().ready(&found.name).or_else(|| view.ready(py, &found.name));
            let object = newest.as_deref().unwrap_or(found).exposed(py);
            sys_modules::show(py, application, &found.name, Some(&object))?;
        }
        Ok(())
    }

    /// Remembers that the importer gets a package's own object.
    pub(in crate::reload) fn hold(&self, py: Python<'_>, module: &Managed) {
        if !module.origin.is_package() {
            return;
        }
        if let Some(holder) = self.user(py)
            && holder.note_hold(&module.name)
        {
            self.context.application.add_hold(&holder, &module.name);
        }
    }

    /// Leaves an edge to a name. What unmanaged code imports counts for the managed code that called it.
    pub fn note_use(&self, py: Python<'_>, name: &Name) {
        self.note_as(py, name, Managed::note_use);
    }

    /// Leaves an edge to a submodule that comes along when everything is imported from its package.
    pub(in crate::reload) fn note_copied(&self, py: Python<'_>, name: &Name) {
        self.note_as(py, name, Managed::note_copied);
    }

    /// Leaves an edge to a name and to every package above it.
    pub(in crate::reload) fn note_prefixes(&self, py: Python<'_>, name: &Name) {
        for (at, _) in name.match_indices('.') {
            self.note_use(py, &Name::from(&name[..at]));
        }
        self.note_use(py, name);
    }

    /// Leaves the edges of an import.
    pub fn note_import(&self, py: Python<'_>, found: &Managed) {
        self.note_prefixes(py, &found.name);
        self.hold(py, found);
    }

    /// Leaves an edge to the first part of an unmanaged name: managed directories were searched for that before, and a file that
    /// appears there is imported instead.
    pub(in crate::reload) fn note_unmanaged(&self, py: Python<'_>, name: &Name) {
        let first = name.split('.').next().unwrap_or(name);
        self.note_use(py, &Name::from(first));
    }

    fn note_as(&self, py: Python<'_>, name: &Name, note: impl FnOnce(&Managed, &Name) -> bool) {
        if let Some(user) = self.user(py)
            && note(&user, name)
        {
            self.context.application.add_edge(&user, name);
        }
    }

    /// The managed module that an import counts for.
    fn user(&self, py: Python<'_>) -> Option<Arc<Managed>> {
        self.module.clone().or_else(|| nearest_managed(py)).or_else(bodies::running_body)
    }

    /// The module that imports and the published generation that it sees; `None` for other code, and while a build runs.
    pub(in crate::reload) fn caller_and_generation(&self) -> Option<(Name, u64)> {
        let module = self.module.as_ref().filter(|_| self.context.view.is_published())?;
        Some((module.name.clone(), self.context.view.number()))
    }

    /// The directory of the code that calls.
    ///
    /// # Errors
    /// `ImportError` for code that comes from no file.
    pub fn directory(&self, py: Python<'_>) -> PyResult<PathBuf> {
        let own = self.module.as_ref().and_then(|module| module.origin.file().cloned());
        let file = match own {
            Some(file) => Some(file),
            None => match calling_globals(py).and_then(|globals| globals.get_item("__file__").ok().flatten()) {
                Some(file) => file.extract::<PathBuf>().ok(),
                None => None,
            },
        };
        file.as_deref().and_then(Path::parent).map(Path::to_owned).ok_or_else(|| {
            PyImportError::new_err(
                "a path that begins with a dot is beside the file of the caller, and this one has none",
            )
        })
    }
}
