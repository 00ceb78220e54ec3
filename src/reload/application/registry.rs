//! The applications of this child.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyList, PyTuple};

use crate::python::stdlib;
use crate::reload::application::parts::archives;
use crate::reload::application::parts::key::ApplicationKey;
use crate::reload::application::rescan;
use crate::reload::application::state::Application;
use os::{Mutex, MutexGuard, StaticMap, static_map};
use reload_core::files::symlinks::canonical;
use reload_core::resolve::exclusions::Exclusions;
use reload_core::resolve::search_path::{Search, SearchDirectory};
use reload_core::watch;

static ALL: Mutex<StaticMap<ApplicationKey, Arc<Application>>> = Mutex::new(static_map());

/// `sys.path` as Python started with it: what `PythonPath` expressions refer to, and the interpreter's own directories.
static BASE_PATH: OnceCell<Vec<String>> = OnceCell::new();

fn registry() -> MutexGuard<'static, StaticMap<ApplicationKey, Arc<Application>>> {
    ALL.lock()
}

/// All applications that have had requests.
pub(in crate::reload) fn all() -> Vec<Arc<Application>> {
    registry().values().cloned().collect()
}

/// A number that identifies an application.
pub(in crate::reload) fn mark(application: &Application) -> usize {
    std::ptr::from_ref(application) as usize
}

/// The application with this mark.
pub(in crate::reload) fn by_mark(wanted: usize) -> Option<Arc<Application>> {
    all().into_iter().find(|application| mark(application) == wanted)
}

/// The application of a key, if it exists.
pub fn existing(key: &ApplicationKey) -> Option<Arc<Application>> {
    registry().get(key).cloned()
}

/// The application of a key, which is made at its first request.
///
/// # Errors
/// What the `PythonPath` expression raises, or `TypeError` when its value is not a list of texts.
pub fn get(py: Python<'_>, key: &ApplicationKey) -> PyResult<Arc<Application>> {
    if let Some(application) = existing(key) {
        return Ok(application);
    }
    let base = base_path(py)?;
    let search = search_path(py, key, base)?;
    let suffixes: Vec<String> =
        crate::python::import(py, "importlib.machinery")?.getattr("EXTENSION_SUFFIXES")?.extract()?;
    let Some(watch) = watch::current() else {
        return Err(pyo3::exceptions::PyRuntimeError::new_err("no watch was made when the configuration was read"));
    };
    let exclusions = Exclusions::new(&key.excludes);
    show_path(py, &exclusions, &search)?;
    // Another thread may have added it while this one ran Python code.
    let application = Application::new(key.clone(), search.into(), exclusions, watch, suffixes);
    let kept = registry().entry(key.clone()).or_insert_with(|| application.clone()).clone();
    if !Arc::ptr_eq(&kept, &application) {
        show_path(py, &kept.kept.exclusions, &kept.next_search())?;
    } else {
        rescan::begin();
    }
    Ok(kept)
}

