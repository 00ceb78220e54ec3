//! Whether new code has the object that a directive names, as far as that is known without calling anything.

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyType};

use crate::reload::module::managed::Managed;

/// Checks that a module to be published has the `object`, whose name may be dotted.
///
/// # Errors
/// `AttributeError` where a part is missing, `TypeError` where the object cannot be called.
pub(super) fn check(py: Python<'_>, module: &Managed, object: &str) -> PyResult<()> {
    let mut found = module.exposed(py);
    let mut path = String::new();
    for part in object.split('.') {
        let next = match look(&found, part)? {
            Look::Found(next) => next,
            Look::Unknown => return Ok(()),
            Look::Missing => {
                let owner = if path.is_empty() { String::new() } else { format!("'{path}' of ") };
                return Err(PyAttributeError::new_err(format!(
                    "{owner}module '{}' contains no '{part}', and a directive names '{object}'",
                    module.name
                )));
            }
        };
        path = if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
        found = next;
    }
    if found.is_callable() {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "'{object}' of module '{}', which a directive names, is of type {} and cannot be called",
        module.name,
        found.get_type().name()?
    )))
}

enum Look<'py> {
    Found(Bound<'py, PyAny>),
    Missing,
    /// Only a call would show whether it is there.
    Unknown,
}

fn look<'py>(owner: &Bound<'py, PyAny>, name: &str) -> PyResult<Look<'py>> {
    let py = owner.py();
    if let Ok(module) = owner.cast::<PyModule>() {
        return Ok(module.dict().get_item(name)?.map_or(Look::Missing, Look::Found));
    }
    let inspect = crate::python::import(py, "inspect")?;
    let object = crate::python::import(py, "builtins")?.getattr("object")?;
    let nothing = object.call0()?;
    let value = inspect.getattr("getattr_static")?.call1((owner, name, &nothing))?;
    if value.is(&nothing) {
        let is_unknown = match owner.cast::<PyType>() {
            // A request makes an instance of a class on the way to the object.
            Ok(class) => instance_may_have(class, name, &object)?,
            Err(_) => answers_by_code(&owner.get_type(), &object)?,
        };
        return Ok(if is_unknown { Look::Unknown } else { Look::Missing });
    }
    // What a property or a method returns is left to the request.
    if value.get_type().hasattr("__get__")? || owner.is_instance_of::<PyType>() {
        return Ok(Look::Unknown);
    }
    Ok(Look::Found(value))
}

fn answers_by_code(class: &Bound<'_, PyType>, object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let own = class.getattr("__getattribute__")?;
    Ok(class.hasattr("__getattr__")? || !own.is(object.getattr("__getattribute__")?))
}

/// Names in a function's code that may set attributes of any name.
const SETTERS: [&str; 4] = ["setattr", "__setattr__", "__dict__", "vars"];

/// Whether an instance may have an attribute that its class does not have: only where code of the class mentions the name, or
/// where that code cannot be looked at.
fn instance_may_have(class: &Bound<'_, PyType>, name: &str, object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if answers_by_code(class, object)? {
        return Ok(true);
    }
    for class in class.mro().iter().filter(|class| !class.is(object)) {
        let members = class.getattr("__dict__")?.call_method0("items")?;
        for member in members.try_iter()? {
            let (key, value): (String, Bound<'_, PyAny>) = member?.extract()?;
            let function = value.getattr_opt("__func__")?.unwrap_or(value);
            if let Some(code) = function.getattr_opt("__code__")? {
                let names: Vec<String> = code.getattr("co_names")?.extract()?;
                if names.iter().any(|n| n == name || SETTERS.contains(&n.as_str())) {
                    return Ok(true);
                }
            } else if matches!(key.as_str(), "__init__" | "__new__") {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
