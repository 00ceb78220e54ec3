//! Edges of the import graph that imports add while a generation is served.

use crate::reload::application::state::Application;
use crate::reload::module::managed::Managed;
use reload_core::graph::{Graph, Name};
use std::sync::Arc;

impl Application {
    /// Adds an edge, if the user's module is the one that the current generation serves.
    pub(in crate::reload) fn add_edge(&self, user: &Arc<Managed>, used: &Name) {
        if self.is_served(user) {
            self.names.lock().graph.add(&user.name, used);
        }
    }

    /// Remembers that a module holds a package, if it is the one that the current generation serves.
    pub(in crate::reload) fn add_hold(&self, holder: &Arc<Managed>, package: &Name) {
        if self.is_served(holder) {
            self.names.lock().graph.add_hold(&holder.name, package);
        }
    }

    fn is_served(&self, user: &Arc<Managed>) -> bool {
        let served = self.current().any(&user.name);
        served.is_some_and(|now| {
            Arc::ptr_eq(&now, user) || now.copied_from.as_ref().is_some_and(|origin| Arc::ptr_eq(origin, user))
        })
    }

    /// Removes the edges of a module that could not be loaded, or is loaded again.
    pub(in crate::reload) fn forget_edges(&self, name: &str) {
        self.names.lock().graph.forget(name);
    }

    /// The edges as they are now.
    pub(in crate::reload) fn graph(&self) -> Graph {
        self.names.lock().graph.clone()
    }

    /// Calls `with` with the edges, without copying them. It must be short, and must not run Python code.
    pub(in crate::reload) fn with_graph<R>(&self, with: impl FnOnce(&Graph) -> R) -> R {
        with(&self.names.lock().graph)
    }
}
