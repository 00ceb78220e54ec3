//! What Python sees: the built-in module `_apache` and its types.
//!
//! Promises: an object of Python never touches a record of httpd that has ended or that another thread works on; it raises
//! RuntimeError. Text and bytes of httpd round-trip through `str`. What a request keeps beyond a phase is in
//! [`state::RequestState`].
//!
//! Does not know which handlers there are or how they are run.

pub mod cleanup;
pub mod connection;
pub mod constants;
pub mod convert;
pub mod finfo;
pub mod functions;
pub mod hlist;
pub mod module;
pub mod phase;
pub mod request;
pub mod server;
pub mod state;
pub mod subject;
pub mod table;
pub mod text;

pub use crate::api::request::Request;
