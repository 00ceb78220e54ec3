//! Python's own `__import__` and `importlib.import_module`, which the hook calls for all that is not managed.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static ORIGINALS: PyOnceLock<Originals> = PyOnceLock::new();

/// The functions that stood in `builtins` and `importlib` before the hook took their places.
pub(in crate::reload) struct Originals {
    /// `builtins.__import__`.
    pub import: Py<PyAny>,
    /// `importlib.import_module`.
    pub import_module: Py<PyAny>,
}

/// Remembers the functions. Returns whether this was the first time.
///
/// # Errors
/// What Python raises while it is asked for them.
pub(in crate::reload) fn remember_originals(py: Python<'_>) -> PyResult<bool> {
    let import = crate::python::import(py, "builtins")?.getattr("__import__")?.unbind();
    let import_module = crate::python::import(py, "importlib")?.getattr("import_module")?.unbind();
    Ok(ORIGINALS.set(py, Originals { import, import_module }).is_ok())
}

/// The functions. Only the hook and what it calls need them, so that they are known.
pub(in crate::reload) fn originals(py: Python<'_>) -> &Originals {
    ORIGINALS.get(py).expect("the hook that calls this is installed after it is set")
}
