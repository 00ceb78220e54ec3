//! What the engine and httpd's side need of the operating system.
//!
//! Promises: a process that is forked at any time gets no lock that nothing releases ([`Mutex`], [`Condvar`], [`fork_gate`]); a
//! panic in a callback or a thread is logged and never unwinds into C ([`guard()`]); memory and locks that processes share survive
//! the death of each of them ([`shared_memory`]).
//!
//! Knows neither httpd, nor Python, nor modules. Messages go to the [`log`], whose sink httpd's side sets.

pub mod fork;
pub mod fork_gate;
pub mod guard;
pub mod log;
pub mod mutex;
pub mod process;
pub mod reserve;
pub mod shared_memory;
pub mod single_flight;
pub mod static_map;
pub mod thread;

pub use guard::guard;
pub use mutex::{Condvar, Mutex, MutexGuard};
pub use static_map::{StaticMap, static_map};
pub use thread::Worker;
