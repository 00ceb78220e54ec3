//! The reload engine: managed modules, their generations, and what an edit does to them.
//!
//! `graph`, `fingerprint`, `generation` and `resolve` know neither Python nor httpd; `docs/architecture.md` tells how the parts
//! work together.

pub mod application;
pub mod applications;
pub mod archive;
pub mod board;
mod build;
pub mod builders;
pub mod by_path;
mod chains;
pub mod context;
mod dependency;
mod dot;
mod execute;
mod facts;
mod failure;
mod filesystem;
pub mod fingerprint;
mod foresight;
pub mod generation;
pub mod graph;
pub mod import;
mod installed;
pub mod janitor;
mod journal;
pub mod kept;
mod last_resort;
mod ledger;
pub mod lifecycle;
mod looking;
pub mod memory;
pub mod module;
mod originals;
mod pattern;
mod preflight;
pub mod reads;
mod record;
mod relabel;
mod report;
mod resolve;
pub mod retirement;
pub mod roots;
pub mod search;
pub mod shown;
mod sources;
mod stage;
pub mod states;
pub mod status;
mod surroundings;
mod sweeps;
mod trigger;
mod trust;
mod unfinished;
pub mod watch;
mod watched;

use std::sync::Arc;

pub use application::{Application, Key};
pub use context::View;
pub use module::Managed;

/// A generation of managed modules.
pub type Snapshot = generation::Generation<Managed, sources::Sources>;

/// The generation that a request has settled on, for all its phases.
#[derive(Clone)]
pub struct Pin {
    /// The application.
    pub application: Arc<Application>,
    /// Its generation.
    pub generation: Arc<Snapshot>,
}
