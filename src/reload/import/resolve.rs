//! What a name stands for in a view: a managed origin, or nothing managed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::python::stdlib::is_standard;
use crate::reload::application::Application;
use crate::reload::application::parts::change::Elsewhere;
use crate::reload::application::view::Context;
use crate::reload::import::bodies;
use crate::reload::import::process::sys_modules;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use os::log;
use reload_core::files::symlinks::canonical;
use reload_core::graph::Name;
use reload_core::resolve::Found;
use reload_core::resolve::search_path::SearchDirectory;
use reload_core::scoreboard;

/// Where a name is looked for.
pub(in crate::reload) enum Parent {
    /// In the managed directories of the search path.
    Nothing,
    /// In the `__path__` of this package.
    Loaded(Arc<Managed>),
    /// In the directories of a package that is not loaded.
    Prefetched(Vec<PathBuf>),
}

impl From<Option<&Arc<Managed>>> for Parent {
    fn from(parent: Option<&Arc<Managed>>) -> Self {
        parent.map_or(Self::Nothing, |parent| Self::Loaded(parent.clone()))
    }
}

impl Context {
    /// What a name stands for in the view.
    ///
    /// # Errors
    /// What Python raises while it is asked for its own modules.
    pub(in crate::reload) fn resolve(&self, py: Python<'_>, name: &Name, parent: &Parent) -> PyResult<Resolution> {
        let resolution = self.resolution_of(py, name, parent)?;
        if resolution == Resolution::Unmanaged {
            self.view.note_missing(py, name);
        }
        Ok(resolution)
    }

    fn resolution_of(&self, py: Python<'_>, name: &Name, parent: &Parent) -> PyResult<Resolution> {
        if let Some(resolution) = self.view.resolve_known(name) {
            return Ok(resolution);
        }
        let directories = self.directories(py, parent)?;
        // A package may lie elsewhere than in the generation that has asked, or have changed its `__path__` since.
        let places = name.contains('.').then_some(&*directories);
        if let Some(resolution) = self.view.recall(&self.application, name, places) {
            return Ok(resolution);
        }
        let resolved =
            self.application.resolve_anew(name, directories, |found| self.elsewhere(py, name, parent, found))?;
        let resolution = resolved.resolution.clone();
        self.view.remember(&self.application, name, resolved);
        Ok(resolution)
    }

    /// Where a name is looked for: the package's `__path__`, or the managed directories of the search path.
    fn directories(&self, py: Python<'_>, parent: &Parent) -> PyResult<Vec<PathBuf>> {
        match parent {
            Parent::Nothing => Ok(self.view.search().iter().filter(|d| d.managed).map(|d| d.path.clone()).collect()),
            Parent::Prefetched(directories) => Ok(directories.clone()),
            Parent::Loaded(package) => match package.exposed(py).getattr_opt("__path__")? {
                Some(path) => path.try_iter()?.map(|entry| entry?.extract::<PathBuf>()).collect(),
                None => Ok(Vec::new()),
            },
        }
    }

    /// What Python's own import system has for a name, where that matters: in a directory that comes before what was found; or,
    /// where nothing was found, from the finder of a package that is installed in place.
    fn elsewhere(&self, py: Python<'_>, name: &Name, parent: &Parent, found: &Found) -> PyResult<Elsewhere> {
        if !matches!(parent, Parent::Nothing) {
            return Ok(Elsewhere::Nothing);
        }
        let builtin = || crate::python::import(py, "sys")?.getattr("builtin_module_names")?.contains(&**name);
        if **name == *"__main__" || builtin()? {
            return Ok(Elsewhere::Unmanaged);
        }
        // The importing body does not read what finders look at.
        let _quiet = bodies::leave_body();
        if *found == Found::Nothing {
            return self.installed_in_place(py, name);
        }
        let at = match found {
            Found::Package(_, path) | Found::Module(path) | Found::Foreign(path) => path.parent().map(PathBuf::from),
            Found::Namespace(_) | Found::Nothing => None,
        };
        let search = self.view.search();
        let before: Vec<&SearchDirectory> =
            search.iter().take_while(|d| at.as_deref() != Some(&*d.path)).filter(|d| !d.managed).collect();
        let is_first = before.is_empty() || !finds_module(py, name, &before)?;
        if is_first && is_standard(name) {
            warn_of_shadow(name, found);
        }
        Ok(if is_first { Elsewhere::Nothing } else { Elsewhere::Unmanaged })
    }

