//! The hooks that an execution of a module holds.

use std::sync::{Arc, Weak};

use pyo3::prelude::*;

use crate::reload::module::effects::BuildEffects;
use crate::reload::module::hook::Hook;
use crate::reload::module::owner::Owner;
use crate::reload::module::retired::{self, RetiredExecution};
use os::Mutex;
use reload_core::files::fingerprint::Hash;
use reload_core::graph::Name;

/// The hooks of an execution, at its record in [`Managed`](crate::reload::module::managed::Managed).
///
/// While a build runs, its [`BuildEffects`] hold the hooks; publication moves them here. When the record is dropped, they are
/// queued, and a thread of `lifecycle` calls them.
pub struct ExecutionHooks {
    draft: Weak<BuildEffects>,
    /// A weak reference that dies with the namespace; `None` for a copy, which is no execution of its own.
    sign: Option<Py<PyAny>>,
    pub(in crate::reload) held: Mutex<HeldHooks>,
}

/// What an execution holds until it has gone.
#[derive(Default)]
pub(in crate::reload) struct HeldHooks {
    /// What is to be called then.
    pub hooks: Vec<Hook>,
    /// The first failure of `__mp_clone__` of this execution.
    pub refusal: Option<CloneRefusal>,
}

/// How `__mp_clone__` has failed.
#[derive(Clone, Copy)]
pub(in crate::reload) struct CloneRefusal {
    /// The source that the new module was made from.
    pub source: Hash,
    /// It exceeded the time limit.
    pub took_too_long: bool,
}

impl ExecutionHooks {
    /// The hooks of an execution that begins. `draft` is that of its build, if a build runs it.
    pub(in crate::reload) fn new(draft: Option<&Arc<BuildEffects>>, sign: Py<PyAny>) -> Self {
        Self { draft: draft.map_or_else(Weak::new, Arc::downgrade), sign: Some(sign), held: Mutex::default() }
    }

    /// For a copy of a namespace, which has no hooks.
    pub(in crate::reload) fn of_copy() -> Self {
        Self { draft: Weak::new(), sign: None, held: Mutex::default() }
    }

    /// The effects of the build that runs the execution, until they are published or discarded.
    pub(in crate::reload) fn draft(&self) -> Option<Arc<BuildEffects>> {
        self.draft.upgrade()
    }

    /// Takes out the hooks, which the caller is to call.
    pub(in crate::reload) fn take_hooks(&self) -> Vec<Hook> {
        std::mem::take(&mut self.held.lock().hooks)
    }

    /// Queues the hooks and the namespace: no generation has the execution any more. Runs no Python code.
    pub(in crate::reload) fn end(&mut self, module: &Name, generation: u64, application: &Owner) {
        let Some(sign) = self.sign.take() else { return };
        let held = self.held.get_mut();
        retired::take_over(RetiredExecution {
            module: module.clone(),
            generation,
            application: application.clone(),
            hooks: std::mem::take(&mut held.hooks),
            sign,
        });
    }
}
