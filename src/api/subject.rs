//! What managed code runs for, whichever record of httpd stands behind it.

use std::cell::RefCell;
use std::sync::Arc;

use crate::httpd::Lease;
use crate::python::{self, thread};
use crate::reload::{Application, EnteredContext, PinnedGeneration};
use os::fork;

/// The part of a request's state that does not depend on its being a request: how long Python objects may use the record, and
/// which generations its code sees.
///
/// A request for a page of the application `shop` whose code imports from the application `stock` pins a generation of each at the
/// first use. An edit that is built meanwhile is for later requests.
#[derive(Default)]
pub struct Subject {
    /// Ends when the record does.
    pub lease: Arc<Lease>,
    /// The generations, in the order in which they were pinned.
    pins: RefCell<Vec<PinnedGeneration>>,
}

impl Subject {
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
