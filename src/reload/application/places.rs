//! The directories in which modules are looked for, and the links that lead to them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Application;
use super::comparison::Pending;
use crate::python::gate::lock;
use crate::reload::search::{self, Search};
use crate::reload::watch::Listener;

/// Where modules are looked for.
pub struct Places {
    /// By the current generation.
    current: Search,
    /// By the next one, where links point elsewhere by now.
    next: Option<Search>,
    links: HashSet<PathBuf>,
}

impl Places {
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

    fn newest(&self) -> &Search {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// Whether a link points elsewhere than is known.
    pub fn are_elsewhere(&self) -> bool {
        !self.links.is_empty() && search::as_linked_now(&self.current) != *self.newest()
    }
}

impl Application {
    /// The search directory that a path lies under.
    pub(super) fn top_of(&self, path: &Path) -> PathBuf {
        let places = lock(&self.places);
        let top = search::top(&places.current, path).or_else(|| search::top(places.next.as_ref()?, path));
        top.or(path.parent()).unwrap_or(path).to_owned()
    }

    /// The search path of the next generation.
    pub fn next_search(&self) -> Search {
        lock(&self.places).newest().clone()
    }

    /// Whether a link on the way to a search directory points elsewhere than for the current generation: everything is to be
    /// looked for there, until a generation is published that has it.
    pub(super) fn has_moved(&self, pending: &Pending) -> bool {
        let mut places = lock(&self.places);
        if places.next.is_none() && !pending.anything && places.links.is_disjoint(&pending.paths) {
            return false;
        }
        let now = search::as_linked_now(&places.current);
        let was_moved = places.next.is_some();
        places.next = (now != places.current).then_some(now);
        let is_moved = places.next.is_some();
        drop(places);
        self.follow_links();
        is_moved || was_moved
    }

    /// Hears from now on when one of the links is replaced.
    pub(super) fn follow_links(&self) {
        let given: Vec<PathBuf> = lock(&self.places).current.iter().map(|d| d.given.clone()).collect();
        let links: HashSet<PathBuf> = given.iter().flat_map(|path| search::links(path)).collect();
        let listener = self.listener();
        for link in &links {
            self.watch.follow(link, link.parent().unwrap_or(link), &listener);
        }
        // A link that is gone for a moment comes back: it stays among them.
        let mut places = lock(&self.places);
        places.links.extend(links);
        // One may have been replaced just before it was followed.
        let is_as_known = search::as_linked_now(&places.current) == *places.newest();
        drop(places);
        if !is_as_known {
            self.anything_changed();
        }
    }

    /// What is remembered of names and paths is about to be of a search path that lies elsewhere.
    pub(super) fn move_to(&self, search: &Search) {
        let mut places = lock(&self.places);
        if places.current == *search {
            return;
        }
        let before = std::mem::replace(&mut places.current, search.clone());
        if places.next.as_ref() == Some(search) {
            places.next = None;
        }
        drop(places);
        lock(&self.names).move_to(&before, search);
    }
}
