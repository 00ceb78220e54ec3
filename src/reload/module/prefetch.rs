//! What a generation knows of modules that nobody has imported in it yet: imports inside functions that have not run so far.
//!
//! A request that comes to such an import late gets what its generation was made of, not what an edit has made of it since.

use std::sync::Arc;

use rpds::HashTrieMapSync;

use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use crate::reload::module::source::Source;
use os::{Mutex, MutexGuard};
use reload_core::files::fingerprint::{Content, Hash};
use reload_core::graph::Name;
use reload_core::resolve::search_path::Search;

/// A module that code mentions and that is not loaded.
#[derive(Clone)]
pub enum Prefetched {
    /// Its compiled source.
    Source(Origin, Arc<Source>),
    /// A file that does not compile. Whoever imports it gets the error.
    Broken(Origin, Content),
    /// Nothing managed.
    Absent,
}

impl Prefetched {
    fn hash(&self) -> Option<Hash> {
        match self {
            Self::Source(_, source) => Some(source.hash()),
            Self::Broken(_, content) => Some(content.hash),
            Self::Absent => None,
        }
    }

    /// What it is made from.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Source(origin, _) | Self::Broken(origin, _) => Some(origin),
            Self::Absent => None,
        }
    }
}

/// What is known of names that are not loaded. Copies share what is the same in them.
pub type PrefetchMap = HashTrieMapSync<Name, Prefetched>;

/// The modules that a generation can still get.
pub struct Prefetch {
    /// Where those are looked for that it does not know of.
    pub search: Search,
    foreseen: Mutex<PrefetchMap>,
}

impl Prefetch {
    /// These modules, and others found there.
    pub fn new(search: Search, foreseen: PrefetchMap) -> Self {
        Self { search, foreseen: Mutex::new(foreseen) }
    }

    fn lock(&self) -> MutexGuard<'_, PrefetchMap> {
        self.foreseen.lock()
    }

    /// What is known of a name.
    pub fn get(&self, name: &str) -> Option<Prefetched> {
        self.lock().get(name).cloned()
    }

    /// The hash of the content that stands behind a name.
    pub fn hash(&self, name: &str) -> Option<Hash> {
        self.lock().get(name)?.hash()
    }

    /// What a name stands for.
    pub fn resolution(&self, name: &str) -> Option<Resolution> {
        Some(match self.lock().get(name)?.origin() {
            Some(origin) => Resolution::Managed(origin.clone()),
            None => Resolution::Unmanaged,
        })
    }

    /// Whether it is known that there is a file behind a name.
    pub fn has(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|foreseen| foreseen.origin().is_some())
    }

    /// All of them.
    pub fn all(&self) -> PrefetchMap {
        self.lock().clone()
    }

    /// Adds names that are not known yet.
    pub fn extend(&self, more: &PrefetchMap) {
        let mut all = self.lock();
        for (name, foreseen) in more {
            if !all.contains_key(name) {
                all.insert_mut(name.clone(), foreseen.clone());
            }
        }
    }

    /// Forgets a module that is loaded now, or a name that nothing needs.
    pub fn forget(&self, name: &str) {
        let mut all = self.lock();
        let forgotten = all.get(name).cloned();
        if forgotten.is_some() {
            all.remove_mut(name);
        }
        drop(all);
        // It may hold the last reference to a code object, whose end must not come under the lock.
        drop(forgotten);
    }
}
