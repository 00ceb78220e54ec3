//! Generations: which managed modules exist at a time, and what becomes of a name that was not needed so far.
//!
//! A generation is immutable but for one thing: a module that a function imports late is added to it. Several threads may ask for
//! it at once: one loads it, the others wait, and imports that form a cycle, in one thread or across threads, get the module as
//! far as it is.
//!
//! Generic over what a module is, so that it can be tested without Python.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use rpds::HashTrieMapSync;

use crate::graph::Name;
use os::single_flight::{Maker, WaitsFor};
use os::{Condvar, Mutex, MutexGuard};

/// How long a waiting thread waits before it asks itself whether the wait can end.
const SUSPICION: Duration = Duration::from_millis(100);
/// How often in a row the answer must be no.
const SUSPICIONS: u32 = 5;

/// Modules by name. Copies share what is the same in them, so that a generation costs what is new in it.
pub type ModuleMap<M> = HashTrieMapSync<Name, Arc<M>>;

/// A module that is being loaded; it is there once its body runs.
struct Loading<M> {
    module: Option<Arc<M>>,
    loader: Maker,
}

impl<M> Loading<M> {
    /// This thread loads it; nothing is there yet.
    fn mine() -> Self {
        Self { module: None, loader: Maker::me() }
    }
}

/// What a generation has.
struct LoadTable<M> {
    /// `(name, module)`: the body has run. A name is in one of `ready` and `loading` at most.
    ready: ModuleMap<M>,
    /// `(name, loading)`: a thread has claimed the name and not settled it.
    loading: HashMap<Name, Loading<M>>,
    /// The names of `ready` that were added since the generation was made, in this order.
    added: Vec<Name>,
    /// The threads that wait for a name of `loading` to be settled.
    waiting: WaitsFor<Name>,
}

/// A generation. Its modules never change; modules that were not needed before may be added. `S` is what it knows of those.
///
/// ```
/// use std::sync::Arc;
/// use reload_core::graph::{Name, generation::{Generation, LoadClaim, ModuleMap}};
///
/// let generation: Generation<&str> = Generation::new(1, ModuleMap::new_sync(), ());
/// let name = Name::from("shop.prices");
/// // The first thread that asks loads the module:
/// assert!(matches!(generation.claim(&name), Some(LoadClaim::Yours)));
/// generation.begin(&name, Arc::new("half loaded"));   // its body runs: imports in a cycle find it
/// generation.settle(&name, Some(Arc::new("loaded"))); // its body has run: threads that wait go on
/// assert!(matches!(generation.claim(&name), Some(LoadClaim::Found(module)) if *module == "loaded"));
/// ```
pub struct Generation<M, S = ()> {
    /// Counts up from 1, which is empty at first.
    pub number: u64,
    /// What modules that are added later are made from.
    pub sources: S,
    table: Mutex<LoadTable<M>>,
    settled: Condvar,
}

/// What claiming a name returns.
pub enum LoadClaim<M> {
    /// The module is there; or it is being loaded by this thread, or by one that waits for this one: the import is a cycle, and
    /// gets the module as far as it is.
    Found(Arc<M>),
    /// There is no such module: the caller loads it and must call [`Generation::settle`].
    Yours,
}

