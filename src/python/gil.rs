//! Interior mutability that the interpreter lock guards.

use std::cell::{RefCell, RefMut};

use pyo3::Python;

/// A cell that is only reached while attached to Python.
///
/// The `Python` token proves that the calling thread holds the interpreter lock (free-threaded builds are refused by
/// build.rs). A borrow must not be held over a call that may run Python code or detach; `RefCell` turns a breach of that into
/// a panic, which the guard contains, and never into a data race.
pub struct GilCell<T>(RefCell<T>);

// SAFETY: every access shows a `Python` token, so only the thread that holds the interpreter lock reaches the value.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    /// A cell with a value.
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// The value, for a moment.
    pub fn borrow<'a>(&'a self, _: Python<'a>) -> RefMut<'a, T> {
        self.0.borrow_mut()
    }
}

impl<T: Default> Default for GilCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
