//! Embedding CPython: start-up, thread states, errors, the embedded library and the end of a child.
//!
//! Promises: Python runs in children only; a thread keeps one thread state for its life; the end of a child takes at most two seconds;
//! [`attach`] is the only way in.
//!
//! Does not know requests, applications or modules: what is to be called at the end is handed to [`shutdown`].

pub mod audit;
pub mod embed;
pub mod error;
pub mod gil;
pub mod library;
pub mod line_tables;
pub mod main_thread_signal;
pub mod raw_import;
pub mod shutdown;
pub mod stack;
pub mod stdlib;
pub mod thread;

pub use crate::python::raw_import::import;
pub use crate::python::thread::{attach, detached};
