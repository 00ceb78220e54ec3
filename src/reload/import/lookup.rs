//! What a name stands for where an import asks for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::python::stdlib::is_standard;
use crate::reload::application::Application;
use crate::reload::application::change::{Elsewhere, Resolution};
use crate::reload::application::view::{self, View};
use crate::reload::import::sys_modules;
use crate::reload::module::{Managed, Origin};
use os::log;
use reload_core::files::symlinks::canonical;
use reload_core::graph::Name;
use reload_core::resolve::Found;
use reload_core::resolve::search_path::SearchDirectory;
use reload_core::scoreboard;

/// Where a name is looked for.
pub enum Parent {
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

/// What a name stands for in a view.
///
/// # Errors
/// What Python raises while it is asked for its own modules.
pub fn resolve(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
    parent: &Parent,
) -> PyResult<Resolution> {
    let resolution = look_up(py, application, view, name, parent)?;
    if let (View::Stage(stage), Resolution::Unmanaged) = (view, &resolution) {
        stage.meet(py, name);
    }
    Ok(resolution)
}

fn look_up(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
    parent: &Parent,
) -> PyResult<Resolution> {
    match view {
        View::Generation(generation) => {
            if let Some(resolution) = generation.sources.resolution(name) {
                return Ok(resolution);
            }
        }
        View::Stage(stage) => {
            if let Some(resolution) = stage.known(name) {
                return Ok(resolution);
            }
            if stage.is_open(name) {
                let directories = directories(py, view, parent)?;
                let known =
                    application.look_up(name, directories, |f| elsewhere(py, application, view, name, parent, f))?;
                let resolution = known.resolution.clone();
                stage.settle_name(name, known);
                return Ok(resolution);
            }
        }
    }
    let search = view.search();
    let directories = directories(py, view, parent)?;
    // A package may lie elsewhere than in the generation that has asked, or have changed its `__path__` since.
    let places = name.contains('.').then_some(&*directories);
    let remembered = match view {
        View::Generation(_) => application.remembered(name, &search, places),
        // What requests have found meanwhile is of the place that the stage leaves.
        View::Stage(stage) if stage.has_moved() => {
            let found = application.remembered(name, stage.base_search(), places);
            found.filter(|found| *found == Resolution::Unmanaged)
        }
        View::Stage(stage) => application.remembered(name, stage.base_search(), places),
    };
    if let Some(resolution) = remembered {
        return Ok(resolution);
    }
    let known = application.look_up(name, directories, |f| elsewhere(py, application, view, name, parent, f))?;
    let resolution = known.resolution.clone();
    match view {
        View::Stage(stage) if stage.has_moved() || application.known(name).is_some() => stage.settle_name(name, known),
        View::Stage(_) => application.remember(name, known, &search, false),
        View::Generation(generation) => {
            application.remember(name, known, &search, Arc::ptr_eq(&application.current(), generation));
        }
    }
    Ok(resolution)
}

/// Where a name is looked for: the package's `__path__`, or the managed directories of the search path.
fn directories(py: Python<'_>, view: &View, parent: &Parent) -> PyResult<Vec<PathBuf>> {
    match parent {
        Parent::Nothing => Ok(view.search().iter().filter(|d| d.managed).map(|d| d.path.clone()).collect()),
        Parent::Prefetched(directories) => Ok(directories.clone()),
        Parent::Loaded(package) => match package.exposed(py).getattr_opt("__path__")? {
            Some(path) => path.try_iter()?.map(|entry| entry?.extract::<PathBuf>()).collect(),
            None => Ok(Vec::new()),
        },
    }
}

/// What Python's own import system has for a name, where that matters: in a directory that comes before what was found; or,
/// where nothing was, from the finder of a package that is installed in place.
fn elsewhere(
    py: Python<'_>,
    application: &Application,
    view: &View,
    name: &Name,
    parent: &Parent,
    found: &Found,
) -> PyResult<Elsewhere> {
    if !matches!(parent, Parent::Nothing) {
        return Ok(Elsewhere::Nothing);
    }
    if **name == *"__main__" || crate::python::import(py, "sys")?.getattr("builtin_module_names")?.contains(&**name)? {
        return Ok(Elsewhere::Unmanaged);
    }
    // What finders look at is not read by the body that imports.
    let _quiet = view::leave_body();
    if *found == Found::Nothing {
        return installed_in_place(py, application, view, name);
    }
    let at = match found {
        Found::Package(_, path) | Found::Module(path) | Found::Foreign(path) => path.parent().map(PathBuf::from),
        Found::Namespace(_) | Found::Nothing => None,
    };
    let search = view.search();
    let before: Vec<&SearchDirectory> =
        search.iter().take_while(|d| at.as_deref() != Some(&*d.path)).filter(|d| !d.managed).collect();
    let is_first = before.is_empty() || !finds_module(py, name, &before)?;
    if is_first && is_standard(name) {
        warn_of_shadow(name, found);
    }
    Ok(if is_first { Elsewhere::Nothing } else { Elsewhere::Unmanaged })
}

/// Whether these directories have a module of this name. A namespace package there does not come before a regular module.
fn finds_module(py: Python<'_>, name: &Name, directories: &[&SearchDirectory]) -> PyResult<bool> {
    let paths = PyList::new(py, directories.iter().map(|d| d.path.as_os_str()))?;
    let finder = crate::python::import(py, "importlib.machinery")?.getattr("PathFinder")?;
    let spec = finder.call_method1("find_spec", (&**name, paths))?;
    Ok(!spec.is_none() && !spec.getattr("loader")?.is_none())
}

/// Source code under a root that a finder of `sys.meta_path` knows; and what lies below a managed directory, where code has put
/// a directory of its own on `sys.path`.
fn installed_in_place(py: Python<'_>, application: &Application, view: &View, name: &Name) -> PyResult<Elsewhere> {
    let is_taken = crate::python::raw_import::modules(py)?.contains(&**name)? && !sys_modules::is_ours(py, name);
    if is_taken || is_standard(name) {
        return Ok(Elsewhere::Nothing);
    }
    let search = view.search();
    let is_below = |path: &Path| {
        search.iter().any(|d| d.managed && path.starts_with(&d.path))
            && !crate::reload::application::registry::is_installation(path)
    };
    let beyond = || -> PyResult<Elsewhere> {
        let is_own = |path: &Path| is_below(path) && search.iter().all(|d| d.path != *path);
        let own = own_directories(py, application, is_own)?;
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
    let roots = &application.key.roots;
    if roots.is_empty() {
        return Ok(Elsewhere::Nothing);
    } else if !roots.iter().any(|root| end.starts_with(canonical(Path::new(root)))) {
        return Ok(Elsewhere::Unmanaged);
    }
    // By the path that leads through links, as they may be turned.
    let file = if file.is_absolute() { file } else { end };
    Ok(Elsewhere::Managed(match file.parent() {
        Some(directory) if is_package => Origin::Package(file.clone(), directory.to_owned()),
        _ => Origin::File(file),
    }))
}

/// The directories of `sys.path` that lie in such a place: by the paths that lead through links, as they may be turned. Archives,
/// which are read as directories from now on, by their own.
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

/// Says once that a file of the application bears the name of a module of the standard library.
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
