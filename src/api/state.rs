//! The state that the module keeps for a `request_rec`: what must outlive a single phase and needs no Python to exist.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::api::cleanup::Cleanup;
use crate::api::phase::PhaseStack;
use crate::api::request::Request;
use crate::api::request::read_ahead::RequestBody;
use crate::api::subject::Subject;
use crate::config::HandlerEntry;
use crate::httpd::lease::Leased;
use crate::httpd::log::Level;
use crate::httpd::module::slot;
use crate::httpd::{RequestRec, sys};
use crate::python::{self, embed, error, thread};
use os::{fork, guard};

/// The state of one request, in the module's slot of its `request_config`.
///
/// It is made when the first handler is prepared, which pins a generation before Python is entered, and freed with the request's
/// pool, after the functions of `req.register_cleanup()` have run.
///
/// Only the thread that works on the request reaches it. Its cells are borrowed for moments, never over a call that may run
/// Python or httpd's hooks.
pub struct RequestState {
    /// What the request has in common with whatever else handlers may run for: its lease, its generations, its log.
    pub subject: Subject,
    /// Functions registered for the end of the request, in order of registration.
    pub(super) cleanups: RefCell<Vec<Cleanup>>,
    /// The one wrapper, once Python has seen the request.
    pub(super) wrapper: RefCell<Option<Py<Request>>>,
    /// What was written and not yet handed to httpd.
    pub(super) output: RefCell<Vec<u8>>,
    /// What was read ahead of the body.
    pub(super) body: RefCell<RequestBody>,
    /// The phases that run.
    pub(super) phases: RefCell<PhaseStack>,
    /// Bytes written through Python.
    pub(super) queued: Cell<i64>,
    /// Whether Python chose the content type.
    pub(super) content_type_set: Cell<bool>,
    /// Whether the response is complete, and only cleanups run.
    pub(super) finished: Cell<bool>,
    record: RequestRec,
}

impl RequestState {
    /// The state of a request, made at its first use. Needs no Python.
    pub fn of(record: &RequestRec) -> &Self {
        if let Some(state) = Self::existing(record) {
            return state;
        }
        let state = Box::into_raw(Box::new(Self {
            subject: Subject::of_request(*record),
            cleanups: RefCell::default(),
            wrapper: RefCell::default(),
            output: RefCell::default(),
            body: RefCell::default(),
            phases: RefCell::default(),
            queued: Cell::default(),
            content_type_set: Cell::default(),
            finished: Cell::default(),
            record: *record,
        }));
        // SAFETY: the slot is ours; the box lives until `end` frees it, before the request's own memory goes.
        unsafe {
            slot(record.raw().request_config).set(state);
            (*state).subject.pool.before_clear(state.cast(), end);
            &*state
        }
    }

    /// The state of a request that has one.
    pub fn existing(record: &RequestRec) -> Option<&Self> {
        // SAFETY: the slot is null or what `of` put there; `end` empties it before it frees the state.
        unsafe { slot::<Self>(record.raw().request_config).get().as_ref() }
    }

    /// The request.
    pub fn record(&self) -> RequestRec {
        self.record
    }

    /// Shows the handlers of the phase that runs, or of the last one that ran, and which of them is the running one. Nothing
    /// in `look` may run Python or httpd's hooks.
    pub fn with_entries<R>(&self, look: impl FnOnce(&[HandlerEntry], usize) -> R) -> R {
        match self.phases.borrow().latest() {
            Some(phase) => look(&phase.entries, phase.current),
            None => look(&[], 0),
        }
    }

    /// The state for objects that may outlive it.
    pub(super) fn leased(&self) -> Leased<Self> {
        // SAFETY: `end` ends the lease before it frees the state.
        unsafe { Leased::new(Arc::clone(&self.subject.lease), NonNull::from(self)) }
    }

