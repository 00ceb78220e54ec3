//! Snapshots: which managed modules exist, and what each name resolves to.
//!
//! Generic over what a module is, so that it can be tested without Python.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use rpds::HashTrieMapSync;

use crate::graph::Name;
use os::{Mutex, MutexGuard, fork_gate};

/// How long a waiting thread waits before it asks itself whether the wait can end.
const SUSPICION: Duration = Duration::from_millis(100);
/// How often in a row the answer must be no.
const SUSPICIONS: u32 = 5;

/// Modules by name. Copies share what is the same in them, so that a generation costs what is new in it.
pub type ModuleMap<M> = HashTrieMapSync<Name, Arc<M>>;

/// A module that somebody loads; it is there once its body runs.
struct Loading<M> {
    module: Option<Arc<M>>,
    loader: Loader,
}

impl<M> Loading<M> {
    /// This thread loads it; nothing is there yet.
    fn mine() -> Self {
        Self { module: None, loader: Loader::me() }
    }
}

/// What a generation has. A name is in one of the two at most.
struct LoadTable<M> {
    ready: ModuleMap<M>,
    loading: HashMap<Name, Loading<M>>,
    /// Those that were added since the generation was made.
    added: Vec<Name>,
}

/// Who loads a module.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Loader {
    thread: ThreadId,
    forks: usize,
}

impl Loader {
    fn me() -> Self {
        Self { thread: thread::current().id(), forks: fork_gate::forks() }
    }

    fn is_me(&self) -> bool {
        self.thread == thread::current().id()
    }

    /// This process is a copy, made while another thread loaded the module: that thread is not in the copy.
    fn is_gone(&self) -> bool {
        self.forks != fork_gate::forks() && !self.is_me()
    }
}

/// A thread that waits for a module.
struct Waiter {
    name: Name,
    thread: Thread,
}

/// A generation. Its modules never change; modules that were not needed before may be added. `S` is what it knows of those.
pub struct Generation<M, S = ()> {
    /// Counts up from 1, which is empty at first.
    pub number: u64,
    /// What modules that are added later are made from.
    pub sources: S,
    table: Mutex<LoadTable<M>>,
    waiting: Mutex<HashMap<ThreadId, Waiter>>,
}

/// What claiming a name answers.
pub enum LoadClaim<M> {
    /// The module is there; or it is being loaded by this thread, or by one that waits for this one: the import is a cycle, and
    /// gets the module as far as it is.
    Found(Arc<M>),
    /// Nobody has it: the caller loads it and must call `settle`.
    Yours,
}

impl<M, S> Generation<M, S> {
    /// A generation with these modules and sources.
    pub fn new(number: u64, modules: ModuleMap<M>, sources: S) -> Self {
        let table = LoadTable { ready: modules, loading: HashMap::new(), added: Vec::new() };
        Self { number, sources, table: Mutex::new(table), waiting: Mutex::new(HashMap::new()) }
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

    /// Whether there is a module of this name, or somebody loads one.
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
        let begun = Loading { module: Some(module), loader: Loader::me() };
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
        self.waiting.lock().values().for_each(|waiter| waiter.thread.unpark());
        // As above.
        drop((loading, replaced));
    }

    /// Adds a module that is shared with another generation.
    pub fn adopt(&self, name: &Name, module: &Arc<M>) {
        let mut table = self.lock();
        if !table.ready.contains_key(name) && !table.loading.contains_key(name) {
            table.add(name, module.clone());
        }
    }

    /// Waits until nobody else loads `name`, which must be called without the interpreter lock. Answers the module if this
    /// import is part of a cycle across threads, where waiting would never end. Where this thread holds a lock that the owner
    /// may wait for (`holds_lock`), an owner that seems to do so (`waits_for_lock`) for a while is taken for a part of such a
    /// cycle as well.
    pub fn wait_for(&self, name: &Name, holds_lock: bool, waits_for_lock: impl Fn(ThreadId) -> bool) -> Option<Arc<M>> {
        let me = thread::current();
        let mut suspicions = 0;
        loop {
            let (module, owner) = {
                let table = self.lock();
                let (module, owner) = match table.loading.get(name) {
                    Some(Loading { module, loader }) if !loader.is_me() && !loader.is_gone() => {
                        (module.clone(), loader.thread)
                    }
                    _ => return None,
                };
                let mut waiting = self.waiting.lock();
                if module.is_some() && leads_back(&waiting, &table.loading, owner, me.id()) {
                    return module;
                }
                waiting.insert(me.id(), Waiter { name: name.clone(), thread: me.clone() });
                (module, owner)
            };
            // Without a lock: one that a thread takes again when it wakes could be held while a process is forked.
            let begun = Instant::now();
            thread::park_timeout(SUSPICION);
            self.waiting.lock().remove(&me.id());
            let is_suspicious = holds_lock && begun.elapsed() >= SUSPICION && waits_for_lock(owner);
            suspicions = if is_suspicious { suspicions + 1 } else { 0 };
            if suspicions >= SUSPICIONS && module.is_some() {
                return module;
            }
        }
    }

    /// Claims a name for loading, or finds it. `None` tells that another thread loads it: wait, then claim again.
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
        // As in `begin`.
        drop(left_behind);
        Some(LoadClaim::Yours)
    }
}

impl<M> LoadTable<M> {
    /// Adds a module; answers the one whose place it takes.
    fn add(&mut self, name: &Name, module: Arc<M>) -> Option<Arc<M>> {
        let replaced = self.ready.get(name).cloned();
        self.ready.insert_mut(name.clone(), module);
        self.added.push(name.clone());
        replaced
    }
}

/// Whether `owner` waits, perhaps through others, for a module that `me` loads.
fn leads_back<M>(
    waiting: &HashMap<ThreadId, Waiter>,
    loading: &HashMap<Name, Loading<M>>,
    owner: ThreadId,
    me: ThreadId,
) -> bool {
    let mut at = owner;
    for _ in 0..=waiting.len() {
        let Some(Waiter { name, .. }) = waiting.get(&at) else { return false };
        match loading.get(name) {
            Some(next) if next.loader.thread == me => return true,
            Some(next) => at = next.loader.thread,
            None => return false,
        }
    }
    false
}
