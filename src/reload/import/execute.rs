//! The execution of a module: its object is made and its body runs.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyModule, PyWeakrefReference};

use crate::python::{raw_import, stack};
use crate::reload::application::Application;
use crate::reload::application::registry::mark;
use crate::reload::import::bodies;
use crate::reload::import::process::archive_resources::ArchiveHandle;
use crate::reload::import::process::sys_modules;
use crate::reload::interrupt::run::Run;
use crate::reload::lifecycle::hooks;
use crate::reload::lifecycle::retirement;
use crate::reload::module::effects::BuildEffects;
use crate::reload::module::execution_hooks::ExecutionHooks;
use crate::reload::module::managed;
use crate::reload::module::managed::{Managed, ManagedParts};
use crate::reload::module::origin::Origin;
use crate::reload::module::owner::Owner;
use crate::reload::module::source::Source;
use reload_core::graph::Name;

/// The sequence number of the next body in this child.
static SEQUENCE: AtomicU64 = AtomicU64::new(1);

/// The sequence number of the next body that begins.
pub(in crate::reload) fn horizon() -> u64 {
    SEQUENCE.load(Ordering::SeqCst)
}

/// A module to make: what it is called and made from, and for which generation.
pub(in crate::reload) struct ModuleOrder {
    /// The application.
    pub application: Arc<Application>,
    /// The dotted name.
    pub name: Name,
    /// What it is made from.
    pub origin: Origin,
    /// Its compiled source.
    pub source: Arc<Source>,
    /// The generation that it will belong to.
    pub generation: u64,
    /// What the build has added so far, if there is one.
    pub draft: Option<Arc<BuildEffects>>,
    /// The run of the build that makes it, if it is one.
    pub run: Option<Arc<Run>>,
}

/// Makes the module object and runs the body. `begin` is called in between, so that imports in a cycle find the module.
/// `sys.modules` names the module from then on; after an error it is as before.
///
/// # Errors
/// What the body raises, `SystemExit` included.
pub(in crate::reload) fn run(
    py: Python<'_>,
    order: ModuleOrder,
    begin: impl FnOnce(&Arc<Managed>),
) -> PyResult<Arc<Managed>> {
    stack::check(py, &order.name)?;
    let (module, loader) = new_module(py, &order)?;
    let ModuleOrder { application, name, origin, source, generation, draft, run } = order;
    let parts = ManagedParts {
        name: name.clone(),
        origin,
        source: source.clone(),
        application: Owner::new(Arc::downgrade(&application)),
        generation,
        copied_from: None,
        life: ExecutionHooks::new(draft.as_ref(), PyWeakrefReference::new(&loader)?.into_any().unbind()),
    };
    let sequence = SEQUENCE.fetch_add(1, Ordering::SeqCst);
    let record = Managed::new(py, parts, module.clone().unbind(), sequence);
    begin(&record);
    let before = sys_modules::show(py, &application, &name, Some(module.as_any()))?;
    retirement::start();
    let Some(code) = &source.code else { return Ok(record) };
    let running = bodies::begin_body(&record);
    let dict = module.dict();
    let result = crate::python::import(py, "builtins")?.getattr("exec")?.call1((code, &dict));
    drop(running);
    if let Err(error) = result {
        hooks::failed(py, &record, &error);
        // An abandoned build has been taken back: the entry is another build's by now.
        if !run.is_some_and(|run| run.is_abandoned()) {
            sys_modules::restore(py, &application, &name, before)?;
        }
        return Err(error);
    }
    hooks::finished(py, &record)?;
    record.note_end();
    if sys_modules::is_ours(py, &name) {
        let now = raw_import::modules(py)?.get_item(&*name)?;
        if let Some(now) = now.filter(|now| !now.is(&module) && !is_another(py, &application, &name, now)) {
            record.replace(now.unbind());
        }
    }
    Ok(record)
}

/// Whether the entry of `sys.modules` is another execution of the module, which another thread has put there.
fn is_another(py: Python<'_>, application: &Application, name: &Name, shown: &Bound<'_, PyAny>) -> bool {
    let namespace = shown.cast::<PyModule>().map(|module| module.dict()).ok();
    namespace.and_then(|dict| managed::by_globals(&dict)).is_some_and(|other| other.name == *name)
        || application.current().any(name).is_some_and(|served| served.exposed(py).is(shown))
}

/// Copies a package's namespace to a new module object. A package gets such a copy when a submodule of it is renewed and its own
/// code need not run. The attributes of the `renewed` submodules are left out.
///
/// # Errors
/// What Python raises when it is out of memory.
pub(in crate::reload) fn copy(py: Python<'_>, original: &Arc<Managed>, renewed: &[Box<str>]) -> PyResult<Arc<Managed>> {
    let module = PyModule::new(py, &original.name)?;
    let dict = module.dict();
    dict.update(original.module.bind(py).dict().as_mapping())?;
    for tail in renewed {
        if dict.contains(&**tail)? {
            dict.del_item(&**tail)?;
        }
    }
    let parts = ManagedParts {
        name: original.name.clone(),
        origin: original.origin.clone(),
        source: original.source.clone(),
        application: original.application.clone(),
        generation: original.generation,
        copied_from: Some(original.copied_from.clone().unwrap_or_else(|| original.clone())),
        life: ExecutionHooks::of_copy(),
    };
    let record = Managed::new(py, parts, module.clone().unbind(), original.sequence);
    record.take_after(original, renewed);
    record.note_end();
    if let Some(application) = original.application.get::<Application>() {
        sys_modules::show(py, &application, &original.name, Some(module.as_any()))?;
    }
    Ok(record)
}

/// Makes a module object and its loader.
fn new_module<'py>(py: Python<'py>, order: &ModuleOrder) -> PyResult<(Bound<'py, PyModule>, Bound<'py, PyAny>)> {
    let ModuleOrder { application, name, origin, source, .. } = order;
    let module = PyModule::new(py, name)?;
    let loader_type = crate::python::import(py, "_mod_python_loader")?.getattr("ManagedLoader")?;
    let file = origin.file().map(|f| f.as_os_str());
    let text = match &source.text {
        Some(text) => text.bind(py).clone(),
        None => PyList::new(py, [PyBytes::new(py, b"")])?,
    };
    let archive = origin.file().and_then(|file| ArchiveHandle::of(application, file));
    let loader = loader_type.call1((mark(application), &**name, file, text, origin.is_package(), archive))?;
    let directories = origin.is_package().then(|| origin.directories());
    let neighbours: Vec<OsString> = application.roots.directory_of(name).into_iter().map(Into::into).collect();
    loader.call_method1("prepare", (&module, directories, order.generation, neighbours))?;
    Ok((module, loader))
}

/// Puts a submodule into its package's namespace, once for each pair of objects, as Python does after loading it. Returns whether
/// it set the attribute.
///
/// # Errors
/// What setting the attribute raises.
pub(in crate::reload) fn bind(py: Python<'_>, package: &Managed, child: &Managed) -> PyResult<bool> {
    let Some((_, tail)) = child.name.rsplit_once('.') else { return Ok(false) };
    if !package.note_bound(tail, child) {
        return Ok(false);
    }
    package.exposed(py).setattr(tail, child.exposed(py))?;
    Ok(true)
}
