//! Publishing a generation, and adding modules to the current one.

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
    pub(in crate::reload) fn publish(&self, mut published: Publication) {
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

    /// Remembers that a module could not be loaded into the current generation. Its importers may have caught the error.
    pub(in crate::reload) fn miss(&self, name: &Name, missed: FailedLoad) {
        self.names.lock().miss(name.clone(), missed);
    }

    /// Whether a load of the module has failed, and importers may have caught the error.
    pub(in crate::reload) fn has_missed(&self, name: &str) -> bool {
        self.names.lock().missed.contains_key(name)
    }

    /// Ends a change: the module is what its file holds now.
    pub(in crate::reload) fn settle(&self, name: &Name) {
        let settled = self.names.lock().suspects.remove(name);
        drop(settled);
        self.kept.forget_restart(name);
        if let Some(module) = self.current().ready(name) {
            self.note_loaded(&module);
        }
    }

    /// Notes that a module is about to be loaded into a published generation. Returns whether other children serve other content.
    pub(in crate::reload) fn note_loading(&self, generation: &Snapshot, name: &Name, content: Hash) -> bool {
        self.is_current(generation) && self.report.serve_loaded(name, content)
    }

    /// Re-checks a module that became visible just now and was read after `since`: an edit that was announced in between would be
    /// lost.
    pub(in crate::reload) fn recheck(&self, module: &Managed, since: SystemTime) {
        if let Some(file) = module.origin.file()
            && Stat::take(file).is_none_or(|stat| stat.is_since(since))
            && !self.is_on_disk(module)
        {
            self.changed(file);
        }
    }

    /// Whether a module's file holds the content that the module was made from.
    pub(in crate::reload) fn is_on_disk(&self, module: &Managed) -> bool {
        let Some(file) = module.origin.file() else { return true };
        self.read(file).is_ok_and(|content| content.hash == module.source.hash())
    }

    /// Notes that the current generation has another module, or another text of a module.
    pub(in crate::reload) fn note_loaded(&self, module: &Managed) {
        self.report.add(&module.name, module.source.hash());
    }
}
