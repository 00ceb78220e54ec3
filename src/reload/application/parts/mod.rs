//! What an application is made of.
//!
//! Promises: each part is data with rules of its own, and a lock of its own where threads share it.
//!
//! Does not know the application: the methods that use several parts are those of
//! [`Application`](crate::reload::application::state::Application).

pub mod archives;
pub mod build_turn;
pub mod change;
pub mod evictor;
pub mod failed_load;
pub mod failure;
pub mod key;
pub mod manifest;
pub mod path_imports;
pub mod pending_paths;
pub mod pinned;
pub mod publication;
pub mod reporter;
pub mod search_links;
