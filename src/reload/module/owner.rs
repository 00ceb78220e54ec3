//! The application that a module belongs to, as an opaque reference.

use std::any::Any;
use std::sync::{Arc, Weak};

/// A reference to the application of a module, which does not keep the application alive.
///
/// ```text
/// let owner = Owner::new(application.weak());
/// owner.get::<Application>()   ->  the application, while it exists
/// ```
#[derive(Clone)]
pub struct Owner(Weak<dyn Any + Send + Sync>);

impl Owner {
    /// A reference to this owner.
    pub(in crate::reload) fn new<T: Any + Send + Sync>(owner: Weak<T>) -> Self {
        Self(owner)
    }

    /// The owner, if it still exists and has this type.
    pub(in crate::reload) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.upgrade()?.downcast().ok()
    }

    /// Whether this is the owner.
    pub(in crate::reload) fn is<T>(&self, owner: &T) -> bool {
        std::ptr::addr_eq(self.0.as_ptr(), owner)
    }
}
