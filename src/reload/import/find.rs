//! Finds the managed module that an import asks for.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::python::stdlib::is_standard;
use crate::reload::application::Application;
use crate::reload::application::view::{Context, ModuleSpec, View, known};
use crate::reload::import::execute;
use crate::reload::import::importer::Importer;
use crate::reload::import::process::sys_modules;
use crate::reload::import::resolve::Parent;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use reload_core::graph::Name;

impl Context {
    /// Finds a managed module, and loads it into the view if it is not there; `None` for names that are not managed.
    ///
    /// # Errors
    /// What loading raises; `ModuleNotFoundError` for a submodule of a managed module that is not there.
    pub fn find(&self, py: Python<'_>, name: &Name) -> PyResult<Option<Arc<Managed>>> {
        // From the name up to what is there, and down again; no recursion, as a name may have more parts than a stack is deep.
        let mut missing: Vec<(Name, Option<Arc<Managed>>)> = Vec::new();
        let mut parent = None;
        let mut at = name.clone();
        loop {
            let ready = self.view.ready(py, &at);
            // A build begins with the package even so: the package may be broken now, or not have the submodule any more.
            if ready.is_some() && self.view.is_published() {
                parent = ready;
                break;
            }
            let above = at.rsplit_once('.').map(|(above, _)| Name::from(above));
            missing.push((at, ready));
            match above {
                Some(above) => at = above,
                None => break,
            }
        }
        while let Some((name, ready)) = missing.pop() {
            let found = self.find_in(py, &name, ready, parent).inspect_err(|_| {
                missing.iter().rev().for_each(|(below, _)| self.view.note_missing(py, below));
            })?;
            if found.is_none() {
                return Ok(None);
            }
            parent = found;
        }
        Ok(parent)
    }

    /// Finds a module whose package is `parent`. `ready` is the module if it is there already.
    fn find_in(
        &self,
        py: Python<'_>,
        name: &Name,
        ready: Option<Arc<Managed>>,
        parent: Option<Arc<Managed>>,
    ) -> PyResult<Option<Arc<Managed>>> {
        let found = match ready {
            Some(ready) => ready,
            None => {
                let Resolution::Managed(origin) = self.resolve(py, name, &Parent::from(parent.as_ref()))? else {
                    return Ok(None);
                };
                let spec = ModuleSpec { name, origin: &origin, package: parent.as_ref() };
                self.view.obtain(py, &self.application, &spec)?
            }
        };
        if let Some(parent) = parent
            && let Some((_, tail)) = name.rsplit_once('.')
        {
            // The body may have renewed its own package in the meantime.
            let parent = self.view.any(&parent.name).unwrap_or(parent);
            if execute::bind(py, &parent, &found)? {
                self.view.note_bound(&parent, tail);
            }
        }
        Ok(Some(found))
    }
}

impl Importer {
    /// A managed module by its absolute name; `None` where Python's own import is to be asked.
    ///
    /// # Errors
    /// What loading raises.
    pub fn find_for_caller(&self, py: Python<'_>, name: &Name) -> PyResult<Option<Arc<Managed>>> {
        if self.module.is_none() && !self.concerns_managed(py, name)? {
            return Ok(None);
        }
        self.find(py, name)
    }

    /// Whether an import by code that is not managed gets a managed module: only if the name is one, and nothing unmanaged has
    /// it already.
    ///
    /// # Errors
    /// As [`Context::resolve`].
    pub fn concerns_managed(&self, py: Python<'_>, name: &Name) -> PyResult<bool> {
        let first = Name::from(name.split('.').next().unwrap_or(name));
        match self.context.known(&first) {
            Some(Resolution::Unmanaged) => return Ok(false),
            Some(Resolution::Managed(_)) => return Ok(!is_standard(&first)),
            None => {}
        }
        // A module of another application is not unmanaged: this application may have a module of the name too.
        let is_taken = crate::python::raw_import::modules(py)?.contains(&*first)? && !sys_modules::is_ours(py, &first);
        if is_taken || is_standard(&first) {
            return Ok(false);
        }
        Ok(matches!(self.context.resolve(py, &first, &Parent::Nothing)?, Resolution::Managed(_)))
    }

    /// Finds a managed module by its absolute name; or, for code in a directory that is no package, beside the importer.
    ///
    /// # Errors
    /// As [`Context::find`].
    pub fn find(&self, py: Python<'_>, name: &Name) -> PyResult<Option<Arc<Managed>>> {
        let context = &self.context;
        if let Some(found) = context.find(py, name)? {
            return Ok(Some(found));
        }
        let Some(record) = &self.module else { return Ok(None) };
        let package = record.package();
        if package.is_empty() || name.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        {
            return Ok(None);
        }
        let Some(parent) = context.view.any(&Name::from(package)) else { return Ok(None) };
        if !matches!(parent.origin, Origin::Namespace(_)) {
            return Ok(None);
        }
        let first = name.split('.').next().unwrap_or(name);
        let beside = Name::from(format!("{package}.{first}"));
        let is_there = matches!(context.resolve(py, &beside, &Parent::Loaded(parent.clone()))?, Resolution::Managed(_));
        if !is_there || is_importable(py, first)? {
            return Ok(None);
        }
        context.find(py, &Name::from(format!("{package}.{name}")))
    }
}

/// Whether a name stands for something else where no neighbour of the importer has it.
pub(in crate::reload) fn is_elsewhere(py: Python<'_>, view: &dyn View, application: &Application, name: &str) -> bool {
    let first = Name::from(name.split('.').next().unwrap_or(name));
    matches!(known(view, application, &first), Some(Resolution::Managed(_)))
        || is_importable(py, &first).unwrap_or(false)
}

fn is_importable(py: Python<'_>, name: &str) -> PyResult<bool> {
    // A managed module of this application would have been found.
    let is_taken =
        || PyResult::Ok(crate::python::raw_import::modules(py)?.contains(name)? && !sys_modules::is_ours(py, name));
    if is_standard(name) || is_taken()? {
        return Ok(true);
    }
    let finder = crate::python::import(py, "importlib.machinery")?.getattr("PathFinder")?;
    Ok(!finder.call_method1("find_spec", (name,))?.is_none())
}
