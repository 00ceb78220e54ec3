//! The built-in module `_apache`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Builds the module and puts it into `sys.modules`. A sub-interpreter gets one of its own.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let module = PyModule::new(py, "_apache")?;
    let modules: Bound<'_, PyDict> = py.import("sys")?.getattr("modules")?.cast_into()?;
    modules.set_item("_apache", &module)?;
    Ok(())
}
