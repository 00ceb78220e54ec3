//! The directives as data, and the records that they fill in.
//!
//! Promises: a line that cannot be used stops httpd with a sentence that says what would be right; a merge copies nothing and changes
//! neither side; what a section sets, `get_config()` shows.
//!
//! Does not know requests, Python or the engine. What is the process's and not a section's is in `process_settings` and
//! `watching`.

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
