//! The originals of copied packages: the functions in a copy have the original's namespace, which still names the submodules that
//! were loaded first.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::reload::module::managed::{self, Managed};

/// Binds the submodules of a package's only copy in the namespace of its original. The old submodules can be freed, and code that
/// got the original before the copy was made finds the served submodules.
pub(in crate::reload) fn keep_up(py: Python<'_>) {
    // Dropped at the end, as that may run Python code.
    let mut replaced: Vec<Bound<'_, PyAny>> = Vec::new();
    for (original, copies) in originals() {
        // With several copies, requests of several generations are running. One reference to the original is the copy's, one is
        // this function's; any other may be that of a generation.
        let [copy] = &*copies else { continue };
        if Arc::strong_count(&original) > 2 {
            continue;
        }
        let (namespace, newer) = (original.module.bind(py).dict(), copy.module.bind(py).dict());
        for tail in original.bound() {
            let Ok(Some(before)) = namespace.get_item(&*tail) else { continue };
            if !is_managed(&before) {
                continue;
            }
            // A failure leaves the old submodule in place, which is harmless.
            let _ = match newer.get_item(&*tail) {
                Ok(Some(now)) => namespace.set_item(&*tail, now),
                Ok(None) => namespace.del_item(&*tail),
                Err(e) => Err(e),
            };
            replaced.push(before);
        }
    }
}

/// The packages that have been copied, with their copies.
fn originals() -> Vec<(Arc<Managed>, Vec<Arc<Managed>>)> {
    let mut found: HashMap<*const Managed, (Arc<Managed>, Vec<Arc<Managed>>)> = HashMap::new();
    for copy in managed::living() {
        if let Some(original) = copy.copied_from.clone() {
            found.entry(Arc::as_ptr(&original)).or_insert_with(|| (original, Vec::new())).1.push(copy);
        }
    }
    found.into_values().collect()
}

/// Whether this is a managed module, of any generation.
fn is_managed(object: &Bound<'_, PyAny>) -> bool {
    object.cast::<PyModule>().is_ok_and(|module| module.dict().contains("__mp_info__").unwrap_or(false))
}