    /// Source code under a root that a finder of `sys.meta_path` knows; and what lies below a managed directory, where code has
    /// put a directory of its own on `sys.path`.
    fn installed_in_place(&self, py: Python<'_>, name: &Name) -> PyResult<Elsewhere> {
        let is_taken = crate::python::raw_import::modules(py)?.contains(&**name)? && !sys_modules::is_ours(py, name);
        if is_taken || is_standard(name) {
            return Ok(Elsewhere::Nothing);
        }
        let search = self.view.search();
        let is_below = |path: &Path| {
            search.iter().any(|d| d.managed && path.starts_with(&d.path))
                && !crate::reload::application::registry::is_installation(path)
        };
        let beyond = || -> PyResult<Elsewhere> {
            let is_own = |path: &Path| is_below(path) && search.iter().all(|d| d.path != *path);
            let own = own_directories(py, &self.application, is_own)?;
            Ok(if own.is_empty() { Elsewhere::Nothing } else { Elsewhere::Beyond(own) })
        };
        let found = crate::python::import(py, "_mod_python_loader")?.getattr("find_in_place")?.call1((&**name,))?;
        let Some((file, is_package, is_ordinary)) = found.extract::<Option<(PathBuf, bool, bool)>>()? else {
            return beyond();
        };
        let end = canonical(&file);
        if is_ordinary {
            return if is_below(&end) { beyond() } else { Ok(Elsewhere::Nothing) };
        }
        let roots = &self.application.key.roots;
        if roots.is_empty() {
            return Ok(Elsewhere::Nothing);
        } else if !roots.iter().any(|root| end.starts_with(canonical(Path::new(root)))) {
            return Ok(Elsewhere::Unmanaged);
        }
        // The path that leads through links is kept, as the links may change.
        let file = if file.is_absolute() { file } else { end };
        Ok(Elsewhere::Managed(match file.parent() {
            Some(directory) if is_package => Origin::Package(file.clone(), directory.to_owned()),
            _ => Origin::File(file),
        }))
    }
}

/// Whether these directories have a module of this name. A namespace package there does not come before a regular module.
fn finds_module(py: Python<'_>, name: &Name, directories: &[&SearchDirectory]) -> PyResult<bool> {
    let paths = PyList::new(py, directories.iter().map(|d| d.path.as_os_str()))?;
    let finder = crate::python::import(py, "importlib.machinery")?.getattr("PathFinder")?;
    let spec = finder.call_method1("find_spec", (&**name, paths))?;
    Ok(!spec.is_none() && !spec.getattr("loader")?.is_none())
}

/// The directories of `sys.path` for which `is_own` holds, by the paths that lead through links, as the links may change. An
/// archive is named by its canonical path, and is read as a directory from now on.
fn own_directories(
    py: Python<'_>,
    application: &Application,
    is_own: impl Fn(&Path) -> bool,
) -> PyResult<Vec<PathBuf>> {
    let path = crate::python::import(py, "sys")?.getattr("path")?;
    let entries = path.try_iter()?.filter_map(|entry| entry.ok()?.extract::<PathBuf>().ok());
    let own = entries.filter_map(|entry| {
        let end = canonical(&entry);
        if !is_own(&end) {
            return None;
        }
        application.archives().add(&end);
        Some(if entry.is_absolute() && application.archives().root_of(&end).is_none() { entry } else { end })
    });
    Ok(own.collect())
}

/// Warns once about a file of the application that has the name of a module of the standard library.
fn warn_of_shadow(name: &Name, found: &Found) {
    let (Found::Package(file, _) | Found::Module(file)) = found else { return };
    let file = file.display();
    if scoreboard::is_first(&format!("shadow {file}")) {
        log::warning!(
            "{file} has the name of a module of the standard library: managed modules that import {name} get this file, all \
                 other code gets the library's module; give the file another name"
        );
    }
}