    /// The record for objects that may outlive it.
    pub(super) fn leased_record(&self) -> Leased<sys::request_rec> {
        // SAFETY: the record is in the pool whose cleanup ends the lease, or in a longer-lived one.
        unsafe { Leased::new(Arc::clone(&self.subject.lease), NonNull::from(self.record.raw())) }
    }

    /// Runs the registered functions, last first, and drops the wrapper.
    fn finish(&self) {
        self.subject.lease.take();
        self.finished.set(true);
        if self.wrapper.borrow().is_none() && self.cleanups.borrow().is_empty() {
            return;
        }
        if thread::leaving() || fork::is_copy() || embed::running().is_err() {
            // Python cannot be entered any more, so what belongs to it is left to the end of the process.
            std::mem::forget(self.wrapper.take());
            std::mem::forget(self.phases.take());
            std::mem::forget(self.cleanups.take());
            return;
        }
        python::attach(|py| {
            // A panic may have left a phase open.
            drop(self.phases.take());
            loop {
                let next = self.cleanups.borrow_mut().pop();
                if let Some(cleanup) = next {
                    self.run(py, &cleanup);
                    continue;
                }
                // A destructor may register another function, so look again after the wrapper is gone.
                let wrapper = self.wrapper.take();
                if wrapper.is_none() {
                    break;
                }
                drop(wrapper);
            }
        });
    }

    fn run(&self, py: Python<'_>, cleanup: &Cleanup) {
        let _seen = self.subject.enter();
        if let Err(e) = cleanup.call(py) {
            let name = cleanup.function.bind(py).repr().map_or_else(|_| "a cleanup".to_owned(), |r| r.to_string());
            self.subject.log(Level::ERROR, format_args!("the cleanup {name} failed: {}", error::format(py, &e)));
        }
    }
}

unsafe extern "C" fn end(data: *mut c_void) -> sys::apr_status_t {
    guard("the end of a request", 0, || {
        let state = data.cast::<RequestState>();
        // SAFETY: `of` registered this with the box it leaked; the record is live, as its pool's memory goes after this. The
        // lease ends whatever happens before, as no object may reach the state after it is freed.
        unsafe {
            guard("the cleanups of a request", (), || (*state).finish());
            guard("the generations of a request", (), || (*state).subject.unpin());
            slot::<RequestState>((*state).record.raw().request_config).set(std::ptr::null_mut());
            (*state).subject.lease.end();
            drop(Box::from_raw(state));
        }
        0
    })
}

/// Drops the wrapper at the end of the content handler, if no code can see the difference: nothing else refers to it, no attribute
/// was set on it, and no function is registered. Then the end of the request need not enter Python at all.
pub fn release(_: Python<'_>, record: RequestRec) {
    let Some(state) = RequestState::existing(&record) else { return };
    if !state.cleanups.borrow().is_empty() {
        return;
    }
    let wrapper = state.wrapper.take();
    if let Some(wrapper) = wrapper {
        if is_untouched(&wrapper) {
            drop(wrapper);
        } else {
            state.wrapper.replace(Some(wrapper));
        }
    }
}

/// Whether the state's is the only reference and the instance has no attributes of its own.
fn is_untouched(wrapper: &Py<Request>) -> bool {
    let object = wrapper.as_ptr();
    // SAFETY: the object is alive and Python is attached. The type has a `__dict__` slot at the positive offset that its
    // record tells (`#[pyclass(dict)]`), which is null until an attribute is set or `__dict__` is read.
    unsafe {
        if pyo3::ffi::Py_REFCNT(object) != 1 {
            return false;
        }
        let offset = (*pyo3::ffi::Py_TYPE(object)).tp_dictoffset;
        if offset <= 0 {
            return false;
        }
        let attributes = *object.byte_offset(offset).cast::<*mut pyo3::ffi::PyObject>();
        attributes.is_null() || pyo3::ffi::PyDict_Size(attributes) == 0
    }
}
