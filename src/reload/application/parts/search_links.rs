//! The search path, and where its links lead.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use reload_core::resolve::search_path::{self, Search};

/// The search paths of the current and of the next generation.
pub(in crate::reload) struct SearchLinks {
    /// The search path of the current generation.
    pub(in crate::reload) current: Search,
    /// That of the next one, if links point elsewhere now.
    pub(in crate::reload) next: Option<Search>,
    pub(in crate::reload) links: HashSet<PathBuf>,
}

impl SearchLinks {
    /// The search path as its links are now.
    pub(in crate::reload) fn new(current: Search) -> Self {
        Self { current, next: None, links: HashSet::new() }
    }

    /// Whether this is the search path of the current generation.
    pub(in crate::reload) fn are(&self, search: &Search) -> bool {
        Arc::ptr_eq(&self.current, search)
    }

    /// The search path of the next generation, if it differs.
    pub(in crate::reload) fn next(&self) -> Option<&Search> {
        self.next.as_ref()
    }

    pub(in crate::reload) fn newest(&self) -> &Search {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// Whether a link points elsewhere than is known.
    pub(in crate::reload) fn are_elsewhere(&self) -> bool {
        !self.links.is_empty() && search_path::as_linked_now(&self.current) != *self.newest()
    }
}
