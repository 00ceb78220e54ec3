//! The background thread of a child, and the tasks that it calls. It serves no request.
//!
//! The thread starts when a task is called for the first time. It then calls all registered tasks in turn, sleeps until the
//! earliest time that one of them asks for, and begins again; [`Task::call`] ends the sleep. A task decides by itself whether
//! there is anything to do yet. A copy of the child that a handler has forked has no such thread: there, calls do nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use os::{Condvar, Mutex, Worker, fork, guard};

/// How long a task rests that has panicked.
const REST: Duration = Duration::from_secs(1);

/// Work of the background thread, in a `static` of the room that it belongs to:
///
/// ```text
/// static LOOK: Task = Task::new("the look at files", || { look(); Instant::now() + INTERVAL });
/// LOOK.call();      // registers it the first time, and has it run soon
/// ```
pub struct Task {
    name: &'static str,
    /// Works if it is time to, and returns when it is to be called again at the latest.
    work: fn() -> Instant,
    is_registered: AtomicBool,
}

struct Tasks {
    all: Vec<&'static Task>,
    is_called: bool,
}

static TASKS: Mutex<Tasks> = Mutex::new(Tasks { all: Vec::new(), is_called: false });
static CALLED: Condvar = Condvar::new();
static WORKER: Worker = Worker::new(
    "mod_python-background",
    work,
    "PythonReloadTimeout has no effect in this child, and changes that the kernel does not announce are seen late",
);

impl Task {
    /// A task of this name. `work` returns when it is to be called again at the latest.
    pub const fn new(name: &'static str, work: fn() -> Instant) -> Self {
        Self { name, work, is_registered: AtomicBool::new(false) }
    }

    /// Has the thread call the task from now on, after those that were registered before it.
    pub fn register(&'static self) {
        if !self.is_registered.swap(true, Ordering::SeqCst) {
            TASKS.lock().all.push(self);
        }
    }

    /// Has all tasks called soon, and this one registered.
    pub fn call(&'static self) {
        if fork::is_copy() {
            return;
        }
        self.register();
        TASKS.lock().is_called = true;
        CALLED.notify_all();
        WORKER.start();
    }
}

fn work() {
    loop {
        let tasks = {
            let mut tasks = TASKS.lock();
            tasks.is_called = false;
            tasks.all.clone()
        };
        let next = tasks.iter().map(|task| guard(task.name, Instant::now() + REST, task.work)).min();
        sleep(next);
    }
}

/// Waits until a task is called, or until this time.
fn sleep(until: Option<Instant>) {
    let mut tasks = TASKS.lock();
    while !tasks.is_called {
        tasks = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return,
            Some(left) => CALLED.wait_timeout(tasks, left),
            None => CALLED.wait(tasks),
        };
    }
}
