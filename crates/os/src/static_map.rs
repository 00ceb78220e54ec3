//! Maps that a `static` holds from the start.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A map with a hash function that is the same in every process, so that [`static_map`] can be evaluated at compile time. Not for
/// keys that a client can choose.
pub type StaticMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// An empty map. A `LazyLock` would do as well, but a process that is forked while another thread initialises one has a copy in
/// which that never ends.
///
/// ```
/// use os::{Mutex, StaticMap, static_map};
///
/// static AGES: Mutex<StaticMap<&str, u32>> = Mutex::new(static_map());
/// AGES.lock().insert("oak", 300);
/// assert_eq!(AGES.lock().get("oak"), Some(&300));
/// ```
pub const fn static_map<K, V>() -> StaticMap<K, V> {
    HashMap::with_hasher(BuildHasherDefault::new())
}
