//! What Python sees: the built-in module `_apache` and its types.

pub mod cleanup;
pub mod module;
pub mod request;
pub mod text;

pub use request::Request;
