//! The engine's state as Python data.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::board;
use super::context::{self, View};
use super::graph::Name;

/// The number of the generation that the calling code sees; 0 outside a request.
pub fn generation() -> u64 {
    match context::innermost() {
        Some((_, View::Generation(generation))) => generation.number,
        Some((_, View::Stage(stage))) => stage.number(),
        None => 0,
    }
}

/// The application, its generation, its managed modules and who imports whom, and why newer code is not served.
pub fn graph(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    let list = PyList::empty(py);
    let (mut label, mut failure) = (String::new(), None);
    if let Some((application, view)) = context::innermost() {
        let seen = match view {
            View::Generation(generation) => generation,
            View::Stage(_) => application.current(),
        };
        let graph = application.graph();
        let mut modules: Vec<_> = seen.modules().into_values().collect();
        modules.sort_by(|a, b| a.name.cmp(&b.name));
        for module in modules {
            let entry = PyDict::new(py);
            entry.set_item("name", &*module.name)?;
            entry.set_item("file", module.origin.file().map(|f| f.as_os_str()))?;
            entry.set_item("generation", module.generation)?;
            entry.set_item("imports", sorted(graph.used_by(&module.name)))?;
            entry.set_item("imported_by", sorted(graph.users_of(&module.name)))?;
            list.append(entry)?;
        }
        label = application.key.label();
        failure = application.failure().map(|f| f.text.clone());
    }
    result.set_item("application", label)?;
    result.set_item("generation", generation())?;
    result.set_item("failure", failure)?;
    result.set_item("modules", list)?;
    Ok(result)
}

/// What every child of the server does for each of its applications.
pub fn children(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let mut children = py.detach(|| board::current().map(|board| board.children()).unwrap_or_default());
    children.sort_by(|a, b| (&a.application, a.pid).cmp(&(&b.application, b.pid)));
    let list = PyList::empty(py);
    for child in children {
        let entry = PyDict::new(py);
        entry.set_item("pid", child.pid)?;
        entry.set_item("application", child.application)?;
        entry.set_item("generation", child.generation)?;
        entry.set_item("state", child.state.word())?;
        entry.set_item("error", child.error)?;
        entry.set_item("manifest", child.manifest.map(|word| format!("{word:016x}")).concat())?;
        entry.set_item("since", child.since.as_secs_f64())?;
        entry.set_item("published", child.published.as_secs_f64())?;
        list.append(entry)?;
    }
    Ok(list)
}

fn sorted<'a>(names: impl Iterator<Item = &'a Name>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.map(|n| &**n).collect();
    names.sort_unstable();
    names
}
