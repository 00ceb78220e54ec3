//! What code asks to keep as it is.

use reload_core::graph::Name;

/// What code asks to keep as it is, whatever happens to files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// This module, and its submodules if it is a package.
    Pinned(Name),
    /// The modules whose files match the pattern.
    Excluded(String),
    /// This module, until an import without `autoreload=False` asks for the newest state.
    Unasked(Name),
}
