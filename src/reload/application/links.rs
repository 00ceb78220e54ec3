//! The symbolic links in the search path: they are watched, and a replaced link moves the search path of the next generation.

use crate::reload::application::parts::pending_paths::PendingPaths;
use crate::reload::application::state::Application;
use reload_core::files::symlinks::Trace;
use reload_core::resolve::search_path::{self, Search};
use reload_core::watch::interests::Listener;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

impl Application {
    /// The search directory that contains a path.
    pub(in crate::reload) fn top_of(&self, path: &Path) -> PathBuf {
        let places = self.places.lock();
        let top = search_path::top(&places.current, path).or_else(|| search_path::top(places.next.as_ref()?, path));
        top.or(path.parent()).unwrap_or(path).to_owned()
    }

    /// The search path of the next generation.
    pub(in crate::reload) fn next_search(&self) -> Search {
        self.places.lock().newest().clone()
    }

    /// Whether a link of the search path points elsewhere than in the current generation. All names are compared there, until a
    /// generation with the new search path is published.
    pub(in crate::reload) fn has_moved(&self, pending: &PendingPaths) -> bool {
        let mut places = self.places.lock();
        if places.next.is_none() && !pending.anything && places.links.is_disjoint(&pending.paths) {
            return false;
        }
        let now = search_path::as_linked_now(&places.current);
        let was_moved = places.next.is_some();
        places.next = (now != places.current).then_some(now);
        let is_moved = places.next.is_some();
        drop(places);
        self.follow_links();
        is_moved || was_moved
    }

    /// Watches the links of the search path.
    pub(in crate::reload) fn follow_links(&self) {
        let given: Vec<PathBuf> = self.places.lock().current.iter().map(|d| d.given.clone()).collect();
        let links: HashSet<PathBuf> = given.iter().flat_map(|path| Trace::of(path).into_watched()).collect();
        let listener = self.listener();
        for link in &links {
            self.watch.follow(link, link.parent().unwrap_or(link), &listener);
        }
        // A link that does not exist at this moment is being replaced: it stays in the set.
        let mut places = self.places.lock();
        places.links.extend(links);
        // A link may have been replaced just before it was watched.
        let is_as_known = search_path::as_linked_now(&places.current) == *places.newest();
        drop(places);
        if !is_as_known {
            self.anything_changed();
        }
    }

    /// Moves the search path, and what is known of names and paths, to where a generation looks that is about to be published.
    pub(in crate::reload) fn move_to(&self, search: &Search) {
        let mut places = self.places.lock();
        if places.current == *search {
            return;
        }
        let before = std::mem::replace(&mut places.current, search.clone());
        if places.next.as_ref() == Some(search) {
            places.next = None;
        }
        drop(places);
        self.names.lock().move_to(&before, search);
    }
}
