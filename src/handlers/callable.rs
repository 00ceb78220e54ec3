//! From `MODULE::OBJECT` to something to call.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyType};

use crate::reload::Context;
use reload_core::graph::Name;

/// Imports the module and resolves the object in it. Classes on the way are instantiated with `argument`. `lasts` means that the
/// handler is named by a configuration file, not by a `.htaccess`.
///
/// # Errors
/// What importing and resolving raise; `AttributeError` when the module has no such object.
pub fn resolve<'py>(
    py: Python<'py>,
    context: &Context,
    module: &Name,
    object: &str,
    argument: &Bound<'py, PyAny>,
    lasts: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let record = context.find(py, module)?;
    let module_object = match &record {
        Some(record) => record.exposed(py),
        None => crate::python::import(py, "importlib")?.call_method1("import_module", (&**module,))?,
    };
    let mut parts = object.split('.');
    let first = parts.next().unwrap_or(object);
    let mut found = attribute(py, &module_object, module, first)?;
    if record.is_some() {
        // What a `.htaccess` names may change with the module, and must not hold it to the old name.
        context.application.add_entry(module, lasts.then_some(object));
    }
    for part in parts {
        if found.is_instance_of::<PyType>() {
            found = found.call1((argument,))?;
        }
        found = found.getattr(part)?;
    }
    Ok(found)
}

fn attribute<'py>(
    py: Python<'py>,
    module: &Bound<'py, PyAny>,
    module_name: &str,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let found = match module.cast::<PyModule>() {
        Ok(module) => {
            let dict: Bound<'py, PyDict> = module.dict();
            dict.get_item(pyo3::types::PyString::intern(py, name))?
        }
        Err(_) => module.getattr_opt(name)?,
    };
    found.ok_or_else(|| {
        let file = module.getattr_opt("__file__").ok().flatten().map_or_else(String::new, |f| format!(" ({f})"));
        PyAttributeError::new_err(format!("module '{module_name}'{file} contains no '{name}'"))
    })
}
