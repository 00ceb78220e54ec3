//! Loaded modules that are not reloaded, whatever happens to their files.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::reload::module::keep::Keep;
use os::{Mutex, MutexGuard};
use reload_core::graph::Name;
use reload_core::resolve::exclusions::Exclusions;

#[derive(Default)]
struct PinState {
    pinned: HashSet<Name>,
    unasked: HashSet<Name>,
    /// Kept modules that use a module which was replaced.
    stale: HashSet<Name>,
    restart: BTreeMap<Name, &'static str>,
}

/// The modules of an application that are kept.
pub struct PinnedModules {
    /// The files that are not managed.
    pub exclusions: Arc<Exclusions>,
    frozen: AtomicBool,
    state: Mutex<PinState>,
}

impl PinnedModules {
    /// Keeps nothing yet.
    pub(in crate::reload) fn new(exclusions: Arc<Exclusions>) -> Self {
        Self { exclusions, frozen: AtomicBool::new(false), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, PinState> {
        self.state.lock()
    }

    /// Stops reloads of the application for the life of the child.
    pub(in crate::reload) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// Whether reloads are stopped.
    pub(in crate::reload) fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    /// Adds modules to keep.
    pub(in crate::reload) fn add(&self, keep: Keep) {
        match keep {
            Keep::Pinned(name) => drop(self.lock().pinned.insert(name)),
            Keep::Excluded(pattern) => self.exclusions.add(&pattern),
            Keep::Unasked(name) => drop(self.lock().unasked.insert(name)),
        }
    }

    /// Un-pins a module that was imported with `autoreload=False`. Returns whether the module is stale, so that it must run again
    /// even if its own file has not changed; `None` if it was not pinned so.
    pub(in crate::reload) fn ask(&self, name: &Name) -> Option<bool> {
        let mut state = self.lock();
        state.unasked.remove(name).then(|| state.stale.remove(name))
    }

    /// Whether a loaded module is kept.
    pub(in crate::reload) fn keeps(&self, name: &str, file: Option<&Path>) -> bool {
        let state = self.lock();
        state.unasked.contains(name)
            || is_below(&state.pinned, name)
            || file.is_some_and(|file| self.exclusions.matches(&file.to_string_lossy()))
    }

    /// Remembers kept modules that use a replaced module.
    pub(in crate::reload) fn note_stale(&self, names: &HashSet<Name>) {
        self.lock().stale.extend(names.iter().cloned());
    }

    /// Remembers that only a restart of the child brings the newest state of a module, and why.
    pub(in crate::reload) fn require_restart(&self, name: &Name, reason: &'static str) {
        self.lock().restart.insert(name.clone(), reason);
    }

    /// Forgets that: the module is again what is on disk.
    pub(in crate::reload) fn forget_restart(&self, name: &str) {
        self.lock().restart.remove(name);
    }

    /// The modules whose newest state needs a restart, and why. Modules imported with `autoreload=False` need none.
    pub(in crate::reload) fn restart_required(&self) -> BTreeMap<Name, &'static str> {
        let state = self.lock();
        let stale = state.stale.iter().map(|name| (name.clone(), "it uses code that has changed since it was loaded"));
        let changed = state.restart.iter().map(|(name, reason)| (name.clone(), *reason));
        stale.chain(changed).filter(|(name, _)| !state.unasked.contains(name)).collect()
    }
}

/// Whether the set has the name or one of its parent packages.
fn is_below(names: &HashSet<Name>, name: &str) -> bool {
    names.contains(name) || name.match_indices('.').any(|(at, _)| names.contains(&name[..at]))
}
