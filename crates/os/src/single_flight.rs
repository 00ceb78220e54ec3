//! Things that one thread makes while others wait for them: who makes one, and whether a wait for it would never end.
//!
//! The tables of things are their owners'. This is only what they have in common: a [`Maker`] in each thing that is being made,
//! and one [`WaitsFor`] beside them, under the same lock or under one that is taken before theirs.

use std::thread::{self, ThreadId};

use crate::fork_gate;

/// The thread that makes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker {
    thread: ThreadId,
    /// How many forks lay between the child of httpd and the process in which it began.
    forks: usize,
}

impl Maker {
    /// The calling thread.
    pub fn me() -> Self {
        Self { thread: thread::current().id(), forks: fork_gate::forks() }
    }

    /// The thread.
    pub fn thread(self) -> ThreadId {
        self.thread
    }

    /// Whether it is the calling thread. In a copy of the process this is the thread that forked, too.
    pub fn is_me(self) -> bool {
        self.thread == thread::current().id()
    }

    /// Whether this process is a copy that was forked while another thread was making the thing: that thread is not in the copy,
    /// so that nothing ends a wait for it.
    pub fn is_gone(self) -> bool {
        self.forks != fork_gate::forks() && !self.is_me()
    }
}

/// Which thread waits for which thing, by the keys of things.
///
/// With the makers of the things, which the caller knows, this is a graph of threads: an edge leads from a thread that waits to
/// the maker of what it waits for. The graph must not have a cycle, or its threads wait for ever. So a thread asks
/// [`Self::leads_back`] before it adds its own edge, and both under one lock:
///
/// ```
/// use os::single_flight::{Maker, WaitsFor};
///
/// let mut waits = WaitsFor::new();
/// let other = std::thread::spawn(Maker::me).join().unwrap();
/// // `other` makes "b" and waits for nothing, so that this thread may wait for "b".
/// assert!(!waits.leads_back(other, |key| (*key == "b").then_some(other)));
/// waits.add("b");
/// // .. the thread sleeps here ..
/// assert_eq!(waits.remove(), Some("b"));
/// ```
pub struct WaitsFor<K> {
    /// `(thread, key)`: the thread sleeps until the thing of this key is made. A thread is in it once at most.
    waits: Vec<(ThreadId, K)>,
}

impl<K> WaitsFor<K> {
    /// Nothing waits.
    pub const fn new() -> Self {
        Self { waits: Vec::new() }
    }

    /// Whether `maker` is the calling thread, or waits, perhaps through other threads, for something that the calling thread
    /// makes. `maker_of` returns who makes a thing; none once it is made.
    pub fn leads_back(&self, maker: Maker, maker_of: impl Fn(&K) -> Option<Maker>) -> bool {
        let mut at = maker;
        // As many steps as there are edges: a cycle that the calling thread is no part of has no end.
        for _ in 0..=self.waits.len() {
            if at.is_me() {
                return true;
            }
            let edge = self.waits.iter().find(|(thread, _)| *thread == at.thread);
            let Some(next) = edge.and_then(|(_, key)| maker_of(key)).filter(|next| !next.is_gone()) else {
                return false;
            };
            at = next;
        }
        false
    }

    /// The calling thread waits for the thing of this key.
    ///
    /// Preconditions: it waits for nothing yet, and the maker of the thing does not [lead back](Self::leads_back) to it.
    pub fn add(&mut self, key: K) {
        self.waits.push((thread::current().id(), key));
    }

    /// The calling thread does not wait any more. Returns the key of what it waited for.
    pub fn remove(&mut self) -> Option<K> {
        let me = thread::current().id();
        let at = self.waits.iter().position(|(thread, _)| *thread == me)?;
        Some(self.waits.swap_remove(at).1)
    }
}

impl<K> Default for WaitsFor<K> {
    fn default() -> Self {
        Self::new()
    }
}
