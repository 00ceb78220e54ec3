//! What the members of `mp_request` have in common: reading and changing the record's fields.

use std::ffi::c_char;

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::api::hlist::HandlerEntries;
use crate::api::request::Request;
use crate::api::text::{any_str, decode, path_bytes, to_str};
use crate::httpd::{RequestRec, sys};

/// A text for Python, or None.
pub(super) type FieldText<'py> = PyResult<Option<Bound<'py, PyString>>>;

impl Request {
    /// One of the record's texts.
    pub(super) fn text<'py>(&self, py: Python<'py>, field: fn(&sys::request_rec) -> *const c_char) -> FieldText<'py> {
        let record = self.rec()?;
        Ok(record.text(field).map(|bytes| to_str(py, bytes)))
    }

    /// One of the record's numbers.
    pub(super) fn number<N>(&self, field: fn(&sys::request_rec) -> N) -> PyResult<N> {
        Ok(field(self.rec()?.raw()))
    }

    /// Changes the record.
    pub(super) fn change(&self, change: impl FnOnce(RequestRec)) -> PyResult<()> {
        change(self.rec()?);
        Ok(())
    }

    /// Changes one of the record's texts to what is given, copied into the request's pool.
    pub(super) fn change_text(&self, value: &Bound<'_, PyAny>, set: fn(RequestRec, &[u8])) -> PyResult<()> {
        let value = any_str(value)?;
        set(self.rec()?, &value);
        Ok(())
    }

    /// The same for the name of a file or a part of a URI.
    pub(super) fn change_path(&self, value: &Bound<'_, PyAny>, set: fn(RequestRec, &[u8])) -> PyResult<()> {
        let value = path_bytes(value)?;
        set(self.rec()?, value.as_bytes());
        Ok(())
    }

    /// The texts of an array.
    pub(super) fn texts<'py>(
        &self,
        py: Python<'py>,
        field: fn(&sys::request_rec) -> *const sys::apr_array_header_t,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let record = self.rec()?;
        let names: Vec<_> = record.texts(field).map(|name| to_str(py, name)).collect();
        PyTuple::new(py, names)
    }

    /// The wrapper of a request that this one is tied to.
    pub(super) fn relative<'py>(
        &self,
        py: Python<'py>,
        record: Option<RequestRec>,
    ) -> PyResult<Option<Bound<'py, Self>>> {
        record.map(|record| Self::of(py, record)).transpose()
    }

    /// The parts of the URI.
    pub(super) fn uri_parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let record = self.rec()?;
        let uri = &record.raw().parsed_uri;
        let part = |field: fn(&sys::request_rec) -> *const c_char| match record.text(field) {
            Some(text) => to_str(py, text).into_any(),
            None => py.None().into_bound(py),
        };
        let port =
            if uri.port_str.is_null() { py.None().into_bound(py) } else { uri.port.into_pyobject(py)?.into_any() };
        PyTuple::new(
            py,
            [
                part(|r| r.parsed_uri.scheme),
                part(|r| r.parsed_uri.hostinfo),
                part(|r| r.parsed_uri.user),
                part(|r| r.parsed_uri.password),
                part(|r| r.parsed_uri.hostname),
                port,
                part(|r| r.parsed_uri.path),
                part(|r| r.parsed_uri.query),
                part(|r| r.parsed_uri.fragment),
            ],
        )
    }

    /// The handlers of the running phase, if there is one.
    pub(super) fn handler_list<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, HandlerEntries>>> {
        let state = self.state()?;
        let entries = {
            let phases = state.phases.borrow();
            let Some(phase) = phases.running() else { return Ok(None) };
            if let Some(hlist) = &phase.hlist {
                return Ok(Some(hlist.bind(py).clone()));
            }
            let record = state.record();
            let filename = record.filename().map(decode);
            HandlerEntries::of(&phase.entries, phase.current, filename.as_deref())
        };
        let hlist = Bound::new(py, entries)?;
        if let Some(phase) = state.phases.borrow_mut().running_mut() {
            phase.hlist = Some(hlist.clone().unbind());
        }
        Ok(Some(hlist))
    }
}

/// Seconds as httpd counts time: microseconds.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn to_micros(seconds: f64) -> PyResult<i64> {
    let whole = seconds.trunc();
    if whole.is_nan() || whole.abs() > 9.0e12 {
        return Err(PyOverflowError::new_err("not a time in seconds"));
    }
    Ok(whole as i64 * 1_000_000)
}
