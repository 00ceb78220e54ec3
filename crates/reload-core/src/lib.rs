//! The part of the reload engine that needs neither Python nor httpd: names and edges, files and what was read of them,
//! the search for a name, the watch over directories, and what the children of one server tell each other.
//!
//! Promises: nothing here runs code of an application, and each room is tested by itself, against models where it decides something.

pub mod code;
pub mod files;
pub mod graph;
pub mod interrupt;
pub mod policy;
pub mod resolve;
pub mod scoreboard;
pub mod watch;
