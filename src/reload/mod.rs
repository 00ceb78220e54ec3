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

use std::sync::Arc;

pub use crate::reload::application::Application;
pub use crate::reload::module::Managed;

/// A generation of managed modules.
pub type Snapshot = reload_core::graph::generation::Generation<Managed, module::prefetch::Prefetch>;

/// The generation that a request has settled on, for all its phases.
#[derive(Clone)]
pub struct PinnedGeneration {
    /// The application.
    pub application: Arc<Application>,
    /// Its generation.
    pub generation: Arc<Snapshot>,
}
