//! Functions to call when an execution of a module has gone.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::python::error;
use os::log;
use reload_core::graph::Name;

/// Numbers the hooks of a child: they are called newest first.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What a hook was registered for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::reload) enum HookKind {
    /// `on_retire`.
    OnRetire,
    /// `__mp_purge__`.
    Purge,
}

/// A function to call once, when nothing uses an execution any more.
pub(in crate::reload) struct Hook {
    function: Py<PyAny>,
    pub(in crate::reload) kind: HookKind,
    module: Name,
    generation: u64,
    number: u64,
}

impl Hook {
    /// A hook of an execution.
    pub(in crate::reload) fn new(function: Py<PyAny>, kind: HookKind, module: Name, generation: u64) -> Self {
        Self { function, kind, module, generation, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// Calls the function. An exception is logged.
    pub(in crate::reload) fn call(self, py: Python<'_>) {
        if let Err(e) = self.function.call0(py) {
            let what = match self.kind {
                HookKind::OnRetire => "a function that on_retire registered for",
                HookKind::Purge => "__mp_purge__ of",
            };
            log::error!(
                "{what} module '{}' (generation {}) failed\n{}",
                self.module,
                self.generation,
                error::format(py, &e)
            );
        }
    }
}

/// Sorts hooks by age: the newest, which is called first, becomes the last element.
pub(in crate::reload) fn sort(hooks: &mut [Hook]) {
    hooks.sort_unstable_by_key(|hook| hook.number);
}

/// Calls hooks, the newest first.
pub(in crate::reload) fn call_all(py: Python<'_>, mut hooks: Vec<Hook>) {
    sort(&mut hooks);
    while let Some(hook) = hooks.pop() {
        hook.call(py);
    }
}
