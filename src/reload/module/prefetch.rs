//! What a generation knows of modules that it has not loaded: functions import them, and have not run yet.
//!
//! A request that reaches such an import late gets the state that its generation was made from, whatever was edited since.

use std::sync::Arc;

use rpds::HashTrieMapSync;

use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use crate::reload::module::source::Source;
use os::{Mutex, MutexGuard};
use reload_core::files::fingerprint::{Content, Hash};
use reload_core::graph::Name;
use reload_core::resolve::search_path::Search;

/// A name that code mentions and that is not loaded.
#[derive(Clone)]
pub enum Prefetched {
    /// Its compiled source.
    Source(Origin, Arc<Source>),
    /// A file that does not compile. An import raises the error.
    Broken(Origin, Content),
    /// No managed module.
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
    pub(in crate::reload) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Source(origin, _) | Self::Broken(origin, _) => Some(origin),
            Self::Absent => None,
        }
    }
}

/// Names that are not loaded. Copies share their common part.
pub(in crate::reload) type PrefetchMap = HashTrieMapSync<Name, Prefetched>;

/// What a generation takes modules from that it loads late.
///
/// ```text
/// def page():            page.py is loaded, report.py is not: its source is compiled when the generation is published
///     import report      runs that source, even if report.py has been edited since
/// ```
pub struct Prefetch {
    /// Where other names are resolved.
    pub search: Search,
    foreseen: Mutex<PrefetchMap>,
}

impl Prefetch {
    /// These names, and a search path for others.
    pub(in crate::reload) fn new(search: Search, foreseen: PrefetchMap) -> Self {
        Self { search, foreseen: Mutex::new(foreseen) }
    }

    fn lock(&self) -> MutexGuard<'_, PrefetchMap> {
        self.foreseen.lock()
    }

    /// What is known of a name.
    pub(in crate::reload) fn get(&self, name: &str) -> Option<Prefetched> {
        self.lock().get(name).cloned()
    }

    /// The hash of the content that a name is to be loaded from.
    pub(in crate::reload) fn hash(&self, name: &str) -> Option<Hash> {
        self.lock().get(name)?.hash()
    }

    /// What a name stands for.
    pub(in crate::reload) fn resolution(&self, name: &str) -> Option<Resolution> {
        Some(match self.lock().get(name)?.origin() {
            Some(origin) => Resolution::Managed(origin.clone()),
            None => Resolution::Unmanaged,
        })
    }

    /// Whether a name is known to have a managed module.
    pub(in crate::reload) fn has(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|foreseen| foreseen.origin().is_some())
    }

    /// All of them.
    pub(in crate::reload) fn all(&self) -> PrefetchMap {
        self.lock().clone()
    }

    /// Adds names that are not known yet.
    pub(in crate::reload) fn extend(&self, more: &PrefetchMap) {
        let mut all = self.lock();
        for (name, foreseen) in more {
            if !all.contains_key(name) {
                all.insert_mut(name.clone(), foreseen.clone());
            }
        }
    }

    /// Forgets a module that is loaded now, or a name that nothing needs.
    pub(in crate::reload) fn forget(&self, name: &str) {
        let mut all = self.lock();
        let forgotten = all.get(name).cloned();
        if forgotten.is_some() {
            all.remove_mut(name);
        }
        drop(all);
        // This may be the last reference to a code object, which must not be dropped under the lock.
        drop(forgotten);
    }
}
