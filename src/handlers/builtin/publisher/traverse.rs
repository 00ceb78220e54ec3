//! From a module to the published object, part by part, and what may be walked through and published.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyFrozenSet, PyModule, PyType};

use crate::handlers::builtin::publisher::protect::Guard;
use crate::handlers::builtin::publisher::{PublishedObject, Refused};
use crate::httpd::sys;

/// What may be done with an object.
struct Permit {
    traverse: bool,
    publish: bool,
}

/// The object that the path names. Every part is checked, and what protects it is obeyed.
pub fn resolve<'py>(
    py: Python<'py>,
    guard: &mut Guard<'_, 'py>,
    module: &Bound<'py, PyAny>,
    path: &[String],
) -> PublishedObject<Bound<'py, PyAny>> {
    guard.check_module(py, module)?;
    let mut object = module.clone();
    for (index, part) in path.iter().enumerate() {
        if part.starts_with('_') {
            return Err(Refused::Status(sys::HTTP_FORBIDDEN));
        }
        if index > 0 && !permit(py, &object)?.traverse {
            return Err(Refused::Status(sys::HTTP_FORBIDDEN));
        }
        object = object.getattr_opt(part.as_str())?.ok_or(Refused::Status(sys::HTTP_NOT_FOUND))?;
        guard.check(py, &object)?;
    }
    if permit(py, &object)?.publish { Ok(object) } else { Err(Refused::Status(sys::HTTP_FORBIDDEN)) }
}

fn permit(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Permit> {
    // SAFETY: the object is alive.
    if unsafe { ffi::PyFunction_Check(object.as_ptr()) } != 0 {
        return Ok(Permit { traverse: false, publish: true });
    }
    let nothing = object.is_instance_of::<PyModule>()
        || object.is_instance_of::<PyType>()
        || object.is_instance_of::<PyCFunction>();
    if nothing {
        return Ok(Permit { traverse: false, publish: false });
    }
    // Functions, methods, generators and whatever else the types module names are leaves.
    let is_leaf = internal_types(py)?.contains(object.get_type())?;
    Ok(Permit { traverse: !is_leaf, publish: true })
}

fn internal_types(py: Python<'_>) -> PyResult<&Bound<'_, PyFrozenSet>> {
    static TYPES: PyOnceLock<Py<PyFrozenSet>> = PyOnceLock::new();
    let set = TYPES.get_or_try_init(py, || -> PyResult<_> {
        let names: Bound<'_, PyDict> = crate::python::import(py, "types")?.dict();
        let types: Vec<Bound<'_, PyAny>> = names.values().iter().filter(|v| v.is_instance_of::<PyType>()).collect();
        Ok(PyFrozenSet::new(py, types)?.unbind())
    })?;
    Ok(set.bind(py))
}
