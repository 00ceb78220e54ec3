//! The janitor: one thread of a child that ends builds which take too long or build what has changed again, and looks for
//! changes nobody announces.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_long;
use std::sync::{Arc, Once, Weak};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict};
use pyo3::{create_exception, ffi};

use crate::python::{self, main_thread_signal};
use crate::reload::application::Application;
use crate::reload::build::{Build, Reason, kill_child, workers};
use crate::reload::import::unmanaged;
use os::{Condvar, Mutex, MutexGuard, fork, log, thread};
use reload_core::watch;

create_exception!(
    _apache,
    ReloadTimeout,
    PyBaseException,
    "The body of an edited module ran longer than PythonReloadTimeout allows."
);
create_exception!(
    _apache,
    ReloadSuperseded,
    PyBaseException,
    "A file was edited again while the body of a module that depends on it ran."
);

/// How long the janitor rests when it has nothing to watch.
const REST: Duration = Duration::from_secs(1);
/// Looking at the files of a build costs at most this part of the time: one over it.
const LOOKING_SHARE: u32 = 10;
/// The shortest time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Default)]
struct BackgroundTasks {
    builds: HashMap<u64, Arc<Build>>,
    applications: Vec<Weak<Application>>,
    next_id: u64,
    is_called: bool,
}

static DUTIES: Mutex<Option<BackgroundTasks>> = Mutex::new(None);
static CALLED: Condvar = Condvar::new();
static STARTED: Once = Once::new();

thread_local! {
    /// The builds whose bodies this thread runs, innermost last.
    static HERE: RefCell<Vec<Arc<Build>>> = const { RefCell::new(Vec::new()) };
}

fn lock() -> MutexGuard<'static, Option<BackgroundTasks>> {
    DUTIES.lock()
}

/// `None` in a copy of the child that a handler has forked: there is no janitor, and whoever held the lock is not there to give
/// it back.
fn duties() -> Option<MutexGuard<'static, Option<BackgroundTasks>>> {
    (!fork::is_copy()).then(lock)
}

/// Stops watching the build when dropped.
pub struct Supervised<'py> {
    attached: Python<'py>,
    /// None where there is no janitor.
    id: Option<u64>,
}

/// The code that this thread runs until the answer is dropped gets an exception when the build is called off, at the latest
/// after its time limit.
pub fn watch_over<'py>(py: Python<'py>, build: &Arc<Build>) -> Supervised<'py> {
    build.thread.get_or_init(own_thread);
    build.begin();
    HERE.with_borrow_mut(|here| here.push(build.clone()));
    let id = duties().map(|mut held| {
        let all = held.get_or_insert_default();
        all.next_id += 1;
        all.builds.insert(all.next_id, build.clone());
        all.next_id
    });
    if id.is_some() {
        CALLED.notify_all();
        start();
    }
    Supervised { attached: py, id }
}

/// The same for code that belongs to no build: only its time is limited.
pub fn limit(py: Python<'_>, time: Duration) -> Supervised<'_> {
    watch_over(py, &Build::new(Weak::new(), time, false, 0))
}

/// The same for the first load of a module and what it imports. The time counts anew for each body.
pub fn limit_load<'py>(py: Python<'py>, application: &Application) -> Supervised<'py> {
    // In a child with many threads one that hangs is nobody's business but its own.
    let held = if workers::is_inline() { application.weak() } else { Weak::new() };
    watch_over(py, &Build::new(held, application.load_limit(), false, 0))
}

/// One more body begins or has come to its end: the load goes on.
pub fn note_progress() {
    if let Some(build) = HERE.with_borrow(|here| here.last().cloned()) {
        build.begin();
    }
}

fn own_thread() -> c_long {
    // SAFETY: the function only reads the thread's identity.
    (unsafe { ffi::PyThread_get_thread_ident() }) as c_long
}

impl Drop for Supervised<'_> {
    fn drop(&mut self) {
        if let (Some(mut held), Some(id)) = (duties(), self.id) {
            held.get_or_insert_default().builds.remove(&id);
        }
        if let Some(build) = HERE.with_borrow_mut(Vec::pop) {
            build.pause();
            forget_sent(self.attached, &build);
        }
    }
}

/// An exception that was sent to this thread but not raised yet must not hit the code that goes on: it is raised here. Taken back
/// by a null pointer, it would leave Python on the alert for ever, which costs time at each call and in code that is traced has no
/// end.
fn forget_sent(py: Python<'_>, build: &Build) {
    if build.take_sent() {
        let _ = py.run(c"pass", Some(&PyDict::new(py)), None);
    }
}

/// The exception of a build that was called off.
pub fn exception(reason: Reason) -> PyErr {
    match reason {
        Reason::Late => ReloadTimeout::new_err("the time was over before all bodies had come to their end"),
        Reason::Superseded => ReloadSuperseded::new_err("a file of this build was edited again"),
    }
}

/// Whether an error is how a build was called off.
pub fn is_called_off(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<ReloadTimeout>(py) || error.is_instance_of::<ReloadSuperseded>(py)
}

