//! The engine's state as Python data and as text, and what code asks of the engine.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::reload::Snapshot;
use crate::reload::application::Application;
use crate::reload::application::pinned::Keep;
use crate::reload::application::view::Context;
use crate::reload::import::{self, bodies, look_ahead, unmanaged};
use crate::reload::module::Managed;
use reload_core::files::symlinks;
use reload_core::graph::{Graph, Name, dot};
use reload_core::scoreboard;

/// The number of the generation that the calling code sees; 0 outside a request.
pub fn generation() -> u64 {
    Context::innermost().map_or(0, |context| context.view.number())
}

/// The generation that the calling code sees; while one is built, the one before it.
fn seen(context: &Context) -> Arc<Snapshot> {
    context.view.clone().published().unwrap_or_else(|| context.application.current())
}

/// The modules of a generation, by name.
fn modules(seen: &Snapshot) -> Vec<Arc<Managed>> {
    let mut modules: Vec<_> = seen.modules().values().cloned().collect();
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    modules
}

/// The application, its generation, its managed modules and who imports whom, why newer code is not served, and which modules
/// need a restart to be as they are on disk.
pub fn graph(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    let list = PyList::empty(py);
    let restart = restart_required(py)?;
    let (mut label, mut failure, mut followed) = (String::new(), None, 0);
    if let Some(context) = Context::innermost() {
        let application = &context.application;
        let graph = application.graph();
        let seen = seen(&context);
        for module in modules(&seen) {
            let entry = PyDict::new(py);
            entry.set_item("name", &*module.name)?;
            entry.set_item("file", module.origin.file().map(|f| f.as_os_str()))?;
            entry.set_item("generation", module.generation)?;
            entry.set_item("imports", sorted(graph.used_by(&module.name)))?;
            entry.set_item("may_import", may_import(&seen, &graph, &module))?;
            entry.set_item("imported_by", sorted(graph.users_of(&module.name)))?;
            list.append(entry)?;
        }
        for (name, reason) in application.kept.restart_required() {
            let module = application.current().any(&name);
            let file = module.as_ref().and_then(|module| module.origin.file());
            restart.append(outdated(py, &name, file.map(PathBuf::as_path), reason)?)?;
        }
        label = application.key.label();
        failure = application.failure().map(|f| f.text.clone());
        followed = application.followed();
    }
    result.set_item("application", label)?;
    result.set_item("generation", generation())?;
    result.set_item("failure", failure)?;
    result.set_item("restart_required", restart)?;
    result.set_item("followed", followed)?;
    result.set_item("modules", list)?;
    Ok(result)
}

/// Modules that are not managed and have changed on disk since Python loaded them.
fn restart_required(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    unmanaged::take_in(py);
    py.detach(unmanaged::look);
    let list = PyList::empty(py);
    for module in unmanaged::outdated() {
        list.append(outdated(py, &module.name, Some(&module.file), module.reason)?)?;
    }
    Ok(list)
}

fn outdated<'py>(py: Python<'py>, name: &str, file: Option<&Path>, reason: &str) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("name", name)?;
    entry.set_item("file", file.map(Path::as_os_str))?;
    entry.set_item("reason", reason)?;
    Ok(entry)
}

/// The managed modules that import statements of the module name and that it has not imported, as the function they stand in
/// has not run.
fn may_import(seen: &Snapshot, graph: &Graph, module: &Managed) -> Vec<String> {
    let is_managed = |name: &Name| {
        seen.any(name).is_some() || seen.sources.get(name).is_some_and(|foreseen| foreseen.origin().is_some())
    };
    let used: HashSet<&Name> = graph.used_by(&module.name).collect();
    let mut names = look_ahead::names(module.package(), &module.source);
    names.retain(|name| !used.contains(name) && *name != module.name && is_managed(name));
    names.sort_unstable();
    names.iter().map(|name| name.to_string()).collect()
}

/// What every child of the server does for each of its applications.
pub fn children(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let mut children = py.detach(|| scoreboard::current().map(|board| board.children()).unwrap_or_default());
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

/// The modules and their imports as text for Graphviz. `verbose` adds file and generation to each; with `roots` only what they
/// import, and what that imports, is shown.
pub fn dot(verbose: bool, roots: Option<&dyn Fn(&Managed) -> bool>) -> String {
    let Some(context) = Context::innermost() else { return dot::text("", &[], &Graph::default()) };
    let graph = context.application.graph();
    let mut modules = modules(&seen(&context));
    if let Some(is_root) = roots {
        let reached = reach(&graph, modules.iter().filter(|m| is_root(m)).map(|m| m.name.clone()).collect());
        modules.retain(|module| reached.contains(&module.name));
    }
    let nodes: Vec<(Name, Vec<String>)> = modules
        .iter()
        .map(|module| {
            let file = module.origin.file().map(|f| f.display().to_string());
            let lines = file.into_iter().chain([format!("generation {}", module.generation)]);
            (module.name.clone(), if verbose { lines.collect() } else { Vec::new() })
        })
        .collect();
    dot::text(&context.application.key.label(), &nodes, &graph)
}

fn reach(graph: &Graph, mut queue: Vec<Name>) -> HashSet<Name> {
    let mut reached = HashSet::new();
    while let Some(name) = queue.pop() {
        if reached.insert(name.clone()) {
            queue.extend(graph.used_by(&name).cloned());
        }
    }
    reached
}

fn sorted<'a>(names: impl Iterator<Item = &'a Name>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.map(|n| &**n).collect();
    names.sort_unstable();
    names
}

/// A loaded module of the calling code's application, by its name or its file.
pub fn loaded(py: Python<'_>, name_or_path: &str) -> Option<Arc<Managed>> {
    let context = import::calling_context(py)?;
    if !name_or_path.contains('/') {
        return context.view.any(&Name::from(name_or_path));
    }
    let path = symlinks::with_canonical_parent(Path::new(name_or_path));
    modules(&seen(&context)).into_iter().find(|module| module.origin.file().is_some_and(|file| *file == path))
}

/// The application whose code asks for something to be kept.
fn asking(py: Python<'_>) -> PyResult<Arc<Application>> {
    import::calling_context(py).map(|context| context.application).ok_or_else(|| {
        PyRuntimeError::new_err("only code that httpd serves, or that such code has loaded, belongs to an application")
    })
}

/// Keeps a module: at once, or when the body that asks for it has run to its end.
///
/// # Errors
/// `RuntimeError` for code that belongs to no application.
pub fn keep(py: Python<'_>, keep: Keep) -> PyResult<()> {
    let application = asking(py)?;
    match bodies::running_body() {
        Some(body) => body.note_keep(keep),
        None => application.keep([keep]),
    }
    Ok(())
}

/// Keeps the module of this name, and all that lie in it.
///
/// # Errors
/// As [`keep`]; `ValueError` when that is no name.
pub fn pin(py: Python<'_>, name: &str) -> PyResult<()> {
    if name.split('.').any(str::is_empty) {
        return Err(PyValueError::new_err(format!(
            "'{name}' is not a module name: it takes names joined by single dots"
        )));
    }
    keep(py, Keep::Pinned(Name::from(name)))
}

/// Nothing of the calling code's application is made anew until the child ends.
///
/// # Errors
/// As [`keep`].
pub fn freeze(py: Python<'_>) -> PyResult<()> {
    asking(py)?.kept.freeze();
    Ok(())
}
