//! A background thread that calls the hooks of retired executions.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use crate::python;
use crate::reload::application::Application;
use crate::reload::interrupt;
use crate::reload::lifecycle::{carry, leaks};
use crate::reload::module::hook::{self, Hook};
use crate::reload::module::retired::{HOOKS, RetiredHooks};
use os::Worker;

/// How long a hook may run. A wait in C code cannot be interrupted: it delays later hooks, and nothing else.
const LIMIT: Duration = Duration::from_secs(10);

static WORKER: Worker =
    Worker::new("mod_python-retire", work, "on_retire and __mp_purge__ have no effect in this child");

/// Starts the threads that take care of retired executions, unless they run.
pub(in crate::reload) fn start() {
    leaks::start();
    WORKER.start();
}

/// Takes the hooks that have not been called yet.
pub(in crate::reload) fn drain() -> Vec<Hook> {
    HOOKS.take().into_iter().flat_map(|retired| retired.hooks).collect()
}

fn work() {
    loop {
        let all = HOOKS.wait(None);
        if python::thread::leaving() {
            // `end_of_child` calls the remaining hooks.
            all.into_iter().for_each(|retired| HOOKS.push(retired));
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
        if let Some(application) = application.get::<Application>()
            && !applications.iter().any(|known| Arc::ptr_eq(known, &application))
        {
            applications.push(application);
        }
    }
    hook::sort(&mut hooks);
    while let Some(hook) = hooks.pop() {
        let _time = interrupt::limit(py, LIMIT);
        hook.call(py);
    }
    for application in applications {
        carry::sweep(&application);
    }
}
