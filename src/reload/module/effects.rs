//! What a build adds beside modules: state and hooks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use pyo3::prelude::*;

use crate::reload::module::carried::{Slots, States};
use crate::reload::module::execution_hooks::ExecutionHooks;
use crate::reload::module::hook::{Hook, HookKind, call_all};
use os::Mutex;

/// What a build has added so far beside its modules. It is published with the generation, or discarded with it.
///
/// ```text
/// body:     on_retire(close)     ->  registered here
/// publish:  close                ->  moves to the record of its execution
/// discard:  close                ->  is called, as the body that needs it is taken back
/// ```
pub struct BuildEffects {
    deadline: Instant,
    /// None once the build has ended.
    added: Mutex<Option<Added>>,
}

#[derive(Default)]
struct Added {
    states: Slots,
    /// Each with the sequence number of its execution.
    hooks: Vec<(u64, Hook)>,
    failed: HashSet<u64>,
    /// Executions that `__mp_clone__` has put live state into.
    receivers: HashSet<u64>,
    /// Why the build cannot be published, whatever importers make of it.
    refusal: Option<PyErr>,
}

/// What remains to be done after publication. Dropping it may run Python code.
pub(in crate::reload) struct Aftermath {
    hooks: Vec<Hook>,
    _replaced: Slots,
}

impl Aftermath {
    /// Calls the hooks of executions that have failed while the build went on without them.
    pub(in crate::reload) fn settle(self, py: Python<'_>) {
        call_all(py, self.hooks);
    }
}

impl BuildEffects {
    /// No effects yet, of a build that has this deadline.
    pub(in crate::reload) fn new(deadline: Instant) -> Arc<Self> {
        Arc::new(Self { deadline, added: Mutex::new(Some(Added::default())) })
    }

    /// Whether the build has exceeded its time limit.
    pub(in crate::reload) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Calls `with` with the state that the build has made, unless it has ended. Nothing in it may run Python code.
    pub(in crate::reload) fn with_states<R>(&self, with: impl FnOnce(&mut Slots) -> R) -> Option<R> {
        self.added.lock().as_mut().map(|added| with(&mut added.states))
    }

    /// Adds a hook. Returns it if the build has ended.
    pub(in crate::reload) fn register(&self, execution: u64, hook: Hook) -> Option<Hook> {
        match self.added.lock().as_mut() {
            Some(added) => {
                added.hooks.push((execution, hook));
                None
            }
            None => Some(hook),
        }
    }

    /// Remembers that `__mp_clone__` has put live state into an execution.
    pub(in crate::reload) fn note_receiver(&self, execution: u64) {
        if let Some(added) = self.added.lock().as_mut() {
            added.receivers.insert(execution);
        }
    }

    /// Refuses the publication of the build, for this reason.
    pub(in crate::reload) fn refuse(&self, failure: PyErr) {
        if let Some(added) = self.added.lock().as_mut() {
            added.refusal.get_or_insert(failure);
        }
    }

    /// Why the build must not be published.
    pub(in crate::reload) fn refusal(&self, py: Python<'_>) -> Option<PyErr> {
        self.added.lock().as_ref()?.refusal.as_ref().map(|e| e.clone_ref(py))
    }

    /// Calls the hooks of bodies that have failed, newest first, as far as no newer hook of a good body precedes them: hooks undo
    /// in reverse order, and the importer may have caught the failure.
    pub(in crate::reload) fn body_failed(&self, py: Python<'_>, execution: u64, is_time_left: bool) {
        let (mut due, mut forgotten) = (Vec::new(), Slots::default());
        if let Some(added) = self.added.lock().as_mut() {
            added.failed.insert(execution);
            forgotten = added.states.take_of(execution);
            while is_time_left && let Some((_, hook)) = added.hooks.pop_if(|(of, _)| added.failed.contains(of)) {
                due.push(hook);
            }
        }
        drop(forgotten);
        call_all(py, due);
    }

    /// Gives the state to the application, and the hooks to the executions with these sequence numbers. Runs no Python code.
    pub(in crate::reload) fn publish<'a>(
        &self,
        states: &States,
        executions: impl Iterator<Item = (u64, &'a ExecutionHooks)>,
    ) -> Aftermath {
        let added = self.added.lock().take().unwrap_or_default();
        let executions: HashMap<u64, &ExecutionHooks> = executions.collect();
        let mut orphans = Vec::new();
        for (execution, hook) in added.hooks {
            match executions.get(&execution) {
                Some(held) => held.held.lock().hooks.push(hook),
                None => orphans.push(hook),
            }
        }
        Aftermath { hooks: orphans, _replaced: states.take_in(added.states) }
    }

    /// The build is discarded: calls the hooks, the newest first, and forgets the state that it made.
    pub(in crate::reload) fn discard(&self, py: Python<'_>) {
        while let Some((hook, is_spared)) = self.next_undone() {
            if !is_spared {
                hook.call(py);
            }
        }
        let added = self.added.lock().take();
        drop(added);
    }

    /// The newest hook, and whether it must not be called: `__mp_purge__` would destroy state that `__mp_clone__` has put into the
    /// execution, and that is still in use.
    fn next_undone(&self) -> Option<(Hook, bool)> {
        let mut held = self.added.lock();
        let added = held.as_mut()?;
        let (execution, hook) = added.hooks.pop()?;
        let is_spared = hook.kind == HookKind::Purge && added.receivers.contains(&execution);
        Some((hook, is_spared))
    }
}
