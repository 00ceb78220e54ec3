//! Everything that one application knows: its manifest, its generations, and what they are compared with.
//!
//! Promises: what is served is compared with the disk by content; a path is followed before it is looked at; a generation is
//! published in one step; names that nothing needs are evicted.
//!
//! Does not know: builds. It knows which names differ, and publishes a [publication](parts::publication).
//!
//! `parts` has the data; `state` is the struct; the other files are its methods, a topic each.

pub mod compare;
pub mod edges;
pub mod evict;
pub mod file_dependencies;
pub mod files;
pub mod links;
pub mod names;
pub mod parts;
pub mod pinned_generation;
pub mod publish;
pub mod registry;
pub mod rescan;
pub mod state;
pub mod view;

pub use crate::reload::application::parts::key::ApplicationKey;
pub use crate::reload::application::state::Application;
