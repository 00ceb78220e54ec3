//! The originals of renewed packages: their functions live on in copies, and with them their namespaces, which still name the
//! submodules that were there first.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::reload::module::managed::{self, Managed};

/// Puts the submodules of a package's only copy into the namespace of its original. What was there is freed, and whoever has the
/// original in hand, having got it before any copy was made, finds what is served.
pub fn keep_up(py: Python<'_>) {
    // Not freed before the end, as that may run code.
    let mut replaced: Vec<Bound<'_, PyAny>> = Vec::new();
    for (original, copies) in originals() {
        // With several, requests of several generations are under way. The one refers to the original, and so does this function;
        // whoever else does may be a generation.
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
            // A plain dict takes any text as a key, and gives it up.
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

/// Whether this is a managed module, of whatever generation.
fn is_managed(object: &Bound<'_, PyAny>) -> bool {
    object.cast::<PyModule>().is_ok_and(|module| module.dict().contains("__mp_info__").unwrap_or(false))
}
