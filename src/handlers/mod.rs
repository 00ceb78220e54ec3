//! What a request runs: handlers of Python, and those that the module brings along.
//!
//! ```text
//! content::handle -> PhaseRun::run                        which list applies, then each handler of it:
//!     prepare     select::application, Application::refresh    detached, for the first handler before Python is entered
//!     call        builtin::of(entry.kind), or callable::resolve and the call
//!     outcome     what the result or the exception means to httpd
//! lifecycle                                               start and end of the configuration and of a child
//! functions                                               what `_apache` gets from here, and what the engine asks about requests
//! ```
//!
//! Names the engine only by `crate::reload::Name`. The part that knows no phase is `phase`; a phase's own file decides when it
//! runs and what becomes of its result.

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
