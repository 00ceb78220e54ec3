//! The request's body for Python: read, readline and readlines over one buffer.

use std::ffi::c_int;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::api::request::Request;
use crate::api::request::read_ahead::{BodyStage, RequestBody};
use crate::httpd::RequestRec;
use crate::python::detached;

/// A size as Python gives it: negative means no limit.
fn limit(size: i64) -> Option<usize> {
    usize::try_from(size).ok()
}

impl Request {
    /// Runs `work` on the body with Python detached. The body is away meanwhile, so that it is not read twice.
    fn with_body<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut RequestBody, RequestRec) -> R + Send,
    ) -> PyResult<R> {
        let state = self.state()?;
        let mut body = state.body.replace(RequestBody::busy());
        if body.stage == BodyStage::Busy {
            return Err(PyRuntimeError::new_err("the body is being read already"));
        }
        if state.finished.get() && matches!(body.stage, BodyStage::Untouched | BodyStage::Open) {
            // httpd has thrown the rest of the body away at the end of the response.
            body.stage = BodyStage::AtEnd;
        }
        let result = detached(py, state.record(), |record| work(&mut body, record));
        state.body.replace(body);
        Ok(result)
    }

    pub(super) fn read_bytes<'py>(&self, py: Python<'py>, size: i64) -> PyResult<Bound<'py, PyBytes>> {
        let data = self.with_body(py, |body, record| body.read(record, limit(size)))?;
        data.map(|data| PyBytes::new(py, &data)).map_err(|failure| failure.raise(py))
    }

    pub(super) fn read_line<'py>(&self, py: Python<'py>, size: i64) -> PyResult<Bound<'py, PyBytes>> {
        let ready = {
            let mut body = self.state()?.body.borrow_mut();
            match body.stage {
                BodyStage::Open | BodyStage::AtEnd => body.buffered_line(limit(size)),
                _ => None,
            }
        };
        if let Some(line) = ready {
            return Ok(PyBytes::new(py, &line));
        }
        let line = self.with_body(py, |body, record| body.read_line(record, limit(size)))?;
        line.map(|line| PyBytes::new(py, &line)).map_err(|failure| failure.raise(py))
    }

    pub(super) fn read_lines<'py>(&self, py: Python<'py>, hint: i64) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let hint = limit(hint).filter(|hint| *hint > 0);
        let lines = self.with_body(py, |body, record| body.read_lines(record, hint))?;
        let lines = lines.map_err(|failure| failure.raise(py))?;
        Ok(lines.iter().map(|line| PyBytes::new(py, line)).collect())
    }

    pub(super) fn discard_body(&self, py: Python<'_>) -> PyResult<c_int> {
        self.with_body(py, |body, record| body.discard(record))
    }
}
