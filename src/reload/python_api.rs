//! The functions of `_apache` that speak of managed modules.
//!
//! They ask about the running request only through a [`Host`], which knows requests and handlers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::reload::application::parts::path_imports::Site;
use crate::reload::application::registry;
use crate::reload::application::view::Context;
use crate::reload::import::by_path::{self, PathCall};
use crate::reload::import::{self, SpecOrigin, bodies, file_reads};
use crate::reload::lifecycle::{carry, hooks, leaks};
use crate::reload::module::keep::Keep;
use crate::reload::module::managed::Managed;
use crate::reload::pinning;
use crate::reload::status;
use reload_core::graph::Name;
use reload_core::watch;

/// The modules that a request runs: what `reload.dot(request)` begins with.
pub struct RequestModules {
    /// Those that its handlers name.
    pub handlers: Vec<Name>,
    /// The request's file, which is a page's module where the publisher runs.
    pub file: Option<PathBuf>,
}

/// What the engine asks about requests.
pub struct Host {
    /// What the request decides whose handler runs on this thread; `None` where none runs. Its `handler_root` is the directory
    /// of the section that names the handler, `None` where the section has none.
    pub site: fn() -> Option<Site>,
    /// The modules of a request that Python code passes. Raises `TypeError` for anything else.
    pub modules: fn(&Bound<'_, PyAny>) -> PyResult<RequestModules>,
}

static HOST: OnceLock<Host> = OnceLock::new();

fn host() -> PyResult<&'static Host> {
    HOST.get().ok_or_else(|| PyRuntimeError::new_err("_apache is not complete yet"))
}

/// Adds the functions to the module.
///
/// # Errors
/// What Python raises when it is out of memory.
pub fn add(module: &Bound<'_, PyModule>, host: Host) -> PyResult<()> {
    // A second module, of a sub-interpreter, asks the same.
    let _ = HOST.set(host);
    module.add_function(wrap_pyfunction!(import_module, module)?)?;
    module.add_function(wrap_pyfunction!(managed_origin, module)?)?;
    module.add_function(wrap_pyfunction!(managed_module, module)?)?;
    module.add_function(wrap_pyfunction!(is_of_another, module)?)?;
    module.add_function(wrap_pyfunction!(is_in_body, module)?)?;
    module.add_function(wrap_pyfunction!(running_body, module)?)?;
    module.add_function(wrap_pyfunction!(note_find, module)?)?;
    module.add_function(wrap_pyfunction!(calling_application, module)?)?;
    module.add_function(wrap_pyfunction!(reload_children, module)?)?;
    module.add_function(wrap_pyfunction!(reload_carry, module)?)?;
    module.add_function(wrap_pyfunction!(reload_depends_on, module)?)?;
    module.add_function(wrap_pyfunction!(reload_generation, module)?)?;
    module.add_function(wrap_pyfunction!(reload_graph, module)?)?;
    module.add_function(wrap_pyfunction!(reload_dot, module)?)?;
    module.add_function(wrap_pyfunction!(reload_pin, module)?)?;
    module.add_function(wrap_pyfunction!(reload_exclude, module)?)?;
    module.add_function(wrap_pyfunction!(freeze_modules, module)?)?;
    module.add_function(wrap_pyfunction!(module_info, module)?)?;
    module.add_function(wrap_pyfunction!(get_handler_root, module)?)?;
    module.add_function(wrap_pyfunction!(reload_request, module)?)?;
    module.add_function(wrap_pyfunction!(reload_leaks, module)?)?;
    module.add_function(wrap_pyfunction!(reload_on_retire, module)?)?;
    Ok(())
}

/// import_module(module_name, autoreload=None, log=None, path=None)
///
/// Import a module and return it, as fresh as the request. `module_name` is a dotted name, or a path with or without `.py`:
/// `/absolute`, `./beside` the caller's file, `../above` it, `~/below` the handler's directory, or `dir/name`, which is looked
/// for in the directories of `path` and of the application. With `path`, a list of directories, a dotted name is looked for
/// there first as well.
///
/// With `autoreload` false the module is loaded if it was not, and edits of it are not followed until a call without that asks
/// for it. With `log` true a line in the error log tells when the module was imported or reloaded. What is not given is as
/// PythonAutoReload and PythonDebug say.
#[pyfunction]
#[pyo3(signature = (module_name, autoreload = None, log = None, path = None))]
fn import_module<'py>(
    py: Python<'py>,
    module_name: &str,
    autoreload: Option<&Bound<'py, PyAny>>,
    log: Option<&Bound<'py, PyAny>>,
    path: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let flag = |value: Option<&Bound<'py, PyAny>>| value.map(|v| v.is_truthy()).transpose();
    let path = match path {
        Some(one) if one.is_instance_of::<PyString>() => vec![one.extract::<PathBuf>()?],
        Some(several) => several.try_iter()?.map(|entry| entry?.extract::<PathBuf>()).collect::<PyResult<_>>()?,
        None => Vec::new(),
    };
    let site = (host()?.site)().map(|site| Site { handler_root: handler_root(&site), debug: site.debug });
    by_path::import_module(
        py,
        &PathCall { name: module_name, path: &path, autoreload: flag(autoreload)?, log: flag(log)?, site },
    )
}

/// Where a managed module of the running application comes from, for the import system's finder.
#[pyfunction]
fn managed_origin<'py>(py: Python<'py>, name: &str) -> PyResult<Option<SpecOrigin<'py>>> {
    import::origin_of(py, name)
}

