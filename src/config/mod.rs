//! The directives as data, and the records they fill in: per directory and per server.

pub mod directive;
pub mod handler_list;
pub mod home;
pub mod place;
pub mod record;
pub mod watching;

pub use handler_list::{HandlerEntry, HandlerList};
pub use place::Place;
pub use record::{Consistency, DirConfig, OnError, ReloadMode, ServerConfig};
