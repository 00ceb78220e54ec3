//! What Python sees: the built-in module `_apache` and its types.
//!
//! Promises: an object of Python never touches a record of httpd that has ended or that another thread works on; it raises
//! RuntimeError. Text and bytes of httpd round-trip through `str`. What a request keeps beyond a phase is in
//! [`state::RequestState`].
//!
//! Does not know which handlers there are or how they are run.
//!
//! ```text
//! module.rs    _apache itself: constants, functions, SERVER_RETURN
//! request/     mp_request, over state.rs: what a request keeps, be Python in use or not
//! phase.rs     the phases that run for a request: req.phase, req.hlist
//! subject.rs   what a request has in common with whatever else handlers may run for
//! server.rs, connection.rs, table.rs, finfo.rs, hlist.rs    the other types
//! text.rs, convert.rs, cleanup.rs                           what they share
//! ```

pub mod cleanup;
pub mod connection;
pub mod convert;
pub mod finfo;
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
