//! The exceptions that end a run. Both are `BaseException`, so that `except Exception` in a body does not catch them.

use pyo3::create_exception;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::reload::interrupt::run::Reason;

create_exception!(
    _apache,
    ReloadTimeout,
    PyBaseException,
    "The body of an edited module ran longer than PythonReloadTimeout allows."
);
create_exception!(
    _apache,
    ReloadSuperseded,
    PyBaseException,
    "A file was edited again while the body of a module that depends on it ran."
);

/// The exception of a run that was called off.
pub fn exception(reason: Reason) -> PyErr {
    match reason {
        Reason::Late => ReloadTimeout::new_err("the time was over before all bodies had come to their end"),
        Reason::Superseded => ReloadSuperseded::new_err("a file of this build was edited again"),
    }
}

/// Whether an error is the exception of a run that was called off.
pub fn is_called_off(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<ReloadTimeout>(py) || error.is_instance_of::<ReloadSuperseded>(py)
}

/// The class to raise in another thread, which makes the exception by itself.
pub(super) fn class(py: Python<'_>, reason: Reason) -> Bound<'_, PyType> {
    match reason {
        Reason::Late => py.get_type::<ReloadTimeout>(),
        Reason::Superseded => py.get_type::<ReloadSuperseded>(),
    }
}
