//! The modules of one generation.

use crate::reload::module::managed::Managed;
use crate::reload::module::prefetch::Prefetch;
use reload_core::graph::generation::Generation;

/// A generation of managed modules.
pub type Snapshot = Generation<Managed, Prefetch>;
