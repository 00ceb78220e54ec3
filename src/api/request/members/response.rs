//! The response: its status, its type and length, and how it is written.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::api::request::Request;
use crate::api::request::fields::FieldText;
use crate::api::text::any_str;
use crate::httpd::RequestRec;

#[pymethods]
impl Request {
    /// Bytes of the body sent.
    #[getter]
    fn bytes_sent(&self) -> PyResult<i64> {
        self.number(|r| r.bytes_sent)
    }

    /// 1 when the response is sent in chunks.
    #[getter]
    fn chunked(&self) -> PyResult<c_int> {
        self.number(|r| r.chunked)
    }

    #[setter]
    fn set_chunked(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_chunked(value))
    }

    /// The length of the response, bytes.
    #[getter]
    fn clength(&self) -> PyResult<i64> {
        self.number(|r| r.clength)
    }

    /// The encoding of the resource, as in "gzip".
    #[getter]
    fn content_encoding<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.content_encoding)
    }

    /// The languages of the resource.
    #[getter]
    fn content_languages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.texts(py, |r| r.content_languages)
    }

    /// The type of the response.
    #[getter]
    fn content_type<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.content_type)
    }

    #[setter]
    fn set_content_type(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = any_str(value)?;
        let state = self.state()?;
        state.record().set_content_type(&value);
        state.content_type_set.set(true);
        Ok(())
    }

    /// 1 when the end of the response has been sent.
    #[getter]
    fn eos_sent(&self) -> PyResult<c_int> {
        self.number(|r| r.eos_sent)
    }

    /// 1 when caches must not keep the response.
    #[getter]
    fn no_cache(&self) -> PyResult<c_int> {
        self.number(|r| r.no_cache)
    }

    #[setter]
    fn set_no_cache(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_no_cache(value))
    }

    /// 1 when conditional requests are to be ignored.
    #[getter]
    fn no_local_copy(&self) -> PyResult<c_int> {
        self.number(|r| r.no_local_copy)
    }

    #[setter]
    fn set_no_local_copy(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_no_local_copy(value))
    }

    /// Nonzero once the body is being sent.
    #[getter]
    fn sent_bodyct(&self) -> PyResult<i64> {
        self.number(|r| r.sent_bodyct)
    }

    /// The status of the response.
    #[getter]
    fn status(&self) -> PyResult<c_int> {
        self.number(|r| r.status)
    }

    #[setter]
    fn set_status(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_status(value))
    }

    /// The status and its text, where they differ from the usual.
    #[getter]
    fn status_line<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.status_line)
    }

    #[setter]
    fn set_status_line(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_text(value, RequestRec::set_status_line)
    }

    /// Bytes written through write() and sendfile().
    #[getter]
    fn _bytes_queued(&self) -> PyResult<i64> {
        Ok(self.state()?.queued.get())
    }

    /// 1 when Python set the content type.
    #[getter]
    fn _content_type_set(&self) -> PyResult<c_int> {
        Ok(c_int::from(self.state()?.content_type_set.get()))
    }

    /// Adds one of httpd's output filters; httpd logs a name that it does not know.
    fn add_output_filter(&self, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = any_str(name)?;
        self.rec()?.add_output_filter(&name);
        Ok(())
    }

    /// Sends what was written so far, headers first. Raises OSError when the client has gone.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.flush_output(py)
    }

    /// Runs the request for another URI of this server in place of this one. Returns when the other request is done.
    fn internal_redirect(&self, py: Python<'_>, uri: &Bound<'_, PyString>) -> PyResult<()> {
        self.redirect_internally(py, uri)
    }

    /// Does nothing: headers are sent with the first output.
    fn send_http_header(&self) -> PyResult<()> {
        self.rec().map(drop)
    }

    /// Sends `len` bytes of a file from `offset` on (negative: up to its end) and returns how many were sent.
    ///
    /// Raises OSError when the file cannot be read or the client has gone.
    #[pyo3(signature = (path, offset=0, len=-1))]
    fn sendfile(&self, path: &Bound<'_, PyAny>, offset: i64, len: i64) -> PyResult<usize> {
        self.send_file(path, offset, len)
    }

    /// Sets the length of the response, bytes, and its header.
    fn set_content_length(&self, len: i64) -> PyResult<()> {
        self.rec()?.set_content_length(len);
        Ok(())
    }

    /// Writes text as UTF-8, or the bytes of any buffer; with `flush` it is sent at once. Unflushed output is buffered,
    /// and up to 8 KiB of it can still be replaced by an error page.
    ///
    /// Raises OSError when the client has gone, TypeError for anything without a buffer.
    #[pyo3(signature = (string, flush=1))]
    fn write(&self, py: Python<'_>, string: &Bound<'_, PyAny>, flush: i64) -> PyResult<()> {
        self.write_object(py, string, flush != 0)
    }
}
