//! The application that a thread works for, also where no request runs on the thread.

use std::cell::OnceCell;
use std::sync::{Arc, Weak};

use pyo3::intern;
use pyo3::prelude::*;

use crate::reload::application::view::Context;
use crate::reload::application::{Application, registry};
use crate::reload::import::caller::nearest_managed;

/// The attribute of a `threading.Thread` with the mark of the application whose code started it.
const ATTRIBUTE: &str = "_mp_application";

thread_local! {
    static STARTED_FOR: OnceCell<Option<Weak<Application>>> = const { OnceCell::new() };
}

/// The application that the code on this thread belongs to: the one whose handler or body runs, else the one whose code is
/// nearest on the stack, else the one whose code has started the thread.
pub fn application_of_thread(py: Python<'_>) -> Option<Arc<Application>> {
    Context::innermost()
        .map(|context| context.application)
        .or_else(|| nearest_managed(py)?.application.get::<Application>())
        .or_else(|| started_for(py))
}

fn started_for(py: Python<'_>) -> Option<Arc<Application>> {
    if let Some(known) = STARTED_FOR.with(|owner| owner.get().cloned()) {
        return known?.upgrade();
    }
    let mark = ask(py).ok().flatten();
    let owner = mark.and_then(registry::by_mark);
    STARTED_FOR.with(|cell| cell.get_or_init(|| owner.as_ref().map(Arc::downgrade)).as_ref()?.upgrade())
}

/// The mark in the `threading.Thread` of this thread. Makes no such object for a thread that Python has not started.
fn ask(py: Python<'_>) -> PyResult<Option<usize>> {
    // `threading` is not imported if code has removed it from `sys.modules`: its own imports would ask for the application again.
    let Some(threading) = crate::python::raw_import::modules(py)?.get_item("threading")? else { return Ok(None) };
    let own = threading.call_method0(intern!(py, "get_ident"))?;
    let Some(active) = threading.getattr_opt(intern!(py, "_active"))? else { return Ok(None) };
    let thread = active.call_method1(intern!(py, "get"), (own,))?;
    match thread.getattr_opt(ATTRIBUTE)? {
        Some(mark) => mark.extract(),
        None => Ok(None),
    }
}
