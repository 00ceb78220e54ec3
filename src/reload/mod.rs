//! The reload engine: managed modules, their generations, and what an edit does to them.
//!
//! `graph`, `fingerprint`, `generation` and `resolve` know neither Python nor httpd; `docs/architecture.md` tells how the parts
//! work together.

pub mod application;
pub mod build;
pub mod code;
pub mod import;
pub mod interrupt;
pub mod lifecycle;
pub mod module;
pub mod pinning;
pub mod status;

pub use crate::reload::application::pinned_generation::PinnedGeneration;
