//! What the code of modules asks to be kept.

use reload_core::graph::Name;

/// What code asks to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// This module, and all that lie in it if it is a package.
    Pinned(Name),
    /// The modules whose files match the pattern.
    Excluded(String),
    /// This module, as long as nobody asks for a newer one.
    Unasked(Name),
}
