//! The client: its connection, its addresses, and whether and how it authenticated.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::api::connection::{Connection, address};
use crate::api::request::Request;
use crate::api::request::fields::FieldText;
use crate::api::text::to_str;
use crate::httpd::RequestRec;

#[pymethods]
impl Request {
    /// How the client authenticated: the AUTH_TYPE of CGI.
    #[getter]
    fn ap_auth_type<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.ap_auth_type)
    }

    #[setter]
    fn set_ap_auth_type(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_text(value, RequestRec::set_auth_type)
    }

    /// The client's connection.
    #[getter]
    fn connection<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Connection>> {
        let record = self.rec()?;
        self.part(py, |o| &mut o.connection, || Bound::new(py, Connection::of(record)?))
    }

    /// The user that the client authenticated as.
    #[getter]
    fn user<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.user)
    }

    #[setter]
    fn set_user(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_text(value, RequestRec::set_user)
    }

    /// The client's address and port; behind a trusted proxy that of the proxy's client.
    #[getter]
    fn useragent_addr<'py>(&self, py: Python<'py>) -> PyResult<Option<(Option<Bound<'py, PyString>>, u16)>> {
        let record = self.rec()?;
        let raw = record.raw();
        // SAFETY: the addresses of a live request are live.
        Ok(unsafe { address(py, raw.useragent_addr, raw.useragent_ip) })
    }

    /// The client's address; behind a trusted proxy that of the proxy's client.
    #[getter]
    fn useragent_ip<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.useragent_ip)
    }

    /// AuthName.
    fn auth_name<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.auth_name().map(|name| to_str(py, name)))
    }

    /// AuthType.
    fn auth_type<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.auth_type().map(|name| to_str(py, name)))
    }

    /// The password of Basic authentication, or None; req.user is known after this was called.
    fn get_basic_auth_pw<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.basic_password().map(|password| to_str(py, password)))
    }

    /// The client's name or address as `type`, one of REMOTE_*, asks for it. When `str_is_ip` is not None, returns a
    /// tuple whose second part is 1 for an address.
    #[pyo3(signature = (r#type=1, str_is_ip=None))]
    fn get_remote_host<'py>(
        &self,
        py: Python<'py>,
        r#type: c_int,
        str_is_ip: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.remote_host(py, r#type, str_is_ip.is_some())
    }

    /// 1 when mod_ssl encrypts the connection, else 0.
    fn is_https(&self) -> PyResult<c_int> {
        Ok(c_int::from(self.rec()?.is_https()))
    }

    /// A variable of mod_ssl by name; None without mod_ssl.
    fn ssl_var_lookup<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> FieldText<'py> {
        self.ssl_variable(py, name)
    }
}
