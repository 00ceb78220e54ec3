//! What becomes of the current generation: another one takes its place, or it gets one more module.

use crate::reload::application::parts::failed_load::FailedLoad;
use crate::reload::application::parts::publication::Publication;
use crate::reload::application::state::Application;
use crate::reload::module::managed::Managed;
use crate::reload::module::snapshot::Snapshot;
use reload_core::files::fingerprint::{Hash, Stat};
use reload_core::graph::Name;
use reload_core::watch::interests::Listener;
use std::time::SystemTime;

impl Application {
    /// Makes a generation the current one, in one step.
    pub fn publish(&self, mut published: Publication) {
        self.move_to(&published.generation.sources.search);
        self.names.lock().take_in(&mut published);
        self.report.serve_built();
        let renewed = published.renewed.iter().map(|module| (&module.name, Some(module.source.hash())));
        let gone = published.gone.iter().map(|name| (name, None));
        let generation = published.generation;
        self.report.publish(generation.number, gone.chain(renewed));
        let old = std::mem::replace(&mut *self.current.lock(), generation);
        drop(old);
        self.forget_idle();
    }

    /// A module could not be loaded into the current generation, and whoever imports it may have gone on without.
    pub fn miss(&self, name: &Name, missed: FailedLoad) {
        self.names.lock().miss(name.clone(), missed);
    }

    /// Whether a module that is not loaded could not be, and somebody has gone on without.
    pub fn has_missed(&self, name: &str) -> bool {
        self.names.lock().missed.contains_key(name)
    }

    /// A change is no change any more: the module is as its file is now.
    pub fn settle(&self, name: &Name) {
        let settled = self.names.lock().suspects.remove(name);
        drop(settled);
        self.kept.forget_restart(name);
        if let Some(module) = self.current().ready(name) {
            self.note_loaded(&module);
        }
    }

    /// A module is about to be loaded into a generation that was published before; whether other children serve other content.
    pub fn note_loading(&self, generation: &Snapshot, name: &Name, content: Hash) -> bool {
        self.is_current(generation) && self.report.serve_loaded(name, content)
    }

    /// Re-checks a module that became visible just now and was read after `since`: an edit that was announced in between would be
    /// lost.
    pub fn recheck(&self, module: &Managed, since: SystemTime) {
        if let Some(file) = module.origin.file()
            && Stat::take(file).is_none_or(|stat| stat.is_since(since))
            && !self.is_on_disk(module)
        {
            self.changed(file);
        }
    }

    /// Whether a module's file holds what it was made from.
    pub fn is_on_disk(&self, module: &Managed) -> bool {
        let Some(file) = module.origin.file() else { return true };
        self.read(file).is_ok_and(|content| content.hash == module.source.hash())
    }

    /// The current generation has got one more module, or another text of one.
    pub fn note_loaded(&self, module: &Managed) {
        self.report.add(&module.name, module.source.hash());
    }
}
