//! What the engine serves and knows at the moment, as plain data.
//!
//! Promises: a [`Status`] is taken without changing anything that a request could notice, and has no Python objects, so that any
//! view can be made of it. `python` makes the dicts of `mod_python.reload`; [`dot`] makes the text for Graphviz.
//!
//! Does not know who looks at it, nor how.

pub mod python;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::application::view::Context;
use crate::reload::import::importing_code::ImportingCode;
use crate::reload::import::{self, unmanaged};
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use reload_core::files::symlinks;
use reload_core::graph::{Graph, Name, dot as graphviz};
use reload_core::scoreboard;
use reload_core::scoreboard::child_record::ChildStatus;

/// What the calling code sees of its application. Outside a request it belongs to none, and only `restart_required` says anything.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// The application's label.
    pub application: String,
    /// The number of the generation that the calling code sees; 0 outside a request.
    pub generation: u64,
    /// Why newer code is not served: the traceback.
    pub failure: Option<String>,
    /// The modules that are not as they are on disk until httpd is restarted.
    pub restart_required: Vec<OutdatedModule>,
    /// How many files and directories the application follows.
    pub followed: usize,
    /// The managed modules, by name.
    pub modules: Vec<ModuleStatus>,
}

/// A managed module of a generation.
#[derive(Debug, Clone)]
pub struct ModuleStatus {
    /// Its name.
    pub name: Name,
    /// Its file; none for a namespace package.
    pub file: Option<PathBuf>,
    /// The generation that ran it.
    pub generation: u64,
    /// What it has imported, sorted.
    pub imports: Vec<Name>,
    /// What import statements in functions that have not run would import besides, sorted.
    pub may_import: Vec<Name>,
    /// The modules that have imported it, sorted.
    pub imported_by: Vec<Name>,
}

/// A module whose code is not what is on disk, until httpd is restarted.
#[derive(Debug, Clone)]
pub struct OutdatedModule {
    /// Its name.
    pub name: Name,
    /// Its file, if that is known.
    pub file: Option<PathBuf>,
    /// Why it is not loaded again.
    pub reason: &'static str,
}

impl Status {
    /// The status as the calling code sees it.
    pub fn take(py: Python<'_>) -> Self {
        unmanaged::scan_sys_modules(py);
        py.detach(unmanaged::look);
        let restart_required = unmanaged::outdated()
            .into_iter()
            .map(|module| OutdatedModule { name: module.name, file: Some(module.file), reason: module.reason })
            .collect();
        let mut status = Self { generation: generation(), restart_required, ..Self::default() };
        if let Some(context) = Context::innermost() {
            status.add(&context);
        }
        status
    }

    fn add(&mut self, context: &Context) {
        let application = &context.application;
        let (graph, seen) = (application.graph(), seen(context));
        self.application = application.key.label();
        self.failure = application.failure().map(|failure| failure.text.clone());
        self.followed = application.followed();
        self.modules = modules(&seen).iter().map(|module| ModuleStatus::of(module, &seen, &graph)).collect();
        let current = application.current();
        self.restart_required.extend(application.kept.restart_required().into_iter().map(|(name, reason)| {
            let file = current.any(&name).and_then(|module| module.origin.file().cloned());
            OutdatedModule { name, file, reason }
        }));
    }
}

impl ModuleStatus {
    fn of(module: &Managed, seen: &Snapshot, graph: &Graph) -> Self {
        Self {
            name: module.name.clone(),
            file: module.origin.file().cloned(),
            generation: module.generation,
            imports: sorted(graph.used_by(&module.name).cloned()),
            may_import: may_import(seen, graph, module),
            imported_by: sorted(graph.users_of(&module.name).cloned()),
        }
    }
}

/// The number of the generation that the calling code sees; 0 outside a request.
pub fn generation() -> u64 {
    Context::innermost().map_or(0, |context| context.view.number())
}

/// What every child of the server does for each of its applications, by application and process.
pub fn children() -> Vec<ChildStatus> {
    let mut children = scoreboard::current().map(|board| board.children()).unwrap_or_default();
    children.sort_by(|a, b| (&a.application, a.pid).cmp(&(&b.application, b.pid)));
    children
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

/// The modules and their imports as text for Graphviz. `verbose` adds file and generation to each; with `roots` only what they
/// import, and what that imports, is shown.
pub fn dot(verbose: bool, roots: Option<&dyn Fn(&Managed) -> bool>) -> String {
    let Some(context) = Context::innermost() else { return graphviz::text("", &[], &Graph::default()) };
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
    graphviz::text(&context.application.key.label(), &nodes, &graph)
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

/// The managed modules that import statements of the module name and that it has not imported, as the function they stand in
/// has not run.
fn may_import(seen: &Snapshot, graph: &Graph, module: &Managed) -> Vec<Name> {
    let is_managed = |name: &Name| {
        seen.any(name).is_some() || seen.sources.get(name).is_some_and(|prefetched| prefetched.origin().is_some())
    };
    let used: HashSet<&Name> = graph.used_by(&module.name).collect();
    let names = ImportingCode::of(module).names().into_iter();
    sorted(names.filter(|name| !used.contains(name) && *name != module.name && is_managed(name)))
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

fn sorted(names: impl Iterator<Item = Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.collect();
    names.sort_unstable();
    names
}
