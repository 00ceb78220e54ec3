//! The janitor: one thread of a child that ends bodies which run too long and looks for changes nobody announces.

use std::collections::HashMap;
use std::ffi::c_long;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::time::{Duration, Instant};

use pyo3::create_exception;
use pyo3::exceptions::PyBaseException;
use pyo3::ffi;
use pyo3::prelude::*;

use super::application::Application;
use super::watch;
use crate::httpd::{log, thread};
use crate::python;

create_exception!(
    _apache,
    ReloadTimeout,
    PyBaseException,
    "The body of an edited module ran longer than PythonReloadTimeout allows."
);

/// How long to wait before a body that has swallowed the exception gets it again.
const REPEAT: Duration = Duration::from_millis(200);
/// How long the janitor rests when it has nothing to watch.
const REST: Duration = Duration::from_secs(1);

struct Build {
    thread: c_long,
    deadline: Instant,
    expired: bool,
}

#[derive(Default)]
struct Duties {
    builds: HashMap<u64, Build>,
    applications: Vec<Weak<Application>>,
    next_id: u64,
}

static DUTIES: Mutex<Option<Duties>> = Mutex::new(None);
static CALLED: Condvar = Condvar::new();
static STARTED: Once = Once::new();

fn duties() -> MutexGuard<'static, Option<Duties>> {
    DUTIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the limit away when dropped.
pub struct Limit<'py> {
    py: Python<'py>,
    id: u64,
    thread: c_long,
}

/// The code that this thread runs until the answer is dropped gets [`ReloadTimeout`] after `limit`.
pub fn set(py: Python<'_>, limit: Duration) -> Limit<'_> {
    // SAFETY: attached; the function only reads the thread's identity.
    let thread = unsafe { ffi::PyThread_get_thread_ident() } as c_long;
    let mut held = duties();
    let all = held.get_or_insert_default();
    all.next_id += 1;
    let id = all.next_id;
    all.builds.insert(id, Build { thread, deadline: Instant::now() + limit, expired: false });
    drop(held);
    CALLED.notify_all();
    start();
    Limit { py, id, thread }
}

impl Limit<'_> {
    /// Whether the time was over before the code came to its end, whatever it made of the exception.
    pub fn expired(&self) -> bool {
        duties().as_ref().and_then(|all| all.builds.get(&self.id)).is_some_and(|build| build.expired)
    }
}

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        if let Some(all) = duties().as_mut() {
            all.builds.remove(&self.id);
        }
        let _attached = self.py;
        // SAFETY: attached. An exception that was sent but not raised yet must not hit the request that goes on.
        unsafe { ffi::PyThreadState_SetAsyncExc(self.thread as _, std::ptr::null_mut()) };
    }
}

/// The exception of a build that took too long.
pub fn timeout() -> PyErr {
    ReloadTimeout::new_err("the time was over before all bodies had come to their end")
}

/// Whether an error is the end of the time limit.
pub fn is_timeout(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<ReloadTimeout>(py)
}

/// Looks through the application's files now and then, from now on.
pub fn look_after(application: &Arc<Application>) {
    duties().get_or_insert_default().applications.push(Arc::downgrade(application));
    start();
}

fn start() {
    STARTED.call_once(|| {
        if let Err(e) = thread::spawn("mod_python-janitor", work) {
            log::main(
                log::WARNING,
                &format!("no thread to watch over builds ({e}): PythonReloadTimeout has no effect in this child"),
            );
        }
    });
}

fn work() {
    loop {
        let now = Instant::now();
        let mut wake = now + REST;
        let (late, applications) = {
            let mut held = duties();
            let all = held.get_or_insert_default();
            let mut late = Vec::new();
            for build in all.builds.values_mut() {
                if build.deadline <= now {
                    late.push(build.thread);
                    build.deadline = now + REPEAT;
                    build.expired = true;
                }
                wake = wake.min(build.deadline);
            }
            (late, all.applications.clone())
        };
        if !late.is_empty() {
            interrupt(&late);
        }
        if let Some(watch) = watch::current() {
            watch.poll();
            watch.expire_unfinished();
        }
        for application in applications.iter().filter_map(Weak::upgrade) {
            wake = wake.min(application.sweep_in_background());
        }
        let held = duties();
        let rest = wake.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        drop(CALLED.wait_timeout(held, rest).unwrap_or_else(PoisonError::into_inner));
    }
}

fn interrupt(threads: &[c_long]) {
    python::attach(|py| {
        for thread in threads {
            let still_builds =
                duties().as_ref().is_some_and(|all| all.builds.values().any(|build| build.thread == *thread));
            if still_builds {
                // SAFETY: attached; an identity that is not a Python thread's any more is ignored.
                unsafe {
                    ffi::PyThreadState_SetAsyncExc(*thread as _, py.get_type::<ReloadTimeout>().as_ptr());
                }
            }
        }
    });
}
