//! Snapshots: which managed modules exist, and what each name resolves to.
//!
//! Generic over what a module is, so that it can be tested without Python.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use super::graph::Name;
use crate::python::gate::{self, Locked};

/// How long a waiting thread waits before it asks itself whether the wait can end.
const SUSPICION: Duration = Duration::from_millis(100);
/// How often in a row the answer must be no.
const SUSPICIONS: u32 = 5;

/// A module of a generation.
pub enum Slot<M> {
    /// Somebody loads it; the module is there once its body runs.
    Loading(Option<Arc<M>>, Loader),
    /// Its body has run.
    Ready(Arc<M>),
}

/// Who loads a module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Loader {
    thread: ThreadId,
    forks: usize,
}

impl Loader {
    fn me() -> Self {
        Self { thread: thread::current().id(), forks: gate::forks() }
    }

    fn is_me(&self) -> bool {
        self.thread == thread::current().id()
    }

    /// This process is a copy, made while another thread loaded the module: that thread is not in the copy.
    fn is_gone(&self) -> bool {
        self.forks != gate::forks() && !self.is_me()
    }
}

/// A thread that waits for a module.
struct Waiter {
    name: Name,
    thread: Thread,
}

impl<M> Clone for Slot<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Loading(module, loader) => Self::Loading(module.clone(), *loader),
            Self::Ready(module) => Self::Ready(module.clone()),
        }
    }
}

/// A generation. Its modules never change; modules that were not needed before may be added. `S` is what it knows of those.
pub struct Generation<M, S = ()> {
    /// Counts up from 1, which is empty at first.
    pub number: u64,
    /// What modules that are added later are made from.
    pub sources: S,
    modules: Mutex<HashMap<Name, Slot<M>>>,
    waiting: Mutex<HashMap<ThreadId, Waiter>>,
}

/// What claiming a name answers.
pub enum Claim<M> {
    /// The module is there; or it is being loaded by this thread, or by one that waits for this one: the import is a cycle, and
    /// gets the module as far as it is.
    Found(Arc<M>),
    /// Nobody has it: the caller loads it and must call `settle`.
    Yours,
}

impl<M, S> Generation<M, S> {
    /// A generation with these modules and sources.
    pub fn new(number: u64, modules: HashMap<Name, Arc<M>>, sources: S) -> Self {
        Self {
            number,
            sources,
            modules: Mutex::new(modules.into_iter().map(|(n, m)| (n, Slot::Ready(m))).collect()),
            waiting: Mutex::new(HashMap::new()),
        }
    }

    fn lock(&self) -> Locked<'_, HashMap<Name, Slot<M>>> {
        gate::lock(&self.modules)
    }

    /// A module whose body has run.
    pub fn ready(&self, name: &str) -> Option<Arc<M>> {
        match self.lock().get(name) {
            Some(Slot::Ready(module)) => Some(module.clone()),
            _ => None,
        }
    }

    /// A module whose body has run or runs now.
    pub fn any(&self, name: &str) -> Option<Arc<M>> {
        match self.lock().get(name) {
            Some(Slot::Ready(module) | Slot::Loading(Some(module), _)) => Some(module.clone()),
            _ => None,
        }
    }

    /// All modules whose bodies have run.
    pub fn modules(&self) -> HashMap<Name, Arc<M>> {
        self.lock()
            .iter()
            .filter_map(|(name, slot)| match slot {
                Slot::Ready(module) => Some((name.clone(), module.clone())),
                Slot::Loading(..) => None,
            })
            .collect()
    }

    /// The claimed module's body begins to run: imports that come back to it get it as far as it is.
    pub fn begin(&self, name: &Name, module: Arc<M>) {
        self.lock().insert(name.clone(), Slot::Loading(Some(module), Loader::me()));
    }

    /// Ends loading: the module is ready, or has failed and is gone.
    pub fn settle(&self, name: &Name, outcome: Option<Arc<M>>) {
        let replaced = match outcome {
            Some(module) => self.lock().insert(name.clone(), Slot::Ready(module)),
            None => self.lock().remove(name),
        };
        gate::lock(&self.waiting).values().for_each(|waiter| waiter.thread.unpark());
        // A module's end may run code that comes back here, so it must not come under the lock.
        drop(replaced);
    }

    /// Adds a module that is shared with another generation.
    pub fn adopt(&self, name: &Name, module: &Arc<M>) {
        if let Entry::Vacant(place) = self.lock().entry(name.clone()) {
            place.insert(Slot::Ready(module.clone()));
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
                let modules = self.lock();
                let (module, owner) = match modules.get(name) {
                    Some(Slot::Loading(module, loader)) if !loader.is_me() && !loader.is_gone() => {
                        (module.clone(), loader.thread)
                    }
                    _ => return None,
                };
                let mut waiting = gate::lock(&self.waiting);
                if module.is_some() && leads_back(&waiting, &modules, owner, me.id()) {
                    return module;
                }
                waiting.insert(me.id(), Waiter { name: name.clone(), thread: me.clone() });
                (module, owner)
            };
            // Without a lock: one that a thread takes again when it wakes could be held while a process is forked.
            let begun = Instant::now();
            thread::park_timeout(SUSPICION);
            gate::lock(&self.waiting).remove(&me.id());
            let is_suspicious = holds_lock && begun.elapsed() >= SUSPICION && waits_for_lock(owner);
            suspicions = if is_suspicious { suspicions + 1 } else { 0 };
            if suspicions >= SUSPICIONS && module.is_some() {
                return module;
            }
        }
    }

    /// Claims a name for loading, or finds it. `None` tells that another thread loads it: wait, then claim again.
    pub fn claim(&self, name: &Name) -> Option<Claim<M>> {
        match self.lock().entry(name.clone()) {
            Entry::Vacant(place) => {
                place.insert(Slot::Loading(None, Loader::me()));
                Some(Claim::Yours)
            }
            Entry::Occupied(mut place) => match place.get() {
                Slot::Ready(module) => Some(Claim::Found(module.clone())),
                Slot::Loading(Some(module), loader) if loader.is_me() => Some(Claim::Found(module.clone())),
                Slot::Loading(None, loader) if loader.is_me() => Some(Claim::Yours),
                Slot::Loading(_, loader) if loader.is_gone() => {
                    place.insert(Slot::Loading(None, Loader::me()));
                    Some(Claim::Yours)
                }
                Slot::Loading(..) => None,
            },
        }
    }
}

/// Whether `owner` waits, perhaps through others, for a module that `me` loads.
fn leads_back<M>(
    waiting: &HashMap<ThreadId, Waiter>,
    modules: &HashMap<Name, Slot<M>>,
    owner: ThreadId,
    me: ThreadId,
) -> bool {
    let mut at = owner;
    for _ in 0..=waiting.len() {
        let Some(Waiter { name, .. }) = waiting.get(&at) else { return false };
        match modules.get(name) {
            Some(Slot::Loading(_, next)) if next.thread == me => return true,
            Some(Slot::Loading(_, next)) => at = next.thread,
            _ => return false,
        }
    }
    false
}
