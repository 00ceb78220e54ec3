//! Modules that are loaded and stay what they are, whatever happens to their files.

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
    /// Kept modules that use something which was replaced.
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
    pub fn new(exclusions: Arc<Exclusions>) -> Self {
        Self { exclusions, frozen: AtomicBool::new(false), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, PinState> {
        self.state.lock()
    }

    /// From now on no module of the application is made anew.
    pub fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// Whether no module is made anew.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    /// Keeps more.
    pub fn add(&self, keep: Keep) {
        match keep {
            Keep::Pinned(name) => drop(self.lock().pinned.insert(name)),
            Keep::Excluded(pattern) => self.exclusions.add(&pattern),
            Keep::Unasked(name) => drop(self.lock().unasked.insert(name)),
        }
    }

    /// Somebody asks for the newest state of a module. `None` if it was not kept for want of that, else whether it must be made
    /// anew even if its own file has not changed.
    pub fn ask(&self, name: &Name) -> Option<bool> {
        let mut state = self.lock();
        state.unasked.remove(name).then(|| state.stale.remove(name))
    }

    /// Whether a loaded module is kept.
    pub fn keeps(&self, name: &str, file: Option<&Path>) -> bool {
        let state = self.lock();
        state.unasked.contains(name)
            || is_below(&state.pinned, name)
            || file.is_some_and(|file| self.exclusions.matches(&file.to_string_lossy()))
    }

    /// Kept modules use something that was replaced.
    pub fn note_stale(&self, names: &HashSet<Name>) {
        self.lock().stale.extend(names.iter().cloned());
    }

    /// The child must be restarted to get the newest state of a module that is not reloaded.
    pub fn require_restart(&self, name: &Name, reason: &'static str) {
        self.lock().restart.insert(name.clone(), reason);
    }

    /// A module is again what is on disk.
    pub fn forget_restart(&self, name: &str) {
        self.lock().restart.remove(name);
    }

    /// The modules whose newest state needs a restart, and why. Those that are only waiting to be asked for need none.
    pub fn restart_required(&self) -> BTreeMap<Name, &'static str> {
        let state = self.lock();
        let stale = state.stale.iter().map(|name| (name.clone(), "it uses code that has changed since it was loaded"));
        let changed = state.restart.iter().map(|(name, reason)| (name.clone(), *reason));
        stale.chain(changed).filter(|(name, _)| !state.unasked.contains(name)).collect()
    }
}

/// Whether the set has the name or a package around it.
fn is_below(names: &HashSet<Name>, name: &str) -> bool {
    names.contains(name) || name.match_indices('.').any(|(at, _)| names.contains(&name[..at]))
}
