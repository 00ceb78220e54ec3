//! `mp_server`: the main server and its virtual hosts.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString, PyTuple};

use crate::api::cleanup::{Cleanup, register_for_child};
use crate::api::convert::{capsule, log_level};
use crate::api::request::Request;
use crate::api::table::Table;
use crate::api::text::to_str;
use crate::config::{ServerConfig, directive};
use crate::httpd::{ServerRec, log, server, sys};
use crate::python::gil::GilCell;

/// The one wrapper of each server, by the address of its record.
static SERVERS: GilCell<BTreeMap<usize, Py<Server>>> = GilCell::new(BTreeMap::new());

/// A server of the configuration. It lives as long as the child, and any thread may use it. Any attribute may be set on it.
#[pyclass(frozen, dict, weakref, name = "mp_server", module = "_apache")]
pub struct Server {
    record: ServerRec,
}

impl Server {
    /// The one wrapper of a server.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn of(py: Python<'_>, record: ServerRec) -> PyResult<Bound<'_, Self>> {
        let key = record.as_ptr() as usize;
        let known = SERVERS.borrow(py).get(&key).map(|server| server.clone_ref(py));
        if let Some(server) = known {
            return Ok(server.into_bound(py));
        }
        let server = Bound::new(py, Self { record })?;
        SERVERS.borrow(py).insert(key, server.clone().unbind());
        Ok(server)
    }

    /// The record.
    pub fn record(&self) -> ServerRec {
        self.record
    }

    fn text<'py>(&self, py: Python<'py>, field: fn(&sys::server_rec) -> *const c_char) -> Option<Bound<'py, PyString>> {
        self.record.text(field).map(|text| to_str(py, text))
    }

    fn names_of<'py>(
        &self,
        py: Python<'py>,
        field: fn(&sys::server_rec) -> *const sys::apr_array_header_t,
    ) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.record.texts(field).map(|name| to_str(py, name)).collect::<Vec<_>>())
    }
}

/// Microseconds as seconds.
#[allow(clippy::cast_precision_loss)]
pub fn micros(time: i64) -> f64 {
    time as f64 / 1_000_000.0
}

#[pymethods]
impl Server {
    /// The next server of the chain, or None.
    #[getter]
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.record.next().map(|server| Self::of(py, server)).transpose()
    }

    /// The configuration file that defines the server, or None.
    #[getter]
    fn defn_name<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.text(py, |s| s.defn_name)
    }

    /// The line of that file.
    #[getter]
    fn defn_line_number(&self) -> u32 {
        self.record.raw().defn_line_number
    }

    /// ServerAdmin.
    #[getter]
    fn server_admin<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.text(py, |s| s.server_admin)
    }

    /// ServerName.
    #[getter]
    fn server_hostname<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.text(py, |s| s.server_hostname)
    }

    /// The port of ServerName; 0 when it tells none.
    #[getter]
    fn port(&self) -> u16 {
        self.record.raw().port
    }

    /// ErrorLog.
    #[getter]
    fn error_fname<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.text(py, |s| s.error_fname)
    }

    /// LogLevel, one of APLOG_*.
    #[getter]
    fn loglevel(&self) -> c_int {
        self.record.raw().log.level
    }

    /// 1 for a virtual host.
    #[getter]
    fn is_virtual(&self) -> c_int {
        c_int::from(self.record.raw().is_virtual)
    }

    /// TimeOut, seconds.
    #[getter]
    fn timeout(&self) -> f64 {
        micros(self.record.raw().timeout)
    }

    /// KeepAliveTimeout, seconds.
    #[getter]
    fn keep_alive_timeout(&self) -> f64 {
        micros(self.record.raw().keep_alive_timeout)
    }

    /// MaxKeepAliveRequests.
    #[getter]
    fn keep_alive_max(&self) -> c_int {
        self.record.raw().keep_alive_max
    }

    /// KeepAlive: 1 for On.
    #[getter]
    fn keep_alive(&self) -> c_int {
        self.record.raw().keep_alive
    }

    /// ServerPath.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.text(py, |s| s.path)
    }

    /// The length of ServerPath, bytes.
    #[getter]
    fn pathlen(&self) -> c_int {
        self.record.raw().pathlen
    }

    /// ServerAlias, the plain ones.
    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.names_of(py, |s| s.names)
    }

    /// ServerAlias, those with wildcards.
    #[getter]
    fn wild_names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.names_of(py, |s| s.wild_names)
    }

    /// LimitRequestLine, bytes.
    #[getter]
    fn limit_req_line(&self) -> c_int {
        self.record.raw().limit_req_line
    }

    /// LimitRequestFieldSize, bytes.
    #[getter]
    fn limit_req_fieldsize(&self) -> c_int {
        self.record.raw().limit_req_fieldsize
    }

    /// LimitRequestFields.
    #[getter]
    fn limit_req_fields(&self) -> c_int {
        self.record.raw().limit_req_fields
    }

    /// How often httpd was restarted gracefully before this child began.
    #[getter]
    fn my_generation(&self) -> c_int {
        server::generation()
    }

    /// When httpd was last started or restarted, seconds since 1970; 0 when it does not tell.
    #[getter]
    fn restart_time(&self) -> f64 {
        server::restart_time().map_or(0.0, micros)
    }

    /// The `server_rec`, for other C code.
    #[getter]
    fn _server_rec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule(py, self.record.as_ptr().cast())
    }

    /// The Python* settings at server level, a new table at each call.
    fn get_config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        Bound::new(py, Table::owned(directive::shown(&ServerConfig::of(&self.record).own.settings)))
    }

    /// The PythonOption values at server level, a new table at each call.
    fn get_options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        Bound::new(py, Table::owned(ServerConfig::of(&self.record).own.options()))
    }

    /// Logs against the server; `level` is one of APLOG_*, 0 means APLOG_ERR. A message of None is ignored.
    #[pyo3(signature = (message, level=0))]
    fn log_error(&self, message: Option<&Bound<'_, PyString>>, level: i64) {
        if let Some(message) = message {
            log::server!(Some(self.record), log_level(level), "{}", message.to_string_lossy());
        }
    }

    /// Calls `callable` with `data` (a tuple is spread over its arguments) when the child ends.
    ///
    /// Raises ValueError when `req` is no request or `callable` cannot be called.
    #[pyo3(signature = (req, callable, data=None))]
    fn register_cleanup(
        &self,
        py: Python<'_>,
        req: &Bound<'_, PyAny>,
        callable: Bound<'_, PyAny>,
        data: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        if !req.is_instance_of::<Request>() {
            return Err(PyValueError::new_err("first argument must be a request object"));
        }
        if !callable.is_callable() {
            return Err(PyValueError::new_err("second argument must be a callable object"));
        }
        let data = data.unwrap_or_else(|| py.None());
        register_for_child(py, Cleanup { function: callable.unbind(), data });
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<mp_server {}>", self.record.hostname())
    }
}
