//! The longer methods: the CGI environment, configuration tables, addresses, authentication and what httpd computes.

use std::ffi::{CString, c_int};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::api::cleanup::Cleanup;
use crate::api::convert::log_level;
use crate::api::request::Request;
use crate::api::request::output::write_failed;
use crate::api::table::Table;
use crate::api::text::{any_str, path_bytes, to_str};
use crate::config::{DirConfig, directive};
use crate::httpd::table::TableRef;
use crate::httpd::{RequestRec, log};
use crate::python::detached;

impl Request {
    pub(super) fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        let record = self.rec()?;
        self.part(py, |o| &mut o.options, || Bound::new(py, Table::owned(DirConfig::of(&record).options())))
    }

    pub(super) fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        let record = self.rec()?;
        self.part(
            py,
            |o| &mut o.config,
            || Bound::new(py, Table::owned(directive::shown(&DirConfig::of(&record).settings))),
        )
    }

    pub(super) fn add_common_variables(&self, py: Python<'_>) -> PyResult<()> {
        // It may look up the client's name.
        detached(py, self.rec()?, RequestRec::add_common_variables);
        Ok(())
    }

    pub(super) fn add_cgi_variables(&self, py: Python<'_>) -> PyResult<()> {
        let record = self.rec()?;
        // SAFETY: the table of a live request is live and its thread's.
        let Some(environment) = (unsafe { TableRef::from_ptr(record.raw().subprocess_env) }) else { return Ok(()) };
        let pool = environment.pool();
        let set = |name: &[u8], value: Option<&[u8]>| environment.set(pool, name, value.unwrap_or_default());
        set(b"GATEWAY_INTERFACE", Some(b"CGI/1.1"));
        set(b"SERVER_PROTOCOL", record.text(|r| r.protocol));
        set(b"REQUEST_METHOD", record.text(|r| r.method));
        set(b"QUERY_STRING", record.text(|r| r.args));
        set(b"REQUEST_URI", record.text(|r| r.uri));
        set(b"SCRIPT_NAME", Some(record.script_name()));
        if let Some(path_info) = record.text(|r| r.path_info).filter(|p| !p.is_empty()) {
            set(b"PATH_INFO", Some(path_info));
        }
        self.add_common_variables(py)
    }

    pub(super) fn redirect_internally(&self, py: Python<'_>, uri: &Bound<'_, PyString>) -> PyResult<()> {
        let record = self.rec()?;
        let uri = path_bytes(uri.as_any())?;
        let before = self.take_output();
        detached(py, record, |record| {
            // What was written stays in front of what the other request writes.
            let written = record.write(&before);
            record.internal_redirect(uri.as_bytes());
            written
        })
        .map_err(|_| write_failed())
    }

    pub(super) fn remote_host<'py>(
        &self,
        py: Python<'py>,
        kind: c_int,
        with_flag: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        // It may look up the client's name.
        let (name, is_address) = detached(py, self.rec()?, |record| {
            let (name, is_address) = record.remote_host(kind);
            (name.map(<[u8]>::to_vec), is_address)
        });
        let Some(name) = name else { return Ok(py.None().into_bound(py)) };
        let name = to_str(py, &name);
        if with_flag { Ok((name, c_int::from(is_address)).into_pyobject(py)?.into_any()) } else { Ok(name.into_any()) }
    }

    pub(super) fn ssl_variable<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let record = self.rec()?;
        let name = CString::new(any_str(name)?)?;
        Ok(record.ssl_variable(&name).map(|value| to_str(py, value)))
    }

    pub(super) fn allow(&self, methods: &Bound<'_, PyAny>, reset: bool) -> PyResult<()> {
        let record = self.rec()?;
        let names: Vec<Vec<u8>> = methods.try_iter()?.map(|name| any_str(&name?)).collect::<PyResult<_>>()?;
        // The names were made by Python code, which may have taken its time.
        self.rec()?;
        if reset {
            record.clear_allowed_methods();
        }
        for name in names {
            record.allow_method(&name);
        }
        Ok(())
    }

    pub(super) fn log(&self, message: Option<&Bound<'_, PyString>>, level: i64) -> PyResult<()> {
        let record = self.rec()?;
        if let Some(message) = message {
            log::request!(record, log_level(level), "{}", message.to_string_lossy());
        }
        Ok(())
    }

    pub(super) fn register(&self, function: Bound<'_, PyAny>, data: Bound<'_, PyAny>) -> PyResult<()> {
        let state = self.state()?;
        if !function.is_callable() {
            return Err(PyValueError::new_err("first argument must be a callable object"));
        }
        state.cleanups.borrow_mut().push(Cleanup { function: function.unbind(), data: data.unbind() });
        Ok(())
    }
}
