//! What the request runs in: the phase and its handlers, the server, related requests, the log and the end.

use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString};

use crate::api::convert::capsule;
use crate::api::hlist::HandlerEntries;
use crate::api::request::Request;
use crate::api::request::fields::FieldText;
use crate::api::server::Server;

#[pymethods]
impl Request {
    /// The extension that chose the list of handlers; "" for a file without one, None when the bare list runs.
    #[getter]
    fn extension<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        let phases = self.state()?.phases.borrow();
        let extension = phases.latest().and_then(|phase| phase.extension.as_deref());
        Ok(extension.map(|extension| PyString::new(py, extension)))
    }

    /// The handlers of the running phase; None outside of a phase.
    #[getter]
    fn hlist<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, HandlerEntries>>> {
        self.handler_list(py)
    }

    /// The name of the interpreter that runs the handlers.
    #[getter]
    fn interpreter<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        let phases = self.state()?.phases.borrow();
        Ok(phases.latest().map(|phase| PyString::new(py, &phase.interpreter)))
    }

    /// The request that this one is a subrequest of.
    #[getter]
    fn main<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.relative(py, self.rec()?.main())
    }

    /// The request that was internally redirected to this one.
    #[getter]
    fn prev<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.relative(py, self.rec()?.prev())
    }

    /// The request that this one was internally redirected to.
    #[getter]
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.relative(py, self.rec()?.next())
    }

    /// The directive of the running phase; None outside of a phase.
    #[getter]
    fn phase<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        let state = self.state()?;
        let name = state.phases.borrow().running().map(|phase| phase.phase.name());
        Ok(name.map(|name| PyString::intern(py, name)))
    }

    /// The server that handles the request.
    #[getter]
    fn server<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Server>> {
        let record = self.rec()?;
        self.part(py, |o| &mut o.server, || Server::of(py, record.server()))
    }

    /// The `request_rec`, for other C code.
    #[getter]
    fn _request_rec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule(py, self.rec()?.as_ptr().cast())
    }

    /// Logs with the request's tags; `level` is one of APLOG_*, 0 means APLOG_ERR. A message of None is ignored.
    #[pyo3(signature = (message, level=0))]
    fn log_error(&self, message: Option<&Bound<'_, PyString>>, level: i64) -> PyResult<()> {
        self.log(message, level)
    }

    /// Calls `callable` with `data` (a tuple is spread over its arguments) after the request; the last one registered is the
    /// first one called. Raises ValueError when it cannot be called.
    #[pyo3(signature = (callable, data=None))]
    fn register_cleanup(
        &self,
        py: Python<'_>,
        callable: Bound<'_, PyAny>,
        data: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.register(callable, data.unwrap_or_else(|| py.None().into_bound(py)))
    }
}
