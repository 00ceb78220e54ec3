//! Managed modules: one record for each execution of a module's body, and what belongs to it.
//!
//! Promises: a record is found by the namespace of its module as long as anything uses it; when it is dropped, its hooks and its
//! namespace are queued for the threads of `lifecycle`, without running Python code.
//!
//! Does not know: applications (a record has an opaque [`owner`](owner::Owner)), imports, builds, and when hooks are called.

pub mod carried;
pub mod compiler;
pub mod effects;
pub mod execution_hooks;
pub mod hook;
pub mod keep;
pub mod managed;
pub mod origin;
pub mod owner;
pub mod prefetch;
pub mod retired;
pub mod snapshot;
pub mod source;
