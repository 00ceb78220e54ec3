//! What a request runs.

mod builtin;
mod callable;
pub mod content;
mod current;
pub mod extensions;
pub mod functions;
pub mod lifecycle;
mod outcome;
mod phase;
mod pins;
mod refusal;
mod select;
