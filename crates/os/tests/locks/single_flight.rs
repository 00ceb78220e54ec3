//! Whether a wait would never end.

use std::{collections::HashMap, thread};

use os::Mutex;
use os::single_flight::{Maker, WaitsFor};

/// Makers in threads of their own, whose edges are added there: an edge is always the calling thread's.
struct World {
    makers: HashMap<&'static str, Maker>,
    waits: Mutex<WaitsFor<&'static str>>,
}

impl World {
    /// A thread for each pair: it makes the first thing and waits for the second.
    fn new(edges: &[(&'static str, &'static str)]) -> Self {
        let waits = Mutex::new(WaitsFor::new());
        let makers = thread::scope(|scope| {
            let add = |wanted: &'static str| {
                if !wanted.is_empty() {
                    waits.lock().add(wanted);
                }
                Maker::me()
            };
            let threads: Vec<_> =
                edges.iter().map(|(made, wanted)| (*made, scope.spawn(move || add(wanted)))).collect();
            threads.into_iter().map(|(made, thread)| (made, thread.join().unwrap())).collect()
        });
        Self { makers, waits }
    }

    /// Whether the calling thread, which makes `mine`, must not wait for `wanted`.
    fn is_cycle(&self, mine: &str, wanted: &str) -> bool {
        let maker_of = |key: &&str| if *key == mine { Some(Maker::me()) } else { self.makers.get(*key).copied() };
        self.waits.lock().leads_back(maker_of(&wanted).unwrap(), maker_of)
    }
}

#[test]
fn a_chain_of_waits_that_ends_elsewhere_is_no_cycle() {
    let world = World::new(&[("a", "b"), ("b", "c"), ("c", "")]);
    assert!(!world.is_cycle("me", "a"));
    assert!(!world.is_cycle("me", "c"));
}

#[test]
fn a_chain_of_waits_that_comes_back_is_a_cycle() {
    let world = World::new(&[("a", "b"), ("b", "c"), ("c", "me")]);
    assert!(world.is_cycle("me", "a"));
    assert!(world.is_cycle("me", "c"));
}

#[test]
fn a_thread_must_not_wait_for_what_it_makes_itself() {
    assert!(World::new(&[]).is_cycle("me", "me"));
}

#[test]
fn a_wait_for_something_that_has_been_made_leads_nowhere() {
    let world = World::new(&[("a", "made already")]);
    assert!(!world.is_cycle("me", "a"));
}

#[test]
fn a_cycle_of_others_is_searched_only_once() {
    let world = World::new(&[("a", "b"), ("b", "a")]);
    assert!(!world.is_cycle("me", "a"), "and the search ends");
}

#[test]
fn a_wait_that_has_ended_is_forgotten() {
    let mut waits = WaitsFor::new();
    waits.add("a");
    assert_eq!(waits.remove(), Some("a"));
    assert_eq!(waits.remove(), None);
}
