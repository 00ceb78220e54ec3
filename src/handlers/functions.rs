//! Functions of `_apache` that reach into the engine and the handlers.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::reload::import::Place;
use crate::reload::{import, reads, status};

/// Adds them to the module.
///
/// # Errors
/// What Python raises when it is out of memory.
pub fn add(_: Python<'_>, module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(import_module, module)?)?;
    module.add_function(wrap_pyfunction!(managed_origin, module)?)?;
    module.add_function(wrap_pyfunction!(publisher_handler, module)?)?;
    module.add_function(wrap_pyfunction!(reload_children, module)?)?;
    module.add_function(wrap_pyfunction!(reload_depends_on, module)?)?;
    module.add_function(wrap_pyfunction!(reload_generation, module)?)?;
    module.add_function(wrap_pyfunction!(reload_graph, module)?)?;
    Ok(())
}

/// import_module(module_name, autoreload=None, log=None, path=None)
///
/// Import a module by its dotted name and return it. The module is as fresh as the request; the other arguments are accepted
/// for the sake of existing code.
#[pyfunction]
#[pyo3(signature = (module_name, autoreload = None, log = None, path = None))]
fn import_module<'py>(
    py: Python<'py>,
    module_name: &str,
    autoreload: Option<&Bound<'py, PyAny>>,
    log: Option<&Bound<'py, PyAny>>,
    path: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let _ = (autoreload, log, path);
    import::import_module(py, module_name)
}

/// Where a managed module of the running application comes from, for the import system's finder.
#[pyfunction]
fn managed_origin(py: Python<'_>, name: &str) -> PyResult<Option<Place>> {
    import::origin_of(py, name)
}

/// What every child of the server does for each of its applications.
#[pyfunction]
fn reload_children(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    status::children(py)
}

/// The calling module depends on these paths.
#[pyfunction]
#[pyo3(signature = (*paths))]
fn reload_depends_on(py: Python<'_>, paths: Vec<PathBuf>) {
    reads::declare(py, &paths);
}

/// The number of the generation that the caller sees.
#[pyfunction]
fn reload_generation() -> u64 {
    status::generation()
}

/// The application's modules, who imports whom, and why newer code is not served.
#[pyfunction]
fn reload_graph(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    status::graph(py)
}

/// The publisher, for a handler list that names it by another way than the directive's usual words.
#[pyfunction]
fn publisher_handler(py: Python<'_>, req: &Bound<'_, crate::api::Request>) -> PyResult<i32> {
    super::publisher::handle_here(py, req)
}
