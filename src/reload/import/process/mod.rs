//! What all modules of a process share, and how managed modules get along in it: `sys.modules`, the files that bodies read, the state
//! that they change, and the modules that only Python manages.
//!
//! Promises: an entry of `sys.modules` that belongs to something unmanaged is left alone; what a failed body has changed in the
//! process is put back.
//!
//! Does not know generations or builds beyond what it is told to show.

pub(in crate::reload) mod archive_resources;
pub mod file_reads;
pub(in crate::reload) mod process_state;
pub mod sys_modules;
pub(in crate::reload) mod unmanaged;
