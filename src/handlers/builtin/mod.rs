//! Handlers that the module brings along and runs without a detour through Python.
//!
//! An entry's `HandlerKind` says which of them runs it; [`of`] returns its implementation of [`BuiltinHandler`]. A new one is a
//! `HandlerKind`, a folder beside `publisher/`, and a row of [`of`].

mod contract;
mod publisher;

use crate::config::HandlerKind;
use crate::handlers::builtin::publisher::Publisher;

pub use crate::handlers::builtin::contract::{BuiltinHandler, HandlerCall};
pub use crate::handlers::builtin::publisher::handle_here as publish_here;

/// What runs the handlers of a kind; `None` for functions, which are Python's.
pub fn of(kind: HandlerKind) -> Option<&'static dyn BuiltinHandler> {
    match kind {
        HandlerKind::Function => None,
        HandlerKind::Publisher => Some(&Publisher),
    }
}
