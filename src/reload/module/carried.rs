//! State that outlives a generation, by module and name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pyo3::prelude::*;

use os::single_flight::Maker;
use os::{Condvar, Mutex, StaticMap};
use reload_core::graph::Name;

/// The module that carries the state, and the name that it gave it.
pub(in crate::reload) type CarryKey = (Name, Box<str>);

/// The place of one object, which is kept or being made.
pub(in crate::reload) struct CarrySlot {
    /// The execution whose code asked for the object first.
    pub creator: u64,
    /// The object, once it is made.
    pub content: Mutex<SlotContent>,
    /// Notified when it is made, or has failed.
    pub settled: Condvar,
}

/// What a slot holds.
pub(in crate::reload) enum SlotContent {
    /// This thread makes the object.
    Making(Maker),
    /// The object.
    Kept(Py<PyAny>),
    /// The factory has failed; the slot is in no table any more.
    Failed,
}

impl CarrySlot {
    /// The thread that makes the object; `None` once that is kept or has failed.
    pub(in crate::reload) fn maker(&self) -> Option<Maker> {
        match *self.content.lock() {
            SlotContent::Making(maker) => Some(maker),
            SlotContent::Kept(_) | SlotContent::Failed => None,
        }
    }
}

/// State by module and name. Dropping it may run Python code.
#[derive(Default)]
pub(in crate::reload) struct Slots(pub(in crate::reload) StaticMap<CarryKey, Arc<CarrySlot>>);

impl Slots {
    /// Removes and returns the slots that an execution has made.
    pub(in crate::reload) fn take_of(&mut self, execution: u64) -> Self {
        Self(self.0.extract_if(|_, slot| slot.creator == execution).collect())
    }

    /// Takes out this slot, if it is the one with that name.
    pub(in crate::reload) fn take(&mut self, key: &CarryKey, slot: &Arc<CarrySlot>) -> Option<Arc<CarrySlot>> {
        self.0.get(key).is_some_and(|there| Arc::ptr_eq(there, slot)).then(|| self.0.remove(key)).flatten()
    }
}

/// The state that an application keeps.
#[derive(Default)]
pub struct States(pub(in crate::reload) Mutex<Slots>);

impl States {
    /// Adds the state that a build has made. Returns the replaced slots: older code made them in the meantime, and
    /// from now on only that code refers to them.
    pub(in crate::reload) fn take_in(&self, made: Slots) -> Slots {
        let mut slots = self.0.lock();
        Slots(made.0.into_iter().filter_map(|(key, slot)| Some((key.clone(), slots.0.insert(key, slot)?))).collect())
    }

    /// Drops the state that an execution has made. Must be called attached.
    pub(in crate::reload) fn forget(&self, execution: u64) {
        let taken = self.0.lock().take_of(execution);
        drop(taken);
    }

    /// The modules that have state.
    pub(in crate::reload) fn modules(&self) -> HashSet<Name> {
        self.0.lock().0.keys().map(|(module, _)| module.clone()).collect()
    }

    /// Forgets the state of these modules. Must be called attached.
    pub(in crate::reload) fn forget_modules(&self, modules: &HashSet<Name>) {
        let taken: HashMap<_, _> = self.0.lock().0.extract_if(|(module, _), _| modules.contains(module)).collect();
        drop(taken);
    }

    /// The objects that are kept, with the modules and names they are kept for.
    pub(in crate::reload) fn kept(&self, py: Python<'_>) -> Vec<(Name, Box<str>, Py<PyAny>)> {
        let slots = self.0.lock();
        let kept = slots.0.iter().filter_map(|((module, name), slot)| match &*slot.content.lock() {
            SlotContent::Kept(object) => Some((module.clone(), name.clone(), object.clone_ref(py))),
            SlotContent::Making(_) | SlotContent::Failed => None,
        });
        kept.collect()
    }
}
