//! Managed modules: one record for each execution of a module's body, and what belongs to it.
//!
//! Promises: a record is found by the namespace of its module as long as anything uses it; when it is dropped, its hooks and its
//! namespace are queued for the threads of `lifecycle`, without running Python code.
//!
//! Does not know: applications (a record has an opaque [`owner`](owner::Owner)), imports, builds, and when hooks are called.

pub(in crate::reload) mod carried;
pub(in crate::reload) mod compiler;
pub(in crate::reload) mod effects;
pub(in crate::reload) mod execution_hooks;
pub(in crate::reload) mod hook;
pub(in crate::reload) mod keep;
pub(in crate::reload) mod managed;
pub(in crate::reload) mod origin;
pub(in crate::reload) mod owner;
pub(in crate::reload) mod prefetch;
pub(in crate::reload) mod retired;
pub(in crate::reload) mod snapshot;
pub(in crate::reload) mod source;
