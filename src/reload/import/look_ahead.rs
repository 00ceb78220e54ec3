//! Prefetches the modules that functions of loaded modules will import when they are called.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::application::view::Context;
use crate::reload::import::importing_code::ImportingCode;
use crate::reload::import::process::sys_modules;
use crate::reload::import::resolve::Parent;
use crate::reload::import::sources;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use crate::reload::module::prefetch::{PrefetchMap, Prefetched};
use crate::reload::module::snapshot::Snapshot;
use crate::reload::module::source::Source;
use reload_core::files::fingerprint::Content;
use reload_core::graph::Name;

/// Prefetches what the functions of a module import that was loaded just now, so that the generation keeps those sources as they
/// are.
pub(in crate::reload) fn after_load(
    py: Python<'_>,
    application: &Arc<Application>,
    generation: &Snapshot,
    module: &Arc<Managed>,
) {
    generation.sources.forget(&module.name);
    // For an older generation it is too late: the files may be newer than it.
    let current = application.current();
    if !std::ptr::eq(&*current, generation) {
        return;
    }
    let context = Context { application: application.clone(), view: current };
    let mut ahead = LookAhead::new(py, context, PrefetchMap::new_sync());
    ahead.follow(module);
    let found = ahead.finish();
    generation.sources.extend(&found);
}

/// Extends what is prefetched, before a build is published: by the changed names, and by what the modules that ran mention.
pub(in crate::reload) fn before_publication(
    py: Python<'_>,
    context: Context,
    known: PrefetchMap,
    changed: &[Name],
    ran: &[Arc<Managed>],
) -> PrefetchMap {
    let mut ahead = LookAhead::new(py, context, known);
    for name in changed {
        ahead.look_at(name);
    }
    for module in ran {
        ahead.follow(module);
    }
    ahead.finish()
}

struct LookAhead<'py> {
    py: Python<'py>,
    context: Context,
    found: PrefetchMap,
    queue: Vec<(String, Arc<Source>)>,
}

impl<'py> LookAhead<'py> {
    fn new(py: Python<'py>, context: Context, found: PrefetchMap) -> Self {
        Self { py, context, found, queue: Vec::new() }
    }

    fn follow(&mut self, module: &Managed) {
        self.queue.push((module.package().to_owned(), module.source.clone()));
    }

    fn finish(mut self) -> PrefetchMap {
        while let Some((package, source)) = self.queue.pop() {
            let root = self.context.application.roots.root_of(&package);
            for name in (ImportingCode { package: &package, source: &source }).names() {
                // In a module that was imported by its path a name means a neighbour first.
                let is_beside = root.is_some_and(|root| self.look_at(&Name::from(format!("{root}.{name}"))));
                if !is_beside {
                    self.look_at(&name);
                }
            }
        }
        self.found
    }

    /// Whether the name is managed; prefetches it if it is not loaded.
    fn look_at(&mut self, name: &Name) -> bool {
        if self.context.view.any(name).is_some() {
            return true;
        }
        if let Some(known) = self.found.get(name).cloned().or_else(|| self.context.view.prefetched(name)) {
            return known.origin().is_some();
        }
        let parent = match name.rsplit_once('.') {
            Some((parent, _)) if !self.look_at(&Name::from(parent)) => return false,
            Some((parent, tail)) => match self.parent(parent) {
                // An attribute of the package's own.
                Some(Parent::Loaded(package)) if self.has(&package, tail) => return false,
                Some(parent) => parent,
                None => return false,
            },
            None if self.is_foreign(name) => return false,
            None => Parent::Nothing,
        };
        // An error is left to the import.
        let Ok(resolution) = self.context.resolve(self.py, name, &parent) else { return false };
        let foreseen = match resolution {
            Resolution::Managed(origin) => self.read(name, origin),
            Resolution::Unmanaged => Some(Prefetched::Absent),
        };
        let Some(foreseen) = foreseen else { return false };
        if let Prefetched::Source(origin, source) = &foreseen {
            self.queue.push((origin.package_of(name).to_owned(), source.clone()));
        }
        let is_managed = foreseen.origin().is_some();
        self.found.insert_mut(name.clone(), foreseen);
        is_managed
    }

    fn parent(&self, name: &str) -> Option<Parent> {
        let name = Name::from(name);
        if let Some(module) = self.context.view.any(&name) {
            return module.origin.is_package().then_some(Parent::Loaded(module));
        }
        let foreseen = self.found.get(&name).cloned().or_else(|| self.context.view.prefetched(&name))?;
        foreseen.origin().filter(|o| o.is_package()).map(|o| Parent::Prefetched(o.directories()))
    }

    fn has(&self, package: &Managed, attribute: &str) -> bool {
        package.module.bind(self.py).dict().contains(attribute).unwrap_or(false)
    }

    /// Whether an unmanaged module of this name is loaded.
    fn is_foreign(&self, name: &Name) -> bool {
        let is_loaded = crate::python::raw_import::modules(self.py).and_then(|m| m.contains(&**name)).unwrap_or(true);
        is_loaded && !sys_modules::is_ours(self.py, name)
    }

    /// `None` for a file that cannot be read: the import raises that.
    fn read(&self, name: &Name, origin: Origin) -> Option<Prefetched> {
        let Some(file) = origin.file().cloned() else {
            let source = sources::namespace_source(&origin);
            return Some(Prefetched::Source(origin, source));
        };
        let application = &self.context.application;
        let content: Content = match self.context.view.content(name) {
            Some(content) => content.ok()?,
            None => self.py.detach(|| application.read_written(&file)).ok()?,
        };
        Some(match sources::compile(self.py, &origin, &content) {
            Ok(source) => Prefetched::Source(origin, source),
            Err(_) => Prefetched::Broken(origin, content),
        })
    }
}
