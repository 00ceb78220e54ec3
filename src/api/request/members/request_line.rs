//! What the client asked for: the request line, the URI and its parts.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::api::request::Request;
use crate::api::request::fields::FieldText;
use crate::api::server::micros;
use crate::api::text::{path_bytes, to_str};
use crate::httpd::RequestRec;

#[pymethods]
impl Request {
    /// The query string, still encoded.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.args)
    }

    #[setter]
    fn set_args(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        match value {
            Some(value) => self.change_path(value, RequestRec::set_args),
            None => self.change(RequestRec::clear_args),
        }
    }

    /// 1 for an HTTP/0.9 request, which has no headers.
    #[getter]
    fn assbackwards(&self) -> PyResult<c_int> {
        self.number(|r| r.assbackwards)
    }

    #[setter]
    fn set_assbackwards(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_assbackwards(value))
    }

    /// 1 for HEAD.
    #[getter]
    fn header_only(&self) -> PyResult<c_int> {
        self.number(|r| r.header_only)
    }

    /// The host that the client asked for.
    #[getter]
    fn hostname<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.hostname)
    }

    /// The method, as in "GET".
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.method)
    }

    /// The method, one of M_*; HEAD has the number of GET.
    #[getter]
    fn method_number(&self) -> PyResult<c_int> {
        self.number(|r| r.method_number)
    }

    /// The parts of the URI in the order of the URI_* constants; those that are not there are None.
    #[getter]
    fn parsed_uri<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.uri_parts(py)
    }

    /// The part of the URI behind the file.
    #[getter]
    fn path_info<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.path_info)
    }

    #[setter]
    fn set_path_info(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_path(value, RequestRec::set_path_info)
    }

    /// The protocol's version: 1001 for HTTP/1.1.
    #[getter]
    fn proto_num(&self) -> PyResult<c_int> {
        self.number(|r| r.proto_num)
    }

    /// The protocol, as in "HTTP/1.1".
    #[getter]
    fn protocol<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.protocol)
    }

    /// One of PROXYREQ_*.
    #[getter]
    fn proxyreq(&self) -> PyResult<c_int> {
        self.number(|r| r.proxyreq)
    }

    #[setter]
    fn set_proxyreq(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_proxyreq(value))
    }

    /// The Range header.
    #[getter]
    fn range<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.range)
    }

    /// When the request began, seconds since 1970.
    #[getter]
    fn request_time(&self) -> PyResult<f64> {
        Ok(micros(self.number(|r| r.request_time)?))
    }

    /// The first line of the request.
    #[getter]
    fn the_request<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.the_request)
    }

    /// The URI as the client sent it.
    #[getter]
    fn unparsed_uri<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.unparsed_uri)
    }

    /// The path of the URI, decoded.
    #[getter]
    fn uri<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.uri)
    }

    #[setter]
    fn set_uri(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_path(value, RequestRec::set_uri)
    }

    /// One of AP_REQ_*_PATH_INFO.
    #[getter]
    fn used_path_info(&self) -> PyResult<c_int> {
        self.number(|r| r.used_path_info)
    }

    #[setter]
    fn set_used_path_info(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_used_path_info(value))
    }

    /// The scheme, host and port of the server before `uri`.
    fn construct_url<'py>(&self, py: Python<'py>, uri: &Bound<'py, PyString>) -> FieldText<'py> {
        let uri = path_bytes(uri.as_any())?;
        Ok(self.rec()?.construct_url(uri.as_bytes()).map(|url| to_str(py, url)))
    }
}
