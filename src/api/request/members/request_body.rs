//! The body of the request, and the form that is made of it.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::api::request::Request;
use crate::api::text::any_str;

#[pymethods]
impl Request {
    /// 1 when the client waits for a "100 Continue" before it sends the body.
    #[getter]
    fn expecting_100(&self) -> PyResult<u32> {
        self.number(|r| r.expecting_100)
    }

    /// The fields of the query and the body, once they have been parsed.
    #[getter(form)]
    fn read_form<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::form(slf)
    }

    #[setter(form)]
    fn write_form(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::set_form(slf, value)
    }

    #[deleter(form)]
    fn remove_form(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::delete_form(slf)
    }

    /// How the body is read: one of REQUEST_*.
    #[getter]
    fn read_body(&self) -> PyResult<c_int> {
        self.number(|r| r.read_body)
    }

    /// 1 when the body comes in chunks.
    #[getter]
    fn read_chunked(&self) -> PyResult<c_int> {
        self.number(|r| r.read_chunked)
    }

    /// Bytes of the body read so far.
    #[getter]
    fn read_length(&self) -> PyResult<i64> {
        self.number(|r| r.read_length)
    }

    /// Bytes of the body announced and not yet read.
    #[getter]
    fn remaining(&self) -> PyResult<i64> {
        self.number(|r| r.remaining)
    }

    /// Adds one of httpd's input filters; httpd logs a name that it does not know.
    fn add_input_filter(&self, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = any_str(name)?;
        self.rec()?.add_input_filter(&name);
        Ok(())
    }

    /// Reads and discards the body; returns OK or an HTTP error.
    fn discard_request_body(&self, py: Python<'_>) -> PyResult<c_int> {
        self.discard_body(py)
    }

    /// At most `len` bytes of the body, fewer only at its end; all of it when negative.
    ///
    /// Raises OSError when the client has gone or is too slow, SERVER_RETURN when the body is not acceptable (too large,
    /// malformed).
    #[pyo3(signature = (len=-1))]
    fn read<'py>(&self, py: Python<'py>, len: i64) -> PyResult<Bound<'py, PyBytes>> {
        self.read_bytes(py, len)
    }

    /// A line of the body with its line feed, at most `len` bytes of it; b"" at the end. Raises what read() raises.
    #[pyo3(signature = (len=-1))]
    fn readline<'py>(&self, py: Python<'py>, len: i64) -> PyResult<Bound<'py, PyBytes>> {
        self.read_line(py, len)
    }

    /// The lines of the body; no further line is read once they are `sizehint` bytes together, if that is above 0. Raises what
    /// read() raises.
    #[pyo3(signature = (sizehint=-1))]
    fn readlines<'py>(&self, py: Python<'py>, sizehint: i64) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        self.read_lines(py, sizehint)
    }
}