/// The module of a spec that the import system's finder has answered, loaded if it is not.
#[pyfunction]
fn managed_module<'py>(py: Python<'py>, application: usize, name: &str) -> PyResult<Bound<'py, PyAny>> {
    import::load_for_spec(py, application, name)
}

/// Whether sys.modules shows a module of another application than the caller's under this name.
#[pyfunction]
fn is_of_another(py: Python<'_>, name: &str) -> bool {
    import::is_of_another(py, name)
}

/// Whether the body of a managed module runs, and not what it imports.
#[pyfunction]
fn is_in_body() -> bool {
    bodies::is_in_body()
}

/// The body for which the caller reads, if there is one.
#[pyfunction]
fn running_body() -> Option<file_reads::Reader> {
    file_reads::Reader::of_thread()
}

/// The calling code asks whether there is a module of this name.
#[pyfunction]
fn note_find(py: Python<'_>, name: &str) -> PyResult<()> {
    import::note_find(py, name)
}

/// A number for the application whose code calls, for the threads that it starts.
#[pyfunction]
fn calling_application(py: Python<'_>) -> Option<usize> {
    import::application_of_thread(py).map(|application| registry::mark(&application))
}

/// What every child of the server does for each of its applications.
#[pyfunction]
fn reload_children(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    status::python::children(py)
}

/// The calling module depends on these paths.
#[pyfunction]
#[pyo3(signature = (*paths))]
fn reload_depends_on(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<()> {
    file_reads::declare(py, &paths)
}

/// The state that the code with this namespace keeps under a name, in a tuple; None while another thread makes it.
#[pyfunction]
fn reload_carry<'py>(
    py: Python<'py>,
    namespace: &Bound<'py, PyDict>,
    name: &str,
    factory: &Bound<'py, PyAny>,
) -> PyResult<Option<(Bound<'py, PyAny>,)>> {
    Ok(carry::carry(py, namespace, name, factory)?.map(|state| (state,)))
}

/// Has a function called when the code with this namespace has gone.
#[pyfunction]
fn reload_on_retire(namespace: &Bound<'_, PyDict>, function: Bound<'_, PyAny>) -> PyResult<()> {
    hooks::on_retire(namespace, function)
}

/// Retired modules that something keeps in memory.
#[pyfunction]
fn reload_leaks(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    leaks::leaks(py)
}

/// The number of the generation that the caller sees.
#[pyfunction]
fn reload_generation() -> u64 {
    status::generation()
}

/// The application's modules, who imports whom, and why newer code is not served.
#[pyfunction]
fn reload_graph(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    status::python::graph(py)
}

/// The same as text for Graphviz; with a request, what its handlers import, and what that imports.
#[pyfunction]
#[pyo3(signature = (verbose, request = None))]
fn reload_dot(verbose: bool, request: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
    let Some(request) = request else { return Ok(status::dot(verbose, None)) };
    let RequestModules { handlers, file } = (host()?.modules)(request)?;
    let is_page = |module: &Managed| file.is_some() && module.origin.file() == file.as_ref();
    Ok(status::dot(verbose, Some(&|module: &Managed| handlers.contains(&module.name) || is_page(module))))
}

/// Keeps a module, and what lies in it, as it is in this child.
#[pyfunction]
fn reload_pin(py: Python<'_>, name: &str) -> PyResult<()> {
    pinning::pin(py, name)
}

/// Leaves files that match the pattern to Python from now on.
#[pyfunction]
fn reload_exclude(py: Python<'_>, pattern: String) -> PyResult<()> {
    pinning::keep(py, Keep::Excluded(pattern))
}

/// freeze_modules()
///
/// From now on no module of the caller's application is reloaded in this child; new ones are still loaded.
#[pyfunction]
fn freeze_modules(py: Python<'_>) -> PyResult<()> {
    pinning::freeze(py)
}

/// module_info(name_or_path)
///
/// The `__mp_info__` of a module that the caller's application has loaded, by its name or by the path of its file; None if it
/// is not loaded.
#[pyfunction]
fn module_info<'py>(py: Python<'py>, name_or_path: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    match status::loaded(py, name_or_path) {
        Some(module) => Ok(module.module.bind(py).dict().get_item("__mp_info__")?),
        None => Ok(None),
    }
}

/// get_handler_root()
///
/// The directory of the section that names the running handler, which `~/` begins with in import_module; where the section
/// has none, the directory of the running application; None if that has none either.
#[pyfunction]
fn get_handler_root() -> PyResult<Option<OsString>> {
    let site = (host()?.site)().unwrap_or_default();
    Ok(handler_root(&site).map(PathBuf::into_os_string))
}

/// See `get_handler_root`.
fn handler_root(site: &Site) -> Option<PathBuf> {
    let application = || Context::innermost().and_then(|context| context.application.key.directory.clone());
    site.handler_root.clone().or_else(application)
}

/// Asks every child to load its modules again: all, or those of a name or package.
#[pyfunction]
#[pyo3(signature = (scope = None))]
fn reload_request(py: Python<'_>, scope: Option<&str>) -> PyResult<()> {
    if let Some(name) = scope.filter(|name| name.split('.').any(str::is_empty)) {
        return Err(PyValueError::new_err(format!("'{name}' is not the dotted name of a module or package")));
    }
    let watch = watch::current().ok_or("no watch was made when the configuration was read");
    py.detach(|| watch?.request_rebuild(scope)).map_err(PyRuntimeError::new_err)
}
