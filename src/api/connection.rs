//! `mp_conn`: a client's connection.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString};

use crate::api::convert::refused;
use crate::api::convert::{capsule, log_level, warn_deprecated};
use crate::api::server::Server;
use crate::api::table::Table;
use crate::api::text::to_str;
use crate::httpd::lease::Leased;
use crate::httpd::text::text;
use crate::httpd::{RequestRec, ServerRec, connection, log, sys};

/// A connection, shared by the requests that a client sends over it.
///
/// Every use raises RuntimeError after the connection has ended, and on other threads than the one that works on it.
#[pyclass(frozen, weakref, name = "mp_conn", module = "_apache")]
pub struct Connection {
    record: Leased<sys::conn_rec>,
    notes: pyo3::sync::PyOnceLock<Py<Table>>,
}

impl Connection {
    /// The connection of a request.
    ///
    /// # Errors
    /// `AttributeError` when the request has none.
    pub fn of(request: RequestRec) -> PyResult<Self> {
        let record = connection::leased(request).ok_or_else(|| PyAttributeError::new_err("connection"))?;
        Ok(Self { record, notes: pyo3::sync::PyOnceLock::new() })
    }

    /// The record. The reference must not be kept over a call that could end the connection.
    fn raw(&self) -> PyResult<&sys::conn_rec> {
        let record = self.record.get().map_err(|r| refused("connection", r))?;
        // SAFETY: the lease says that the record is live and this thread's.
        Ok(unsafe { record.as_ref() })
    }

    fn text<'py>(
        &self,
        py: Python<'py>,
        field: fn(&sys::conn_rec) -> *const c_char,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        // SAFETY: the texts of a live connection are null or end in NUL.
        Ok(unsafe { text(field(self.raw()?)) }.map(|text| to_str(py, text)))
    }
}

/// An address and its port as Python's sockets give them; `None` without an address.
///
/// # Safety
/// `address` is null or live, `ip` null or a live NUL-terminated string.
pub unsafe fn address<'py>(
    py: Python<'py>,
    address: *const sys::apr_sockaddr_t,
    ip: *const c_char,
) -> Option<(Option<Bound<'py, PyString>>, u16)> {
    // SAFETY: promised by the caller.
    unsafe { address.as_ref().map(|address| (text(ip).map(|ip| to_str(py, ip)), address.port)) }
}

#[pymethods]
impl Connection {
    /// The server that the connection came in at, before the Host header was read.
    #[getter]
    fn base_server<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Server>>> {
        // SAFETY: the base server of a live connection is part of the running configuration.
        let server = unsafe { ServerRec::from_ptr(self.raw()?.base_server) };
        server.map(|server| Server::of(py, server)).transpose()
    }

    /// The client's address and port.
    #[getter]
    fn client_addr<'py>(&self, py: Python<'py>) -> PyResult<Option<(Option<Bound<'py, PyString>>, u16)>> {
        let raw = self.raw()?;
        // SAFETY: the addresses of a live connection are live.
        Ok(unsafe { address(py, raw.client_addr, raw.client_ip) })
    }

    /// Our address and port.
    #[getter]
    fn local_addr<'py>(&self, py: Python<'py>) -> PyResult<Option<(Option<Bound<'py, PyString>>, u16)>> {
        let raw = self.raw()?;
        // SAFETY: as above.
        Ok(unsafe { address(py, raw.local_addr, raw.local_ip) })
    }

    /// The client's address.
    #[getter]
    fn client_ip<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, |c| c.client_ip)
    }

    /// Our address.
    #[getter]
    fn local_ip<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, |c| c.local_ip)
    }

    /// The old name of client_addr; using it is logged.
    #[getter]
    fn remote_addr<'py>(&self, py: Python<'py>) -> PyResult<Option<(Option<Bound<'py, PyString>>, u16)>> {
        warn_deprecated("conn.remote_addr is deprecated, use conn.client_addr or req.useragent_addr");
        self.client_addr(py)
    }

    /// The old name of client_ip; using it is logged.
    #[getter]
    fn remote_ip<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        warn_deprecated("conn.remote_ip is deprecated, use conn.client_ip or req.useragent_ip");
        self.client_ip(py)
    }

    /// The client's name, if it was looked up.
    #[getter]
    fn remote_host<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, |c| c.remote_host)
    }

    /// Our name, if it was looked up.
    #[getter]
    fn local_host<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, |c| c.local_host)
    }

    /// The client's user according to identd, if it was looked up.
    #[getter]
    fn remote_logname<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.text(py, |c| c.remote_logname)
    }

    /// 1 when the client has gone.
    #[getter]
    fn aborted(&self) -> PyResult<c_int> {
        Ok(c_int::from(connection::is_aborted(self.raw()?)))
    }

    /// AP_CONN_UNKNOWN, AP_CONN_CLOSE or AP_CONN_KEEPALIVE.
    #[getter]
    fn keepalive(&self) -> PyResult<u32> {
        Ok(self.raw()?.keepalive)
    }

    #[setter]
    fn set_keepalive(&self, value: u32) -> PyResult<()> {
        let record = self.record.get().map_err(|r| refused("connection", r))?;
        // SAFETY: the lease says that the record is live and this thread's.
        unsafe { (*record.as_ptr()).keepalive = value };
        Ok(())
    }

    /// How many requests came over the connection before this one.
    #[getter]
    fn keepalives(&self) -> PyResult<c_int> {
        Ok(self.raw()?.keepalives)
    }

    /// 1 when the client's name was confirmed by a second look-up, -1 when that failed, 0 when there was no second look-up.
    #[getter]
    fn double_reverse(&self) -> PyResult<c_int> {
        Ok(connection::double_reverse(self.raw()?))
    }

    /// The connection's number in this child.
    #[getter]
    fn id(&self) -> PyResult<i64> {
        Ok(self.raw()?.id)
    }

    /// Notes that modules leave for each other about the connection.
    #[getter]
    fn notes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.raw()?;
        let notes =
            self.notes.get_or_try_init(py, || Py::new(py, Table::of_connection(self.record.clone(), |c| c.notes)))?;
        Ok(notes.bind(py).clone())
    }

    /// The handlers of a connection phase; there is none inside a request's.
    #[getter]
    fn hlist(&self) -> PyResult<()> {
        Err(PyAttributeError::new_err("hlist is there inside connection handlers only"))
    }

    /// The `conn_rec`, for other C code.
    #[getter]
    fn _conn_rec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let record = self.record.get().map_err(|r| refused("connection", r))?;
        capsule(py, record.as_ptr().cast())
    }

    /// Logs against the connection; `level` is one of APLOG_*, 0 means APLOG_ERR. A message of None is ignored.
    #[pyo3(signature = (message, level=0))]
    fn log_error(&self, message: Option<&Bound<'_, PyString>>, level: i64) -> PyResult<()> {
        let raw = self.raw()?;
        if let Some(message) = message {
            log::connection!(raw, log_level(level), "{}", message.to_string_lossy());
        }
        Ok(())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.record.is(&other.get().record))
    }

    fn __hash__(&self) -> u64 {
        Arc::as_ptr(self.record.lease()) as u64 >> 4
    }
}
