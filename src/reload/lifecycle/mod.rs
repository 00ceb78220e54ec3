//! What outlives an execution of a module, and what is done when the execution is retired.
//!
//! Promises: `on_retire` and `__mp_purge__` are called once, newest first, on a thread of this room or at the end of the child;
//! `__mp_clone__` and `carry` hand state to the next execution; memory of retired executions is freed, or the log says what keeps
//! it.
//!
//! Does not know: when a build runs, and how imports find modules. The data is in `module`.

pub(in crate::reload) mod carry;
pub(in crate::reload) mod hooks;
pub(in crate::reload) mod leaks;
pub(in crate::reload) mod package_originals;
pub(in crate::reload) mod retirement;
