//! Functions registered for the end of a child.

use pyo3::prelude::*;

use crate::httpd::log;
use crate::python::error;
use crate::python::gil::GilCell;

/// A registered function and what it is called with.
pub struct Cleanup {
    /// The function.
    pub function: Py<PyAny>,
    /// Its data; a tuple is spread over the arguments, as in mod_python.
    pub data: Py<PyAny>,
}

impl Cleanup {
    /// Calls the function with its data.
    ///
    /// # Errors
    /// What the function raises.
    pub fn call(&self, py: Python<'_>) -> PyResult<()> {
        match self.data.bind(py).cast::<pyo3::types::PyTuple>() {
            Ok(arguments) => self.function.call1(py, arguments.clone())?,
            Err(_) => self.function.call1(py, (&self.data,))?,
        };
        Ok(())
    }
}

static CHILD: GilCell<Vec<Cleanup>> = GilCell::new(Vec::new());

/// Registers for the end of the child.
pub fn register_for_child(py: Python<'_>, cleanup: Cleanup) {
    CHILD.borrow(py).push(cleanup);
}

/// Runs what was registered, last first; errors are logged.
pub fn run_for_child(py: Python<'_>) {
    loop {
        let next = CHILD.borrow(py).pop();
        let Some(cleanup) = next else { break };
        if let Err(e) = cleanup.call(py) {
            log::error!("a cleanup failed: {}", error::format(py, &e));
        }
    }
}
