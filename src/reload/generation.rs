//! Snapshots: which managed modules exist, and what each name resolves to.
//!
//! Generic over what a module is, so that it can be tested without Python.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::graph::Name;

/// How long a waiting thread waits before it asks itself whether the wait can end.
const SUSPICION: Duration = Duration::from_millis(100);
/// How often in a row the answer must be no.
const SUSPICIONS: u32 = 5;

/// A module of a generation.
pub enum Slot<M> {
    /// That thread loads it; the module is there once its body runs.
    Loading(Option<Arc<M>>, ThreadId),
    /// Its body has run.
    Ready(Arc<M>),
}

impl<M> Clone for Slot<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Loading(module, thread) => Self::Loading(module.clone(), *thread),
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
    settled: Condvar,
    waiting: Mutex<HashMap<ThreadId, Name>>,
}

/// What claiming a name answers.
pub enum Claim<M> {
    /// The module is there; or it is being loaded by this thread, or by one that waits for this one: the import is a cycle, and
    /// gets the module as far as it is.
    Found(Arc<M>),
    /// Nobody has it: the caller loads it and must call `settle`.
    Yours,
}

impl<M, S: Default> Generation<M, S> {
    /// A generation with these modules.
    pub fn new(number: u64, modules: HashMap<Name, Arc<M>>) -> Self {
        Self::with(number, modules, S::default())
    }
}

impl<M, S> Generation<M, S> {
    /// A generation with these modules and sources.
    pub fn with(number: u64, modules: HashMap<Name, Arc<M>>, sources: S) -> Self {
        Self {
            number,
            sources,
            modules: Mutex::new(modules.into_iter().map(|(n, m)| (n, Slot::Ready(m))).collect()),
            settled: Condvar::new(),
            waiting: Mutex::new(HashMap::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Slot<M>>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lock().insert(name.clone(), Slot::Loading(Some(module), thread::current().id()));
    }

    /// Ends loading: the module is ready, or has failed and is gone.
    pub fn settle(&self, name: &Name, outcome: Option<Arc<M>>) {
        let replaced = match outcome {
            Some(module) => self.lock().insert(name.clone(), Slot::Ready(module)),
            None => self.lock().remove(name),
        };
        self.settled.notify_all();
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
        let me = thread::current().id();
        let mut modules = self.lock();
        let mut suspicions = 0;
        loop {
            let (module, owner) = match modules.get(name) {
                Some(Slot::Loading(module, owner)) if *owner != me => (module.clone(), *owner),
                _ => return None,
            };
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if module.is_some() && leads_back(&waiting, &modules, owner, me) {
                    return module;
                }
                waiting.insert(me, name.clone());
            }
            let (held, result) = self.settled.wait_timeout(modules, SUSPICION).unwrap_or_else(PoisonError::into_inner);
            modules = held;
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&me);
            let is_suspicious = holds_lock && result.timed_out() && waits_for_lock(owner);
            suspicions = if is_suspicious { suspicions + 1 } else { 0 };
            if suspicions >= SUSPICIONS && module.is_some() {
                return module;
            }
        }
    }

    /// Claims a name for loading, or finds it. `None` tells that another thread loads it: wait, then claim again.
    pub fn claim(&self, name: &Name) -> Option<Claim<M>> {
        let me = thread::current().id();
        match self.lock().entry(name.clone()) {
            Entry::Vacant(place) => {
                place.insert(Slot::Loading(None, me));
                Some(Claim::Yours)
            }
            Entry::Occupied(place) => match place.get() {
                Slot::Ready(module) => Some(Claim::Found(module.clone())),
                Slot::Loading(Some(module), owner) if *owner == me => Some(Claim::Found(module.clone())),
                Slot::Loading(None, owner) if *owner == me => Some(Claim::Yours),
                Slot::Loading(..) => None,
            },
        }
    }
}

/// Whether `owner` waits, perhaps through others, for a module that `me` loads.
fn leads_back<M>(
    waiting: &HashMap<ThreadId, Name>,
    modules: &HashMap<Name, Slot<M>>,
    owner: ThreadId,
    me: ThreadId,
) -> bool {
    let mut at = owner;
    for _ in 0..=waiting.len() {
        let Some(name) = waiting.get(&at) else { return false };
        match modules.get(name) {
            Some(Slot::Loading(_, next)) if *next == me => return true,
            Some(Slot::Loading(_, next)) => at = *next,
            _ => return false,
        }
    }
    false
}