impl<M, S> Generation<M, S> {
    /// A generation with these modules and sources.
    pub fn new(number: u64, modules: ModuleMap<M>, sources: S) -> Self {
        let table = LoadTable { ready: modules, loading: HashMap::new(), added: Vec::new(), waiting: WaitsFor::new() };
        Self { number, sources, table: Mutex::new(table), settled: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, LoadTable<M>> {
        self.table.lock()
    }

    /// A module whose body has run.
    pub fn ready(&self, name: &str) -> Option<Arc<M>> {
        self.lock().ready.get(name).cloned()
    }

    /// A module whose body has run or runs now.
    pub fn any(&self, name: &str) -> Option<Arc<M>> {
        let table = self.lock();
        table.ready.get(name).or_else(|| table.loading.get(name)?.module.as_ref()).cloned()
    }

    /// Whether there is a module of this name, or one is being loaded.
    pub fn has(&self, name: &str) -> bool {
        let table = self.lock();
        table.ready.contains_key(name) || table.loading.contains_key(name)
    }

    /// All modules whose bodies have run.
    pub fn modules(&self) -> ModuleMap<M> {
        self.lock().ready.clone()
    }

    /// How many modules were added since the generation was made.
    pub fn additions(&self) -> usize {
        self.lock().added.len()
    }

    /// The modules that were added when there were so many additions already.
    pub fn added_since(&self, additions: usize) -> Vec<Name> {
        self.lock().added.iter().skip(additions).cloned().collect()
    }

    /// The claimed module's body begins to run: imports that come back to it get it as far as it is.
    pub fn begin(&self, name: &Name, module: Arc<M>) {
        let begun = Loading { module: Some(module), loader: Maker::me() };
        let replaced = self.lock().loading.insert(name.clone(), begun);
        // A module's end may run code that comes back here, so it must not come under the lock.
        drop(replaced);
    }

    /// Ends loading: the module is ready, or has failed and is gone.
    pub fn settle(&self, name: &Name, outcome: Option<Arc<M>>) {
        let mut table = self.lock();
        let loading = table.loading.remove(name);
        let replaced = outcome.and_then(|module| table.add(name, module));
        drop(table);
        self.settled.notify_all();
        // Not under the lock, as in `begin`.
        drop((loading, replaced));
    }

    /// Adds a module that is shared with another generation.
    pub fn adopt(&self, name: &Name, module: &Arc<M>) {
        let mut table = self.lock();
        if !table.ready.contains_key(name) && !table.loading.contains_key(name) {
            table.add(name, module.clone());
        }
    }

    /// Waits until no other thread loads `name`. Must be called without the interpreter lock.
    ///
    /// Returns the module as far as it is if the wait would never end. That is so where the import is part of a cycle across
    /// threads: the loader waits, perhaps through others, for a module that this thread loads. It is taken to be so as well where
    /// this thread holds a lock (`holds_lock`) that the loader seems to wait for (`waits_for_lock`) for a while.
    pub fn wait_for(&self, name: &Name, holds_lock: bool, waits_for_lock: impl Fn(ThreadId) -> bool) -> Option<Arc<M>> {
        let mut suspicions = 0;
        loop {
            let mut table = self.lock();
            let (module, loader) = match table.loading.get(name) {
                Some(Loading { module, loader }) if !loader.is_me() && !loader.is_gone() => (module.clone(), *loader),
                _ => return None,
            };
            if module.is_some() && table.is_cycle(loader) {
                return module;
            }
            table.waiting.add(name.clone());
            let begun = Instant::now();
            table = self.settled.wait_timeout(table, SUSPICION);
            table.waiting.remove();
            drop(table);
            let is_suspicious = holds_lock && begun.elapsed() >= SUSPICION && waits_for_lock(loader.thread());
            suspicions = if is_suspicious { suspicions + 1 } else { 0 };
            if suspicions >= SUSPICIONS && module.is_some() {
                return module;
            }
        }
    }

    /// Claims a name for loading, or finds it. None where another thread loads it: wait, then claim again.
    pub fn claim(&self, name: &Name) -> Option<LoadClaim<M>> {
        let mut table = self.lock();
        if let Some(module) = table.ready.get(name) {
            return Some(LoadClaim::Found(module.clone()));
        }
        let left_behind = match table.loading.entry(name.clone()) {
            Entry::Vacant(place) => {
                place.insert(Loading::mine());
                None
            }
            Entry::Occupied(mut place) => match place.get() {
                Loading { module: Some(module), loader } if loader.is_me() => {
                    return Some(LoadClaim::Found(module.clone()));
                }
                Loading { module: None, loader } if loader.is_me() => None,
                Loading { loader, .. } if loader.is_gone() => Some(place.insert(Loading::mine())),
                Loading { .. } => return None,
            },
        };
        drop(table);
        // Not under the lock, as in `begin`.
        drop(left_behind);
        Some(LoadClaim::Yours)
    }
}

impl<M> LoadTable<M> {
    /// Whether the loader of a module waits, perhaps through others, for a module that the calling thread loads.
    fn is_cycle(&self, loader: Maker) -> bool {
        self.waiting.leads_back(loader, |name| self.loading.get(name).map(|loading| loading.loader))
    }

    /// Adds a module; returns the one whose place it takes.
    fn add(&mut self, name: &Name, module: Arc<M>) -> Option<Arc<M>> {
        let replaced = self.ready.get(name).cloned();
        self.ready.insert_mut(name.clone(), module);
        self.added.push(name.clone());
        replaced
    }
}
