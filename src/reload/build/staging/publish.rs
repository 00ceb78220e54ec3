//! The end of a stage: it is published whole, or taken back.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::Snapshot;
use crate::reload::application::change::Resolved;
use crate::reload::application::file_dependencies::FailureInputs;
use crate::reload::application::{Publication, registry};
use crate::reload::build::staging::{Made, Stage};
use crate::reload::import::{execute, sys_modules};
use crate::reload::interrupt;
use crate::reload::module::Managed;
use crate::reload::module::prefetch::{Prefetch, PrefetchMap};
use reload_core::graph::Name;

impl Stage {
    /// Makes this the current generation: the pointer, `sys.modules` and the packages' attributes. Answers what ran, for the log.
    pub(in crate::reload) fn publish(&self, py: Python<'_>, foreseen: PrefetchMap) -> String {
        let mut table = std::mem::take(&mut *self.lock());
        let spoiled = table.drop_spoiled();
        let renewed: HashMap<Name, Arc<Managed>> = table
            .made
            .drain()
            .filter_map(|(name, made)| match made {
                Made::Ready(record) => Some((name, record)),
                Made::Running(_) => None,
            })
            .collect();
        // Modules that requests have added to the base in the meantime come along, unless they use what has been replaced.
        let current = self.application.current();
        let mut modules = current.modules();
        let since = if Arc::ptr_eq(&current, &self.base) { self.additions } else { 0 };
        let mut late = current.added_since(since);
        late.retain(|name| !self.loaded.contains_key(name) && !renewed.contains_key(name));
        let mut gone: Vec<Name> = self
            .affected
            .run
            .iter()
            .filter(|n| modules.contains_key(*n) && !renewed.contains_key(*n))
            .chain(&spoiled)
            .cloned()
            .collect();
        loop {
            let (stays, stale): (Vec<Name>, Vec<Name>) = late.into_iter().partition(|name| {
                modules.get(name).is_none_or(|module| {
                    gone.contains(name)
                        || self.application.keeps(module)
                        || (self.late(name).is_some()
                            && !module.uses().iter().any(|u| self.affected.run.contains(u) || gone.contains(u)))
                })
            });
            late = stays;
            if stale.is_empty() {
                break;
            }
            gone.extend(stale);
        }
        for name in &gone {
            modules.remove_mut(name);
            // What cannot be taken out of `sys.modules` any more is at worst an old entry there.
            let _ = sys_modules::show(py, &self.application, name, None);
        }
        for (name, record) in &renewed {
            modules.insert_mut(name.clone(), record.clone());
        }
        for name in late.iter().chain(renewed.keys()) {
            if let Some((package, _)) = name.rsplit_once('.')
                && let (Some(package), Some(child)) = (modules.get(package), modules.get(name))
            {
                // A namespace that refuses attributes does so for the body's own imports as well.
                let _ = execute::bind(py, package, child);
            }
        }
        for record in renewed.values().filter(|r| r.origin.is_package()) {
            let tails = match self.base.any(&record.name) {
                Some(before) => before.bound(),
                None => modules
                    .keys()
                    .filter_map(|n| n.rsplit_once('.'))
                    .filter(|(above, _)| **above == *record.name)
                    .map(|(_, tail)| tail.into())
                    .collect(),
            };
            for tail in tails {
                if let Some(child) = modules.get(&*format!("{}.{tail}", record.name)) {
                    // As above.
                    let _ = execute::bind(py, record, child);
                }
            }
        }
        if self.has_moved() {
            // Code that looks through sys.path finds what is imported all the same.
            let _ = registry::move_path(py, &self.application.kept.exclusions, &self.base.sources.search, &self.search);
        }
        let mut ran: Vec<&str> = renewed.values().filter(|r| r.copied_from.is_none()).map(|r| &*r.name).collect();
        ran.sort_unstable();
        let names = if ran.is_empty() { "nothing had to run".to_owned() } else { format!("ran {}", ran.join(", ")) };
        let mut known: HashMap<Name, Option<Resolved>> =
            self.changes.iter().map(|(name, change)| (name.clone(), change.known.clone())).collect();
        known.extend(table.known.drain().map(|(name, known)| (name, Some(known))));
        self.application.kept.note_stale(&self.affected.kept);
        self.application.keep(renewed.values().flat_map(|record| record.keeps()));
        let aftermath = self.draft.publish(&self.application.states, renewed.values());
        self.application.publish(Publication {
            generation: Arc::new(Snapshot::new(self.number, modules, Prefetch::new(self.search.clone(), foreseen))),
            renewed: renewed.into_values().collect(),
            gone,
            known,
            settled: self.changes.keys().cloned().collect(),
            missed: std::mem::take(&mut table.missed),
        });
        aftermath.settle(py);
        names
    }

    /// The code that is discarded undoes what it did. That has a time limit of its own.
    pub fn undo(self: &Arc<Self>, py: Python<'_>) {
        let _time = interrupt::limit(py, self.build.run.limit);
        let _seen = self.context().enter();
        self.draft.discard(py);
    }

    /// Takes everything back. Answers what the build has read and found.
    pub fn discard(&self, py: Python<'_>) -> FailureInputs {
        let mut table = std::mem::take(&mut *self.lock());
        for (package, tail) in table.bound.drain(..).rev() {
            package.forget_bound(&tail);
            // A request may have loaded it into the base meanwhile.
            let _ = match self.base.ready(&format!("{}.{tail}", package.name)) {
                Some(child) => execute::bind(py, &package, &child).map(drop),
                None => package.module.bind(py).delattr(&*tail),
            };
        }
        for name in table.made.keys().chain(self.vanished()) {
            // The base's module, or none, is what the name stood for.
            let before = self.base.ready(name);
            let _ = match &before {
                Some(module) => sys_modules::show(py, &self.application, name, Some(&module.exposed(py))),
                None => sys_modules::show(py, &self.application, name, None),
            };
        }
        self.surroundings.restore(py);
        let mut reads = std::mem::take(&mut table.attempts);
        reads.extend(table.made.iter().map(|(name, made)| match made {
            Made::Running(record) | Made::Ready(record) => (name.clone(), record.reads()),
        }));
        reads.retain(|(_, reads)| !reads.is_empty());
        FailureInputs { reads, names: table.known.drain().collect() }
    }
}
