//! The phases of one request that run, and what they show to Python: `req.phase`, `req.hlist`, `req.extension` and
//! `req.interpreter`.

use std::sync::Arc;

use pyo3::Py;

use crate::api::hlist::HandlerEntries;
use crate::config::HandlerEntry;
use crate::config::phase::Phase;

/// One run of a list of handlers.
///
/// For `PythonHandler a b | .py` and `/page.py`, while `b` runs: `phase` is `Content`, `extension` is `.py`, `entries` are `a`
/// and `b`, and `current` is 1.
pub struct ActivePhase {
    /// The phase: `req.phase`.
    pub phase: Phase,
    /// The interpreter's name: `req.interpreter`.
    pub interpreter: Arc<str>,
    /// The extension that chose the list: `req.extension`.
    pub extension: Option<Box<str>>,
    /// The handlers. A longer list may take the place of this one while it runs: every step asks for the list again.
    pub(super) entries: Arc<[HandlerEntry]>,
    /// The index of the handler that runs.
    pub(super) current: usize,
    /// `req.hlist`, once Python has asked for it.
    pub(super) hlist: Option<Py<HandlerEntries>>,
}

impl ActivePhase {
    /// A phase that begins with the first handler of `entries`.
    pub fn new(phase: Phase, interpreter: Arc<str>, extension: Option<Box<str>>, entries: Arc<[HandlerEntry]>) -> Self {
        Self { phase, interpreter, extension, entries, current: 0, hlist: None }
    }
}

/// The phases that run for one request, one inside another: a phase that begins while a handler of another one runs does not
/// change what that one shows afterwards.
///
/// The first level needs no memory of its own, as a request has hardly ever more.
#[derive(Default)]
pub struct PhaseStack {
    /// The innermost one; when none runs, the last one that ran.
    innermost: Option<ActivePhase>,
    is_running: bool,
    /// Those that `innermost` began inside of, outermost first.
    outer: Vec<ActivePhase>,
}

impl PhaseStack {
    /// A phase begins.
    pub fn begin(&mut self, phase: ActivePhase) {
        let previous = self.innermost.replace(phase);
        if self.is_running {
            self.outer.extend(previous);
        }
        self.is_running = true;
    }

    /// The innermost phase ends. Returns its `req.hlist`, to be dropped when the stack is no longer borrowed.
    pub fn end(&mut self) -> Option<Py<HandlerEntries>> {
        let hlist = self.innermost.as_mut().and_then(|phase| phase.hlist.take());
        match self.outer.pop() {
            Some(outer) => self.innermost = Some(outer),
            None => self.is_running = false,
        }
        hlist
    }

    /// The innermost phase that runs.
    pub fn running(&self) -> Option<&ActivePhase> {
        self.innermost.as_ref().filter(|_| self.is_running)
    }

    /// The same, to change it.
    pub fn running_mut(&mut self) -> Option<&mut ActivePhase> {
        self.innermost.as_mut().filter(|_| self.is_running)
    }

    /// The innermost phase that runs, or else the last one that ran.
    pub fn latest(&self) -> Option<&ActivePhase> {
        self.innermost.as_ref()
    }
}
