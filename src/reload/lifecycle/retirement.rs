//! The end of executions: a thread of its own calls what modules have registered for it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::python;
use crate::reload::application::Application;
use crate::reload::interrupt;
use crate::reload::lifecycle::hooks::{self, Hook};
use crate::reload::lifecycle::leaks;
use os::{Condvar, Mutex, MutexGuard, Worker, fork};
use reload_core::graph::Name;

/// How long a hook may run. What it waits for in C code cannot be interrupted: hooks that come later wait then, and nothing else.
const LIMIT: Duration = Duration::from_secs(10);

/// What threads of the engine's own wait for.
pub struct Queue<T> {
    items: Mutex<Vec<T>>,
    called: Condvar,
}

impl<T> Queue<T> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { items: Mutex::new(Vec::new()), called: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock()
    }

    /// Adds something, and wakes the thread that waits.
    pub fn push(&self, item: T) {
        if fork::is_copy() {
            // Nobody takes it there, and whoever held the lock at the fork is not there to give it back.
            std::mem::forget(item);
            return;
        }
        self.lock().push(item);
        self.called.notify_all();
    }

    /// Takes everything.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until there is something, until that time at most, and takes it. Must be called detached.
    pub fn wait(&self, until: Option<Instant>) -> Vec<T> {
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

/// An execution that no living generation has any more.
pub struct RetiredExecution {
    /// The module's name.
    pub module: Name,
    /// The generation that ran it.
    pub generation: u64,
    /// The application that it belonged to.
    pub application: Weak<Application>,
    /// What is to be called.
    pub hooks: Vec<Hook>,
    /// A weak reference that dies with the namespace.
    pub sign: Py<PyAny>,
}

struct RetiredHooks {
    application: Weak<Application>,
    hooks: Vec<Hook>,
}

static QUEUE: Queue<RetiredHooks> = Queue::new();
static WORKER: Worker =
    Worker::new("mod_python-retire", work, "on_retire and __mp_purge__ have no effect in this child");

/// Makes sure that there are threads for what [`take_over`] gets.
pub fn start() {
    leaks::start();
    WORKER.start();
}

/// Takes over what is left of an execution. May be called from anywhere, attached or not.
pub fn take_over(gone: RetiredExecution) {
    if fork::is_copy() {
        // What it wants done belongs to the original process.
        std::mem::forget(gone);
        return;
    }
    let RetiredExecution { module, generation, application, hooks, sign } = gone;
    QUEUE.push(RetiredHooks { application, hooks });
    leaks::take_over(module, generation, sign);
}

/// The hooks of all executions that wait to be taken care of.
pub fn drain() -> Vec<Hook> {
    QUEUE.take().into_iter().flat_map(|farewell| farewell.hooks).collect()
}

fn work() {
    loop {
        let all = QUEUE.wait(None);
        if python::thread::leaving() {
            // The end of the child calls what is left.
            all.into_iter().for_each(|farewell| QUEUE.push(farewell));
            return;
        }
        python::attach(|py| retire(py, all));
    }
}

fn retire(py: Python<'_>, all: Vec<RetiredHooks>) {
    let mut hooks = Vec::new();
    let mut applications: Vec<Arc<Application>> = Vec::new();
    for RetiredHooks { application, hooks: own } in all {
        hooks.extend(own);
        if let Some(application) = application.upgrade()
            && !applications.iter().any(|known| Arc::ptr_eq(known, &application))
        {
            applications.push(application);
        }
    }
    hooks::sort(&mut hooks);
    while let Some(hook) = hooks.pop() {
        let _time = interrupt::limit(py, LIMIT);
        hook.call(py);
    }
    for application in applications {
        application.states.sweep(&application);
    }
}
