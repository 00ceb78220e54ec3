//! Names that nothing needs any more, between two looks at all names.

use std::collections::HashSet;
use std::time::Instant;

use reload_core::graph::Name;

/// Names that nothing needed when they were looked through last.
#[derive(Default)]
pub struct Evictor {
    pub(in crate::reload) names: HashSet<Name>,
    pub(in crate::reload) looked: Option<Instant>,
    /// How many paths were followed for others then.
    pub(in crate::reload) needed: usize,
}
