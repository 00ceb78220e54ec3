//! The directives as data, and the records they fill in: per directory and per server.

pub mod directive;
pub mod handler_list;
pub mod phase;
pub mod process_settings;
pub mod record;
pub mod section;
pub mod watching;
mod word;

pub use crate::config::handler_list::{HandlerEntry, HandlerKind, HandlerList};
pub use crate::config::record::{DirConfig, OnError, ServerConfig};
pub use crate::config::section::SectionPath;

/// Forgets what holds for the whole process: the configuration is about to be read (again).
pub fn reset() {
    process_settings::reset();
    watching::reset();
}
