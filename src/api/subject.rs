//! What managed code runs for, whichever record of httpd stands behind it.

use std::cell::RefCell;
use std::fmt::Arguments;
use std::sync::Arc;

use crate::httpd::log::{self, Level};
use crate::httpd::{Lease, Pool, RequestRec, ServerRec};
use crate::python::{self, thread};
use crate::reload::{Application, EnteredContext, PinnedGeneration};
use os::fork;

/// The record that messages are logged against.
#[derive(Clone, Copy)]
enum LogTarget {
    /// A request, with httpd's tags of it.
    Request(RequestRec),
}

/// The part of a request's state that does not depend on its being a request: how long Python objects may use the record,
/// which generations its code sees, and where its messages go. Selecting an application and settling on its generation need no
/// more than this.
///
/// A request for a page of the application `shop` whose code imports from the application `stock` pins a generation of each at the
/// first use. An edit that is built meanwhile is for later requests.
pub struct Subject {
    /// The virtual host that it came in at, or the main server.
    pub server: ServerRec,
    /// Lives as long as the record.
    pub pool: Pool,
    /// Ends when the record does.
    pub lease: Arc<Lease>,
    /// The generations, in the order in which they were pinned.
    pins: RefCell<Vec<PinnedGeneration>>,
    log: LogTarget,
}

impl Subject {
    /// The subject of a request.
    pub fn of_request(record: RequestRec) -> Self {
        Self {
            server: record.server(),
            pool: record.pool(),
            lease: Arc::default(),
            pins: RefCell::default(),
            log: LogTarget::Request(record),
        }
    }

    /// Logs against the record, line by line.
    pub fn log(&self, level: Level, message: Arguments<'_>) {
        match self.log {
            LogTarget::Request(record) => log::write_request(record, level, message),
        }
    }

    /// The pinned generation of an application.
    pub fn pin(&self, application: &Application) -> Option<PinnedGeneration> {
        self.pins.borrow().iter().find(|pin| std::ptr::eq(&*pin.application, application)).cloned()
    }

    /// Pins a generation.
    pub fn add_pin(&self, pin: PinnedGeneration) {
        self.pins.borrow_mut().push(pin);
    }

    /// Lets code see the pinned generations until the result is dropped, that of `first` before all others.
    pub fn enter_pins(&self, first: &PinnedGeneration) -> Vec<EnteredContext> {
        let pins = self.pins.borrow();
        let others = pins.iter().filter(|pin| !Arc::ptr_eq(&pin.application, &first.application));
        others.chain(std::iter::once(first)).map(|pin| pin.context().enter()).collect()
    }

    /// The same with the generation first that was pinned first.
    pub(super) fn enter(&self) -> Vec<EnteredContext> {
        let pins = self.pins.borrow().clone();
        pins.iter().rev().map(|pin| pin.context().enter()).collect()
    }

    /// Unpins all generations. The last subject of a generation ends its modules, which is done inside Python.
    pub(super) fn unpin(&self) {
        let pins = self.pins.take();
        if thread::leaving() || fork::is_copy() {
            std::mem::forget(pins);
        } else if pins.iter().any(|pin| Arc::strong_count(&pin.generation) == 1) {
            python::attach(|_| drop(pins));
        }
    }
}
