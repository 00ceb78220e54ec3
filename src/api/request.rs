//! `mp_request`.

use pyo3::prelude::*;

use crate::httpd::RequestRec;

/// x
#[pyclass(frozen, dict, weakref, subclass, name = "mp_request", module = "_apache")]
pub struct Request {}

impl Request {
    /// x
    pub fn of(py: Python<'_>, _rec: RequestRec) -> PyResult<Py<Self>> {
        Py::new(py, Self {})
    }
}
