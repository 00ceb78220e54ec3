//! The response: write, flush and sendfile.

use std::borrow::Cow;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::api::request::Request;
use crate::api::state::RequestState;
use crate::api::text::path_bytes;
use crate::httpd::request::SendFailed;
use crate::python::detached;

/// How much unflushed output is kept before it is handed to httpd. httpd itself keeps back about as much, so output up to this
/// size can still be replaced by an error page.
const KEPT: usize = 8192;

pub(super) fn write_failed() -> PyErr {
    PyOSError::new_err("Write failed, client closed connection.")
}

fn flush_failed() -> PyErr {
    PyOSError::new_err("Flush failed, client closed connection.")
}

/// The bytes that an object stands for: text as UTF-8, anything with a buffer as it is.
fn bytes_of<'a>(data: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = data.cast::<PyString>() {
        return Ok(Cow::Borrowed(text.to_str()?.as_bytes()));
    }
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let Ok(buffer) = PyUntypedBuffer::get(data) else {
        return Err(PyTypeError::new_err(format!(
            "write() takes str or an object with a buffer such as bytes, not {}",
            data.get_type().name()?
        )));
    };
    if !buffer.is_c_contiguous() {
        return Err(PyBufferError::new_err("write() takes a contiguous buffer"));
    }
    if buffer.len_bytes() == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    // SAFETY: the exporter keeps that many bytes there while the buffer is held, and no other thread runs Python meanwhile. They
    // are copied, as their owner may change them once the interpreter lock is released.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>().cast_const(), buffer.len_bytes()) };
    Ok(Cow::Owned(bytes.to_vec()))
}

impl Request {
    /// Writes `data`, and with `flush` sends it and what was written before.
    pub(super) fn write_object(&self, py: Python<'_>, data: &Bound<'_, PyAny>, flush: bool) -> PyResult<()> {
        self.write_bytes(py, &bytes_of(data)?, flush)
    }

    /// Writes bytes, and with `flush` sends them and what was written before.
    ///
    /// # Errors
    /// `OSError` when the client has gone.
    pub fn write_bytes(&self, py: Python<'_>, bytes: &[u8], flush: bool) -> PyResult<()> {
        let state = self.state()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if state.finished.get() {
            return Err(write_failed());
        }
        let length = bytes.len();
        if !flush {
            let mut output = state.output.borrow_mut();
            if output.len() + length <= KEPT {
                output.extend_from_slice(bytes);
                drop(output);
                count(state, length);
                return Ok(());
            }
        }
        let mut before = state.output.take();
        let sent = detached(py, state.record(), |record| {
            record.write(&before)?;
            record.write(bytes)?;
            if flush { record.flush() } else { Ok(()) }
        });
        before.clear();
        if state.output.borrow().is_empty() {
            state.output.replace(before);
        }
        sent.map_err(|_| write_failed())?;
        count(state, length);
        Ok(())
    }

    /// Sends what was written so far, headers first.
    pub(super) fn flush_output(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state()?;
        if state.finished.get() {
            return Err(flush_failed());
        }
        let before = state.output.take();
        detached(py, state.record(), |record| {
            record.write(&before)?;
            record.flush()
        })
        .map_err(|_| flush_failed())
    }

    /// Sends a part of a file behind what was written so far; returns the bytes sent.
    pub(super) fn send_file(&self, path: &Bound<'_, PyAny>, offset: i64, length: i64) -> PyResult<usize> {
        let py = path.py();
        let state = self.state()?;
        if offset < 0 {
            return Err(PyValueError::new_err("offset is negative"));
        }
        let name = path_bytes(path)?;
        if state.finished.get() {
            return Err(write_failed());
        }
        let before = state.output.take();
        let result = detached(py, state.record(), |record| {
            record.write(&before).map_err(|_| SendFailed::Client)?;
            record.send_file(&name, offset, length)
        });
        match result {
            Ok(sent) => {
                count(state, sent);
                Ok(sent)
            }
            Err(SendFailed::Client) => Err(write_failed()),
            Err(SendFailed::File(error)) => Err(PyOSError::new_err((error.0, error.message(), path.clone().unbind()))),
        }
    }
}

fn count(state: &RequestState, bytes: usize) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    state.queued.set(state.queued.get().saturating_add(bytes));
}