fn base_path(py: Python<'_>) -> PyResult<&'static Vec<String>> {
    BASE_PATH.get_or_try_init(|| {
        let path: Vec<Bound<'_, PyAny>> = crate::python::import(py, "sys")?.getattr("path")?.extract()?;
        Ok(path.iter().filter_map(|p| p.extract().ok()).collect())
    })
}

/// Remembers `sys.path` before anything changes it.
///
/// # Errors
/// What Python raises.
pub fn remember_base_path(py: Python<'_>) -> PyResult<()> {
    base_path(py).map(drop)
}

fn search_path(py: Python<'_>, key: &ApplicationKey, base: &[String]) -> PyResult<Vec<SearchDirectory>> {
    let entries: Vec<String> = match &key.path {
        Some(expression) => evaluate(py, expression, base)?,
        None => base.to_vec(),
    };
    let mut search: Vec<SearchDirectory> = Vec::new();
    if let Some(directory) = &key.directory {
        search.push(SearchDirectory::new(directory, true));
    }
    // The standard library is never managed, even below a root.
    let is_standard = |path: &Path| stdlib::holds(path) && !is_installation(path);
    for entry in entries {
        let mut directory = SearchDirectory::new(Path::new(if entry.is_empty() { "." } else { &entry }), false);
        let path = &directory.path;
        let is_new = key.path.is_some() && !base.contains(&entry) && !is_installation(path);
        let is_rooted = key.roots.iter().any(|root| path.starts_with(canonical(Path::new(root))));
        // A directory that does not exist may be created.
        let is_place = path.is_dir() || !path.exists() || archives::root_of(path).is_some();
        directory.managed = (is_new || is_rooted) && is_place && !is_standard(path);
        if !search.iter().any(|d| d.path == *path) {
            search.push(directory);
        }
    }
    // A root that contains no entry of the path is added to the path.
    for root in &key.roots {
        let directory = SearchDirectory::new(Path::new(root), true);
        let path = &directory.path;
        if !search.iter().any(|d| d.managed && (d.path.starts_with(path) || path.starts_with(&d.path))) {
            search.push(directory);
        }
    }
    Ok(search)
}

/// Directories of installed software are not managed unless `PythonReloadRoot` names them.
pub(in crate::reload) fn is_installation(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("site-packages" | "dist-packages")))
}

/// The value of a `PythonPath` expression, in the namespace of `mod_python.apache` with `sys` and `os`, and with `sys.path` as
/// Python started with it.
fn evaluate(py: Python<'_>, expression: &str, base: &[String]) -> PyResult<Vec<String>> {
    let sys = crate::python::import(py, "sys")?;
    let scope = crate::python::import(py, "mod_python.apache")?.dict().copy()?;
    scope.set_item("sys", &sys)?;
    scope.set_item("os", crate::python::import(py, "os")?)?;
    let path: Bound<'_, PyList> = sys.getattr("path")?.cast_into()?;
    let before = PyList::new(py, path.iter())?;
    let set = |values: &Bound<'_, PyAny>| path.set_slice(0, path.len(), values);
    set(PyList::new(py, base)?.as_any())?;
    let value = crate::python::import(py, "builtins")?.getattr("eval")?.call1((expression, scope));
    let entries = value.and_then(|value| {
        value
            .extract::<Vec<String>>()
            .map_err(|_| PyTypeError::new_err(format!("PythonPath: the value of {expression} is not a list of str")))
    });
    set(before.as_any())?;
    entries
}

/// Replaces the directories of `sys.path` that have moved.
///
/// # Errors
/// What Python raises when `sys.path` is no list any more.
pub(in crate::reload) fn move_path(
    py: Python<'_>,
    exclusions: &Arc<Exclusions>,
    before: &Search,
    now: &Search,
) -> PyResult<()> {
    let left = before.iter().filter(|d| now.iter().all(|other| other.path != d.path));
    let left: Vec<&OsStr> = left.map(|d| d.path.as_os_str()).collect();
    crate::python::import(py, "_mod_python_loader")?.getattr("hide_path")?.call1((left,))?;
    show_path(py, exclusions, now)
}

fn show_path(py: Python<'_>, exclusions: &Arc<Exclusions>, search: &[SearchDirectory]) -> PyResult<()> {
    let of = |managed: bool| -> Vec<String> {
        search.iter().filter(|d| d.managed == managed).map(|d| d.path.to_string_lossy().into_owned()).collect()
    };
    let exclusions = exclusions.clone();
    let excluded = PyCFunction::new_closure(
        py,
        None,
        None,
        move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<bool> {
            let path: String = arguments.get_item(0)?.extract()?;
            Ok(exclusions.matches(&path))
        },
    )?;
    crate::python::import(py, "_mod_python_loader")?.getattr("show_path")?.call1((of(true), of(false), excluded))?;
    Ok(())
}
