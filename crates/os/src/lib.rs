//! What the engine and httpd's side need of the operating system: locks that survive a fork, memory that processes share,
//! threads, and the log behind them.
//!
//! Knows neither httpd, nor Python, nor modules.

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
