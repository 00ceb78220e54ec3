//! `mp_request`: one wrapper per `request_rec`, shared by all phases.
//!
//! Promises: every use of the record asks for the lease first. `members` lists what Python sees; the other files do the work.

mod actions;
mod body;
mod fields;
mod members;
mod output;
pub(super) mod read_ahead;

use std::sync::Arc;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::api::connection::Connection;
use crate::api::convert::refused;
use crate::api::finfo::FileInfo;
use crate::api::phase::ActivePhase;
use crate::api::server::Server;
use crate::api::state::RequestState;
use crate::api::table::Table;
use crate::config::HandlerEntry;
use crate::httpd::RequestRec;
use crate::httpd::lease::Leased;
use crate::python::gil::GilCell;

/// The parts of a request that Python holds on to; each is made at its first use, and the same object ever after.
#[derive(Default)]
struct Objects {
    headers_in: Option<Py<Table>>,
    headers_out: Option<Py<Table>>,
    err_headers_out: Option<Py<Table>>,
    subprocess_env: Option<Py<Table>>,
    notes: Option<Py<Table>>,
    config: Option<Py<Table>>,
    options: Option<Py<Table>>,
    finfo: Option<Py<FileInfo>>,
    connection: Option<Py<Connection>>,
    server: Option<Py<Server>>,
    /// What `req.form` is made of when it is first read.
    form_pairs: Option<Arc<Vec<(String, String)>>>,
}

/// A request: `req` in a handler.
///
/// One wrapper serves all phases of a request, so that an attribute which one handler sets
/// (`req.mine = 5`) is there for the next one. A subrequest and the target of an internal redirect have wrappers of their own,
/// whose `main` and `prev` are this one.
///
/// Any attribute may be set on it. Every use of the request's own members and methods raises RuntimeError after the request
/// has ended, and on other threads than the one that works on it. Texts are `str`: UTF-8 where the bytes are, else Latin-1.
#[pyclass(frozen, dict, weakref, subclass, name = "mp_request", module = "_apache")]
pub struct Request {
    state: Leased<RequestState>,
    objects: GilCell<Objects>,
}

