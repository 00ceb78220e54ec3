//! The search path, and where the links on it lead.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use reload_core::resolve::search_path::{self, Search};

/// Where modules are looked for.
pub struct SearchLinks {
    /// By the current generation.
    pub(in crate::reload) current: Search,
    /// By the next one, where links point elsewhere by now.
    pub(in crate::reload) next: Option<Search>,
    pub(in crate::reload) links: HashSet<PathBuf>,
}

impl SearchLinks {
    /// Where links point now.
    pub fn new(current: Search) -> Self {
        Self { current, next: None, links: HashSet::new() }
    }

    /// Whether this is where the current generation looks.
    pub fn are(&self, search: &Search) -> bool {
        Arc::ptr_eq(&self.current, search)
    }

    /// Where the next generation looks, if that is elsewhere.
    pub fn next(&self) -> Option<&Search> {
        self.next.as_ref()
    }

    pub(in crate::reload) fn newest(&self) -> &Search {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// Whether a link points elsewhere than is known.
    pub fn are_elsewhere(&self) -> bool {
        !self.links.is_empty() && search_path::as_linked_now(&self.current) != *self.newest()
    }
}
