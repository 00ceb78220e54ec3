//! What Python sees: the built-in module `_apache` and its types.

pub mod cleanup;
pub mod connection;
pub mod constants;
pub mod convert;
pub mod finfo;
pub mod functions;
pub mod hlist;
pub mod leased;
pub mod module;
pub mod phase;
pub mod request;
pub mod server;
pub mod state;
pub mod table;
pub mod text;

pub use crate::api::request::Request;