impl Request {
    /// The one wrapper of a request, made at its first use. The calling thread is the one that works on the request.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn of<'py>(py: Python<'py>, record: RequestRec) -> PyResult<Bound<'py, Self>> {
        let state = RequestState::of(&record);
        state.subject.lease.take();
        if let Some(wrapper) = state.wrapper.borrow().as_ref() {
            return Ok(wrapper.bind(py).clone());
        }
        let wrapper = Bound::new(py, Self { state: state.leased(), objects: GilCell::default() })?;
        state.wrapper.replace(Some(wrapper.clone().unbind()));
        Ok(wrapper)
    }

    /// A phase begins on this thread.
    pub fn begin_phase(&self, phase: ActivePhase) {
        self.state.lease().take();
        if let Ok(state) = self.state() {
            state.phases.borrow_mut().begin(phase);
        }
    }

    /// The innermost phase is over; Python is attached, as its `req.hlist` is dropped. After the last one `req.extension` and `req.interpreter` stay what they are.
    pub fn end_phase(&self, _: Python<'_>) {
        if let Ok(state) = self.state() {
            let hlist = state.phases.borrow_mut().end();
            drop(hlist);
        }
    }

    /// The handler at `index` of the running phase's list runs now. Returns the list; `None` past its end.
    pub fn begin_handler(&self, index: usize) -> Option<Arc<[HandlerEntry]>> {
        let mut phases = self.state().ok()?.phases.borrow_mut();
        let phase = phases.running_mut()?;
        if index >= phase.entries.len() {
            return None;
        }
        phase.current = index;
        if let Some(hlist) = &phase.hlist {
            hlist.get().go_to(index);
        }
        Some(Arc::clone(&phase.entries))
    }

    /// What was written and not yet handed to httpd.
    pub fn take_output(&self) -> Vec<u8> {
        self.state().map(|state| state.output.take()).unwrap_or_default()
    }

    /// Forgets what was written and not yet handed to httpd.
    pub fn discard_output(&self) {
        if let Ok(state) = self.state() {
            state.output.take();
        }
    }

    /// Names and values that become `req.form`, a `util.FieldStorage`, if it is read.
    pub fn set_form_pairs(&self, py: Python<'_>, pairs: Arc<Vec<(String, String)>>) {
        self.objects.borrow(py).form_pairs = Some(pairs);
    }

    /// The record.
    ///
    /// # Errors
    /// `RuntimeError` when the request has ended or the thread is not the one that works on it.
    pub fn rec(&self) -> PyResult<RequestRec> {
        self.state().map(RequestState::record)
    }

    /// Whether Python has chosen the content type.
    ///
    /// # Errors
    /// As [`Self::rec`].
    pub fn is_content_type_set(&self) -> PyResult<bool> {
        self.state().map(|state| state.content_type_set.get())
    }

    /// The state. The reference must not be kept over a call that could end the request.
    fn state(&self) -> PyResult<&RequestState> {
        let state = self.state.get().map_err(|r| refused("request", r))?;
        // SAFETY: the lease says that the state is alive and this thread's. A request ends on its thread, outside of the code
        // that handles it.
        Ok(unsafe { state.as_ref() })
    }

    /// The part in `slot`, made at its first use.
    fn part<'py, T: pyo3::PyClass>(
        &self,
        py: Python<'py>,
        slot: fn(&mut Objects) -> &mut Option<Py<T>>,
        make: impl FnOnce() -> PyResult<Bound<'py, T>>,
    ) -> PyResult<Bound<'py, T>> {
        let known = slot(&mut self.objects.borrow(py)).as_ref().map(|part| part.bind(py).clone());
        if let Some(part) = known {
            return Ok(part);
        }
        let part = make()?;
        *slot(&mut self.objects.borrow(py)) = Some(part.clone().unbind());
        Ok(part)
    }

    /// A live view of one of the record's tables.
    fn table<'py>(
        &self,
        py: Python<'py>,
        slot: fn(&mut Objects) -> &mut Option<Py<Table>>,
        field: fn(&crate::httpd::sys::request_rec) -> *mut crate::httpd::sys::apr_table_t,
    ) -> PyResult<Bound<'py, Table>> {
        let state = self.state()?;
        self.part(py, slot, || Bound::new(py, Table::of_request(state.leased_record(), field)))
    }

    /// `req.form`: the instance's attribute, made of the pairs that the publisher parsed when it is first read.
    fn form<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let attributes = Self::attributes(slf)?;
        let name = pyo3::intern!(py, "form");
        if let Some(form) = attributes.get_item(name)? {
            return Ok(form);
        }
        if slf.get().objects.borrow(py).form_pairs.is_none() {
            return Err(PyAttributeError::new_err("form"));
        }
        let storage = crate::python::import(py, "mod_python.util")?.getattr("FieldStorage")?;
        let pairs = slf.get().objects.borrow(py).form_pairs.take();
        let form = storage.call_method1("_of", (slf, pairs.as_deref()))?;
        attributes.set_item(name, &form)?;
        Ok(form)
    }

    fn set_form(slf: &Bound<'_, Self>, form: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::attributes(slf)?.set_item(pyo3::intern!(slf.py(), "form"), form)
    }

    fn delete_form(slf: &Bound<'_, Self>) -> PyResult<()> {
        let pairs = slf.get().objects.borrow(slf.py()).form_pairs.take();
        let attributes = Self::attributes(slf)?;
        let name = pyo3::intern!(slf.py(), "form");
        if attributes.contains(name)? {
            attributes.del_item(name)
        } else if pairs.is_some() {
            Ok(())
        } else {
            Err(PyAttributeError::new_err("form"))
        }
    }

    fn attributes<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        Ok(slf.as_any().getattr(pyo3::intern!(slf.py(), "__dict__"))?.cast_into()?)
    }
}
