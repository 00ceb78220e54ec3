//! The state of the process that a body can change and that is restored when its build fails: `sys.path`, `sys.meta_path`,
//! `sys.path_hooks`, the standard streams, the import functions, `os.environ`, the working directory and the recursion limit.
//!
//! Changes that another thread makes while a build fails are undone with the rest: nothing records which thread changed a list.

use std::ffi::c_int;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::python::raw_import;
use os::log;

/// Attributes whose objects are restored. The contents of lists and of the environment are restored as well.
const ATTRIBUTES: [(&str, &str); 10] = [
    ("sys", "path"),
    ("sys", "meta_path"),
    ("sys", "path_hooks"),
    ("sys", "modules"),
    ("sys", "stdin"),
    ("sys", "stdout"),
    ("sys", "stderr"),
    ("builtins", "__import__"),
    ("importlib", "import_module"),
    ("os", "environ"),
];

/// The state of the process at one moment.
pub(in crate::reload) struct ProcessState {
    attributes: Vec<(&'static str, &'static str, Option<Py<PyAny>>)>,
    lists: Vec<(Py<PyList>, Py<PyList>)>,
    environment: Option<(Py<PyAny>, Py<PyDict>)>,
    directory: Option<PathBuf>,
    recursion_limit: c_int,
}

impl ProcessState {
    /// Takes the present state.
    ///
    /// # Errors
    /// What Python raises when it is out of memory, or when one of its own modules cannot be imported.
    pub fn capture(py: Python<'_>) -> PyResult<Self> {
        let mut noted = Self {
            attributes: Vec::new(),
            lists: Vec::new(),
            environment: None,
            directory: std::env::current_dir().ok(),
            recursion_limit: raw_import::recursion_limit(py),
        };
        for (module, name) in ATTRIBUTES {
            let value = crate::python::import(py, module)?.getattr_opt(name)?;
            if name == "environ" {
                // A program may have replaced it by something that is no mapping.
                noted.environment = value.as_ref().and_then(|e| Some((e.clone().unbind(), copy(e).ok()?)));
            } else if let Some(list) = value.as_ref().and_then(|v| v.cast::<PyList>().ok()) {
                noted.lists.push((list.clone().unbind(), PyList::new(py, list.iter())?.unbind()));
            }
            noted.attributes.push((module, name, value.map(Bound::unbind)));
        }
        Ok(noted)
    }

    /// Restores what differs now. Logs what cannot be restored.
    pub fn restore(&self, py: Python<'_>) {
        // First, as nothing else can be called with a low limit.
        if raw_import::recursion_limit(py) != self.recursion_limit {
            raw_import::set_recursion_limit(py, self.recursion_limit);
        }
        for (module, name, before) in &self.attributes {
            let put_back = restore_attribute(py, module, name, before.as_ref());
            warn_if_left(py, &format!("{module}.{name}"), put_back);
        }
        for (list, before) in &self.lists {
            let (list, before) = (list.bind(py), before.bind(py));
            let is_same = list.len() == before.len() && list.iter().zip(before.iter()).all(|(a, b)| a.is(&b));
            if !is_same {
                warn_if_left(py, "a list of the import system", list.set_slice(0, list.len(), before.as_any()));
            }
        }
        if let Some((environment, before)) = &self.environment {
            warn_if_left(py, "os.environ", restore_environment(environment.bind(py), before.bind(py)));
        }
        if let Some(before) = &self.directory
            && std::env::current_dir().ok().as_ref() != Some(before)
        {
            warn_if_left(py, "the working directory", std::env::set_current_dir(before).map_err(PyErr::from));
        }
    }
}

fn copy(environment: &Bound<'_, PyAny>) -> PyResult<Py<PyDict>> {
    Ok(environment.call_method0("copy")?.cast_into::<PyDict>()?.unbind())
}

fn restore_attribute(py: Python<'_>, module: &str, name: &str, before: Option<&Py<PyAny>>) -> PyResult<()> {
    let module = crate::python::import(py, module)?;
    match (before, module.getattr_opt(name)?) {
        (Some(before), Some(now)) if now.is(before) => Ok(()),
        (Some(before), _) => module.setattr(name, before),
        (None, Some(_)) => module.delattr(name),
        (None, None) => Ok(()),
    }
}

/// Restores through the mapping's own setters, which call `setenv` as well.
fn restore_environment(environment: &Bound<'_, PyAny>, before: &Bound<'_, PyDict>) -> PyResult<()> {
    let now = copy(environment)?;
    let now = now.bind(environment.py());
    for (key, value) in now.iter() {
        match before.get_item(&key)? {
            Some(old) if old.eq(&value)? => {}
            Some(old) => environment.set_item(&key, old)?,
            None => environment.del_item(&key)?,
        }
    }
    for (key, value) in before.iter() {
        if !now.contains(&key)? {
            environment.set_item(key, value)?;
        }
    }
    Ok(())
}

fn warn_if_left(py: Python<'_>, what: &str, put_back: PyResult<()>) {
    if let Err(error) = put_back {
        let reason = crate::python::error::brief(py, &error);
        log::warning!("{what} stays as code that could not be loaded has left it: {reason}");
    }
}
