//! Edits that only change comments, blank lines or docstrings. No module has to run again, but tracebacks must name the new lines:
//! the code objects that are in use get the line tables of the new code.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::python::line_tables::{self, Pair};
use crate::reload::application::Application;
use crate::reload::application::parts::change::Change;
use crate::reload::import::sources;
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use os::log;
use reload_core::graph::Name;

/// Names that code mentions which may read docstrings. The attribute `__doc__` is looked for as well.
const ASKS_FOR_TEXTS: [&str; 4] = ["getdoc", "doctest", "pydoc", "docopt"];

/// Takes in the changes that leave the code as it is. Returns the others, compiled where that was possible. Generations share code
/// objects: while a handler runs, whose tracebacks are to show the lines that it began with, such modules run again instead.
pub fn take_in(
    py: Python<'_>,
    application: &Arc<Application>,
    mut changes: HashMap<Name, Change>,
) -> HashMap<Name, Change> {
    let is_in_use = application.is_in_use();
    let current = application.current();
    let mut taken = Vec::new();
    for (name, change) in &mut changes {
        let (Some(_), Some(Ok(content)), Some(module)) = (&change.known, &change.content, current.ready(name)) else {
            continue;
        };
        if module.origin.file().is_none() || change.data.is_some() {
            continue;
        }
        // If it does not compile, the build says so.
        let Ok(source) = sources::compile(py, &module.origin, content) else { continue };
        change.source = Some(source);
        // An error here only means that the module runs again.
        if !is_in_use && !change.is_asked && relabel(py, &current, &module, change).unwrap_or(false) {
            taken.push(name.clone());
        }
    }
    for name in &taken {
        let change = changes.remove(name);
        drop(change);
        application.settle(name);
    }
    if !taken.is_empty() {
        taken.sort_unstable();
        log::info!("nothing had to run: only comments or docstrings changed in {}", taken.join(", "));
    }
    changes
}

fn relabel(py: Python<'_>, current: &Snapshot, module: &Managed, change: &Change) -> PyResult<bool> {
    let (Some(old), Some(newer)) = (&module.source.code, &change.source) else { return Ok(false) };
    let Some(new) = &newer.code else { return Ok(false) };
    let (before, after) = (PyBytes::new(py, &module.source.bytes()), PyBytes::new(py, &newer.bytes()));
    let arguments = (module.module.bind(py), old, new, before, after);
    let found = crate::python::import(py, "_mod_python_edits")?.getattr("relabelling")?.call1(arguments)?;
    if found.is_none() || (found.getattr("changes_texts")?.extract()? && uses_texts(current)) {
        return Ok(false);
    }
    let pairs: Vec<Pair<'_>> = found.getattr("codes")?.extract()?;
    if !line_tables::exchange(&pairs) {
        return Ok(false);
    }
    found.call_method0("apply")?;
    module.source.take_text(py, newer)?;
    let loader = crate::python::import(py, "_mod_python_loader")?;
    loader.getattr("forget_lines")?.call1((module.origin.file().map(|f| f.as_os_str()),))?;
    Ok(true)
}

fn uses_texts(current: &Snapshot) -> bool {
    current
        .modules()
        .values()
        .map(|module| &module.source.facts)
        .any(|facts| facts.reads_attribute("__doc__") || ASKS_FOR_TEXTS.iter().any(|name| facts.mentions(name)))
}
