//! Embedding CPython: start-up, thread states, errors, the embedded library and the end of a child.

pub mod audit;
pub mod embed;
pub mod error;
pub mod forking;
pub mod gate;
pub mod gil;
pub mod library;
pub mod lines;
mod reserve;
pub mod shutdown;
pub mod stack;
pub mod standard;
pub mod system;
pub mod thread;
pub mod wake;

pub use gil::GilCell;
pub use system::import;
pub use thread::{attach, detached};
