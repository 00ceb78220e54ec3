//! Executions that no generation has any more: their hooks and namespaces, in queues that the threads of `lifecycle` empty.

use std::time::Instant;

use pyo3::prelude::*;

use crate::reload::module::hook::Hook;
use crate::reload::module::owner::Owner;
use os::{Condvar, Mutex, MutexGuard, fork};
use reload_core::graph::Name;

/// A queue that a background thread of the engine waits for.
pub(in crate::reload) struct Queue<T> {
    items: Mutex<Vec<T>>,
    called: Condvar,
}

impl<T> Queue<T> {
    /// An empty one.
    pub(in crate::reload) const fn new() -> Self {
        Self { items: Mutex::new(Vec::new()), called: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock()
    }

    /// Adds an item, and wakes the thread.
    pub(in crate::reload) fn push(&self, item: T) {
        if fork::is_copy() {
            // A copy of the child does not have the thread, and a lock held at the fork is never released there.
            std::mem::forget(item);
            return;
        }
        self.lock().push(item);
        self.called.notify_all();
    }

    /// Takes everything.
    pub(in crate::reload) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits for an item, until that time at most, and takes everything. Must be called detached.
    pub(in crate::reload) fn wait(&self, until: Option<Instant>) -> Vec<T> {
        let mut held = self.lock();
        while held.is_empty() {
            let Some(until) = until else {
                held = self.called.wait(held);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            held = self.called.wait_timeout(held, left);
        }
        std::mem::take(&mut *held)
    }
}

/// An execution that no generation has any more.
pub(in crate::reload) struct RetiredExecution {
    /// The module's name.
    pub module: Name,
    /// The generation that ran it.
    pub generation: u64,
    /// The application that it belonged to.
    pub application: Owner,
    /// What is to be called.
    pub hooks: Vec<Hook>,
    /// A weak reference that dies with the namespace.
    pub sign: Py<PyAny>,
}

/// The hooks of such an execution.
pub(in crate::reload) struct RetiredHooks {
    /// The application that the execution belonged to.
    pub application: Owner,
    /// What is to be called.
    pub hooks: Vec<Hook>,
}

/// The namespace of such an execution.
pub(in crate::reload) struct RetiredNamespace {
    /// The module's name.
    pub module: Name,
    /// The generation that ran it.
    pub generation: u64,
    /// A weak reference that dies with the namespace.
    pub sign: Py<PyAny>,
    /// When the execution was retired.
    pub since: Instant,
}

/// Hooks that are to be called.
pub(in crate::reload) static HOOKS: Queue<RetiredHooks> = Queue::new();
/// Namespaces whose memory is to be freed.
pub(in crate::reload) static NAMESPACES: Queue<RetiredNamespace> = Queue::new();

/// Queues what is left of an execution. May be called from anywhere, attached or not.
pub(in crate::reload) fn take_over(gone: RetiredExecution) {
    if fork::is_copy() {
        // What it wants done belongs to the original process.
        std::mem::forget(gone);
        return;
    }
    let RetiredExecution { module, generation, application, hooks, sign } = gone;
    HOOKS.push(RetiredHooks { application, hooks });
    NAMESPACES.push(RetiredNamespace { module, generation, sign, since: Instant::now() });
}
