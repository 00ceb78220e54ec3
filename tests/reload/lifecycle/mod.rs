//! What outlives a module, and what ends with it: `carry`, `on_retire`, leaks and memory.

mod hooks;
mod leaks;
mod memory;
mod state;
