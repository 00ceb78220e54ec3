//! The functions of `_apache`.

use std::ffi::{CString, c_int};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::api::cleanup::{Cleanup, register_for_child};
use crate::api::convert::log_level;
use crate::api::finfo::FileInfo;
use crate::api::server::Server;
use crate::api::text::{any_str, path_bytes, to_str};
use crate::httpd::command::DirectiveNode;
use crate::httpd::{ServerRec, log, server};

/// Logs to the error log of `server`, or of the main server. `level` is one of APLOG_*, 0 means APLOG_ERR; a message of None
/// is ignored.
#[pyfunction]
#[pyo3(signature = (message, level=0, server=None))]
fn log_error(message: Option<&Bound<'_, PyString>>, level: i64, server: Option<&Bound<'_, Server>>) {
    if let Some(message) = message {
        let message = message.to_string_lossy();
        let server = server.map(|server| server.get().record()).or_else(ServerRec::main);
        log::server!(server, log_level(level), "{message}");
    }
}

/// What the MPM returns for a query, one of AP_MPMQ_*. Raises ValueError for a query that it does not know.
#[pyfunction]
fn mpm_query(code: c_int) -> PyResult<c_int> {
    let unknown = || PyValueError::new_err(format!("the MPM does not know the query {code}"));
    server::mpm_query(code).ok_or_else(unknown)
}

/// Whether httpd was started with `-D name`.
#[pyfunction]
fn exists_config_define(name: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(server::is_defined(&CString::new(any_str(name)?)?))
}

/// ServerRoot.
#[pyfunction]
fn server_root(py: Python<'_>) -> Option<Bound<'_, PyString>> {
    server::server_root().map(|root| to_str(py, root))
}

/// What the file system tells about `fname`; `wanted` is a sum of APR_FINFO_*. A missing file is no error: its filetype is
/// APR_NOFILE. Raises OSError when the file system refuses an answer.
#[pyfunction]
fn stat(py: Python<'_>, fname: &Bound<'_, PyAny>, wanted: i32) -> PyResult<FileInfo> {
    FileInfo::stat(py, &path_bytes(fname)?, wanted)
}

/// Calls `callback` with `data` (a tuple is spread over its arguments) when the child ends. Raises ValueError when it cannot be
/// called.
#[pyfunction]
#[pyo3(signature = (callback, data=None))]
fn register_cleanup(py: Python<'_>, callback: Bound<'_, PyAny>, data: Option<Py<PyAny>>) -> PyResult<()> {
    if !callback.is_callable() {
        return Err(PyValueError::new_err("first argument must be a callable object"));
    }
    let data = data.unwrap_or_else(|| py.None());
    register_for_child(py, Cleanup { function: callback.unbind(), data });
    Ok(())
}

/// The main configuration as httpd read it: a list of (directive, arguments), and behind a section the list of its own.
#[pyfunction]
fn config_tree(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    branch(py, DirectiveNode::first(), 0)
}

/// Sections nest a few levels deep; a tree deeper than this is none.
const DEEPEST: usize = 200;

/// A directive, those beside it and those inside of them.
fn branch<'py>(py: Python<'py>, first: Option<DirectiveNode<'_>>, depth: usize) -> PyResult<Bound<'py, PyList>> {
    if depth > DEEPEST {
        return Err(PyRuntimeError::new_err("the configuration is nested too deep"));
    }
    let list = PyList::empty(py);
    let text = |text: Option<&[u8]>| text.map(|text| to_str(py, text));
    for node in std::iter::successors(first, |node| node.next()) {
        list.append((text(node.name()), text(node.arguments())))?;
        if let Some(child) = node.first_child() {
            list.append(branch(py, Some(child), depth + 1)?)?;
        }
    }
    Ok(list)
}

/// Puts the functions into the module.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(log_error, module)?)?;
    module.add_function(wrap_pyfunction!(mpm_query, module)?)?;
    module.add_function(wrap_pyfunction!(exists_config_define, module)?)?;
    module.add_function(wrap_pyfunction!(server_root, module)?)?;
    module.add_function(wrap_pyfunction!(stat, module)?)?;
    module.add_function(wrap_pyfunction!(register_cleanup, module)?)?;
    module.add_function(wrap_pyfunction!(config_tree, module)?)?;
    Ok(())
}
