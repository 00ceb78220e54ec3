//! The status as the dicts that `mod_python.reload` returns.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::reload::status::{self, ModuleStatus, OutdatedModule, Status};
use reload_core::graph::Name;
use reload_core::scoreboard::child_record::ChildStatus;

/// The dict of `graph()`.
///
/// # Errors
/// What Python raises when it is out of memory.
pub fn graph(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let Status { application, generation, failure, restart_required, followed, modules } = Status::take(py);
    let result = PyDict::new(py);
    result.set_item("application", application)?;
    result.set_item("generation", generation)?;
    result.set_item("failure", failure)?;
    result.set_item("restart_required", list(py, &restart_required, outdated)?)?;
    result.set_item("followed", followed)?;
    result.set_item("modules", list(py, &modules, module)?)?;
    Ok(result)
}

/// The list of `children()`.
///
/// # Errors
/// What Python raises when it is out of memory.
pub fn children(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    list(py, &py.detach(status::children), child)
}

type ToDict<T> = for<'py> fn(Python<'py>, &T) -> PyResult<Bound<'py, PyDict>>;

fn list<'py, T>(py: Python<'py>, items: &[T], dict: ToDict<T>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for item in items {
        list.append(dict(py, item)?)?;
    }
    Ok(list)
}

fn module<'py>(py: Python<'py>, module: &ModuleStatus) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("name", &*module.name)?;
    entry.set_item("file", module.file.as_ref().map(|file| file.as_os_str()))?;
    entry.set_item("generation", module.generation)?;
    entry.set_item("imports", texts(&module.imports))?;
    entry.set_item("may_import", texts(&module.may_import))?;
    entry.set_item("imported_by", texts(&module.imported_by))?;
    Ok(entry)
}

fn outdated<'py>(py: Python<'py>, module: &OutdatedModule) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("name", &*module.name)?;
    entry.set_item("file", module.file.as_ref().map(|file| file.as_os_str()))?;
    entry.set_item("reason", module.reason)?;
    Ok(entry)
}

fn child<'py>(py: Python<'py>, child: &ChildStatus) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("pid", child.pid)?;
    entry.set_item("application", &child.application)?;
    entry.set_item("generation", child.generation)?;
    entry.set_item("state", child.state.word())?;
    entry.set_item("error", child.error.as_deref())?;
    entry.set_item("manifest", child.manifest.map(|word| format!("{word:016x}")).concat())?;
    entry.set_item("since", child.since.as_secs_f64())?;
    entry.set_item("published", child.published.as_secs_f64())?;
    Ok(entry)
}

fn texts(names: &[Name]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}
