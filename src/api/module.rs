//! The built-in module `_apache`: its constants, functions and types in one namespace.
//!
//! The rooms above add their functions through [`install`]'s argument, so that this one names none of them.

mod constants;
mod functions;
pub mod server_return;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::api::connection::Connection;
use crate::api::finfo::FileInfo;
use crate::api::hlist::HandlerEntries;
use crate::api::request::Request;
use crate::api::server::Server;
use crate::api::table::Table;
use crate::httpd::ServerRec;
use crate::httpd::module::VERSION;

/// Builds the module and puts it into `sys.modules`. `add` puts in what the rooms above this one provide.
///
/// # Errors
/// What Python raises when it is out of memory.
pub fn install(py: Python<'_>, add: &dyn Fn(&Bound<'_, PyModule>) -> PyResult<()>) -> PyResult<()> {
    let module = PyModule::new(py, "_apache")?;
    constants::add(&module)?;
    functions::add(&module)?;
    let server_return = PyErr::new_type(
        py,
        c"_apache.SERVER_RETURN",
        Some(c"Ends a handler: SERVER_RETURN(result) or SERVER_RETURN(result, status)."),
        Some(&py.get_type::<PyException>()),
        None,
    )?;
    module.add("SERVER_RETURN", server_return)?;
    module.add("table", py.get_type::<Table>())?;
    for (name, class) in [
        ("mp_request", py.get_type::<Request>()),
        ("mp_conn", py.get_type::<Connection>()),
        ("mp_server", py.get_type::<Server>()),
        ("mp_table", py.get_type::<Table>()),
        ("mp_finfo", py.get_type::<FileInfo>()),
        ("mp_hlist", py.get_type::<HandlerEntries>()),
    ] {
        module.add(name, class)?;
    }
    module.add("mp_version", VERSION)?;
    module.add("interpreter", "main_interpreter")?;
    if let Some(server) = ServerRec::main() {
        module.add("main_server", Server::of(py, server)?)?;
    }
    add(&module)?;
    export_all(&module)?;
    let modules: Bound<'_, PyDict> = crate::python::raw_import::modules(py)?;
    modules.set_item("_apache", &module)?;
    Ok(())
}

/// Lists every public name in `__all__`: `from _apache import *` is how `mod_python.apache` takes them over.
fn export_all(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let names = PyList::empty(module.py());
    for name in module.dict().keys() {
        if !name.str()?.to_string_lossy().starts_with('_') {
            names.append(name)?;
        }
    }
    module.setattr("__all__", names)
}
