//! What the eviction of names remembers between two passes.

use std::collections::HashSet;
use std::time::Instant;

use reload_core::graph::Name;

/// The names that nothing needed in the last pass.
#[derive(Default)]
pub(in crate::reload) struct Evictor {
    pub(in crate::reload) names: HashSet<Name>,
    pub(in crate::reload) looked: Option<Instant>,
    /// How many paths were watched for other names then.
    pub(in crate::reload) needed: usize,
}
