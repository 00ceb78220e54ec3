//! The end of a child: registered cleanups, threads and `atexit`, under a deadline. Python is not finalised: that hangs and
//! crashes with third-party code.

use std::sync::mpsc;
use std::time::Duration;

use pyo3::prelude::*;

use crate::python::{attach, embed, error, thread};
use os::{fork, guard, log};

/// How long Python code may take when a child ends. httpd's parent kills a child that is slower than a few seconds.
const DEADLINE: Duration = Duration::from_secs(2);

/// Runs `last_calls` in order, waits for threads, and runs `atexit`. Called from the cleanup of the child's pool.
pub fn run(last_calls: &'static [fn(Python<'_>)]) {
    thread::leave();
    // httpd may end a child from a signal handler, in the middle of our own or Python's code: nothing may be run then.
    if embed::running().is_err() || fork::is_copy() || guard::entered_deeper() || thread::inside() {
        return;
    }
    let (done, finished) = mpsc::channel();
    let spawned = std::thread::Builder::new().name("mod_python-exit".to_owned()).spawn(move || {
        guard("the end of the child", (), || attach(|py| last_words(py, last_calls)));
        let _ = done.send(());
    });
    if spawned.is_ok() && finished.recv_timeout(DEADLINE).is_err() {
        log::warning!(
            "cleanups, threads or atexit functions of Python took longer than {} s; the child leaves without them",
            DEADLINE.as_secs()
        );
    }
}

fn last_words(py: Python<'_>, last_calls: &[fn(Python<'_>)]) {
    for call in last_calls {
        call(py);
    }
    let result = join_threads(py).and_then(|()| {
        crate::python::import(py, "atexit")?.call_method0("_run_exitfuncs")?;
        Ok(())
    });
    if let Err(e) = result {
        log::error!("{}", &error::format(py, &e));
    }
    for stream in ["stdout", "stderr"] {
        // A stream that cannot be flushed at the end of a child has nowhere left to report to.
        let _ = crate::python::import(py, "sys").and_then(|sys| sys.getattr(stream)?.call_method0("flush"));
    }
}

/// Waits for the threads that are no daemons, as Python does before `atexit`. `threading._shutdown` itself must be called by the
/// main thread, which is busy ending the child.
fn join_threads(py: Python<'_>) -> PyResult<()> {
    let modules = crate::python::raw_import::modules(py)?;
    let Some(threading) = modules.get_item("threading")? else { return Ok(()) };
    if let Some(callbacks) = threading.getattr_opt("_threading_atexits")? {
        for callback in callbacks.try_iter()?.collect::<PyResult<Vec<_>>>()?.into_iter().rev() {
            callback.call0()?;
        }
    }
    let me = threading.call_method0("current_thread")?;
    let main = threading.call_method0("main_thread")?;
    for thread in threading.call_method0("enumerate")?.try_iter()? {
        let thread = thread?;
        let is_foreign = thread.is_instance(&threading.getattr("_DummyThread")?)?;
        if !is_foreign && !thread.eq(&me)? && !thread.eq(&main)? && !thread.getattr("daemon")?.is_truthy()? {
            thread.call_method0("join")?;
        }
    }
    Ok(())
}