/// What Python's main thread does when it is woken: it raises the exception, if its build was called off.
#[pyfunction]
#[pyo3(signature = (*arguments))]
fn awake(arguments: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(build) = HERE.with_borrow(|here| here.last().cloned()) else { return Ok(()) };
    match build.reason() {
        Some(reason) => {
            build.hear();
            forget_sent(arguments.py(), &build);
            Err(exception(reason))
        }
        None => Ok(()),
    }
}

/// Makes calls that wait end when a build is called off, where bodies run in Python's main thread. To be called by that thread.
///
/// # Errors
/// What Python raises.
pub fn install_alarm(py: Python<'_>) -> PyResult<()> {
    let awake: Bound<'_, PyCFunction> = wrap_pyfunction!(awake, py)?;
    main_thread_signal::install(py, &awake)
}

/// Looks through the application's files now and then, from now on.
pub fn look_after(application: &Arc<Application>) {
    let Some(mut held) = duties() else { return };
    held.get_or_insert_default().applications.push(Arc::downgrade(application));
    drop(held);
    start();
}

/// There is something to do now.
pub fn call() {
    let Some(mut held) = duties() else { return };
    held.get_or_insert_default().is_called = true;
    drop(held);
    CALLED.notify_all();
    start();
}

fn start() {
    STARTED.call_once(|| {
        if let Err(e) = thread::spawn("mod_python-janitor", work) {
            log::warning!("no thread to watch over builds ({e}): PythonReloadTimeout has no effect in this child");
        }
    });
}

fn work() {
    loop {
        let mut wake = Instant::now() + REST;
        let (builds, applications) = {
            let mut held = lock();
            let all = held.get_or_insert_default();
            (all.builds.clone(), all.applications.clone())
        };
        for (id, build) in &builds {
            wake = wake.min(attend(*id, build));
        }
        if let Some(watch) = watch::current() {
            watch.poll();
            watch.expire_unfinished();
        }
        for application in applications.iter().filter_map(Weak::upgrade) {
            wake = wake.min(application.sweep_in_background());
        }
        wake = wake.min(unmanaged::look_in_background());
        let mut held = lock();
        // One that has begun in the meantime has called already.
        let is_new = held.as_ref().is_some_and(|all| all.builds.keys().any(|id| !builds.contains_key(id)));
        if is_new || held.as_mut().is_some_and(|all| std::mem::take(&mut all.is_called)) {
            continue;
        }
        let rest = wake.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        drop(CALLED.wait_timeout(held, rest));
    }
}

/// Does what is to be done about a build; answers when to ask again.
fn attend(id: u64, build: &Arc<Build>) -> Instant {
    let mut attention = build.attend(Instant::now());
    if attention.look {
        let begun = Instant::now();
        if build.application.upgrade().is_some_and(|application| application.is_superseded(build)) {
            build.call_off(Reason::Superseded);
            attention = build.attend(Instant::now());
        } else {
            let next = Instant::now() + (begun.elapsed() * LOOKING_SHARE).max(LOOK_INTERVAL);
            build.look_again_at(next);
            attention.next = attention.next.max(next).min(build.deadline());
        }
    }
    if let Some(grace) = attention.last_grace {
        kill_child::expect_end(build, grace);
    }
    if attention.push {
        push(id, build);
    }
    if attention.abandon && build.abandon() {
        leave_behind(build);
    }
    attention.next
}

/// Raises the exception in the thread that builds. Where that is Python's main thread a signal does so, as it also ends calls
/// that wait; unless the code of the build has put the signal to another use.
fn push(id: u64, build: &Arc<Build>) {
    let is_rung = {
        // The lock keeps the build, and with it the thread, from ending in the meantime.
        let held = lock();
        let goes_on = held.as_ref().is_some_and(|all| all.builds.contains_key(&id));
        goes_on && build.is_in_main_thread() && main_thread_signal::wake()
    };
    if is_rung && build.expects_to_be_heard() {
        return;
    }
    let (Some(thread), Some(reason)) = (build.thread.get(), build.reason()) else { return };
    python::attach(|py| {
        let class = match reason {
            Reason::Late => py.get_type::<ReloadTimeout>(),
            Reason::Superseded => py.get_type::<ReloadSuperseded>(),
        };
        if lock().as_ref().is_some_and(|all| all.builds.contains_key(&id)) {
            build.note_sent();
            // SAFETY: attached; an identity that is not a Python thread's any more is ignored.
            unsafe { ffi::PyThreadState_SetAsyncExc(*thread as _, class.as_ptr()) };
        }
    });
}

/// Has the work of a build taken back whose thread does not come back. That runs Python code, which may take its time.
fn leave_behind(build: &Arc<Build>) {
    let build = build.clone();
    let give_up = move || {
        if let Some(application) = build.application.upgrade() {
            application.give_up(&build);
        }
    };
    if let Err(e) = thread::spawn("mod_python-build", give_up) {
        log::error!("no thread to take a build back ({e}): the application keeps its old code");
    }
}
