//! The originals of renewed packages: their functions live on in copies, and with them their namespaces, which still name the
//! submodules that were there first.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::module::{self, Managed};

/// Takes submodules that no generation has any more out of the namespaces of packages that no generation has as they are.
///
/// No function of such a package mentions them, as it would have run again instead of being copied.
pub fn let_go(py: Python<'_>) {
    let mut copies: HashMap<*const Managed, (Arc<Managed>, usize)> = HashMap::new();
    for original in module::living().iter().filter_map(|copy| copy.copied_from.clone()) {
        copies.entry(Arc::as_ptr(&original)).or_insert_with(|| (original, 0)).1 += 1;
    }
    for (original, count) in copies.into_values() {
        // Its copies refer to it, and this function does; whoever else does may be a generation.
        if Arc::strong_count(&original) > count + 1 {
            continue;
        }
        let namespace = original.module.bind(py).dict();
        for tail in original.bound() {
            let is_retired = match namespace.get_item(&*tail) {
                Ok(Some(child)) => is_retired(&child),
                _ => false,
            };
            if is_retired && namespace.del_item(&*tail).is_ok() {
                original.forget_bound(&tail);
            }
        }
    }
}

/// Whether this is a managed module that no generation has.
fn is_retired(object: &Bound<'_, PyAny>) -> bool {
    let Ok(module) = object.cast::<PyModule>() else { return false };
    let namespace = module.dict();
    namespace.contains("__mp_info__").unwrap_or(false) && module::by_globals(&namespace).is_none()
}
