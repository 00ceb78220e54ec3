//! The tables of a request: headers, notes, the CGI environment and the configuration.

use pyo3::prelude::*;

use crate::api::request::Request;
use crate::api::table::Table;

#[pymethods]
impl Request {
    /// Headers of the response that are sent with errors and redirects too.
    #[getter]
    fn err_headers_out<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.err_headers_out, |r| r.err_headers_out)
    }

    /// The request's headers.
    #[getter]
    fn headers_in<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.headers_in, |r| r.headers_in)
    }

    /// The response's headers.
    #[getter]
    fn headers_out<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.headers_out, |r| r.headers_out)
    }

    /// Notes that modules leave for each other about the request.
    #[getter]
    fn notes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.notes, |r| r.notes)
    }

    /// The environment for CGI scripts and server-side includes.
    #[getter]
    fn subprocess_env<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.subprocess_env, |r| r.subprocess_env)
    }

    /// Fills subprocess_env with the variables of CGI. PATH_TRANSLATED is left out, as it takes a subrequest.
    fn add_cgi_vars(&self, py: Python<'_>) -> PyResult<()> {
        self.add_cgi_variables(py)
    }

    /// Fills subprocess_env with the variables that CGI and server-side includes share.
    fn add_common_vars(&self, py: Python<'_>) -> PyResult<()> {
        self.add_common_variables(py)
    }

    /// The Python* settings in effect; flags are "1" or "0", settings that are not set are missing. The same table at each call.
    fn get_config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.config(py)
    }

    /// The PythonOption values in effect. The same table at each call.
    fn get_options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.options(py)
    }
}
