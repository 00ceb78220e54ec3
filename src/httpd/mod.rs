//! Safe Rust over httpd and APR. This is the only room that calls `ap_*` and `apr_*` functions or reads httpd's globals; others
//! name the records' types and constants at most (`sys`). It knows no Python and no directive.
//!
//! - [`module`], [`hooks`], [`command`]: how httpd loads the module, calls it, and hands over the lines of its configuration.
//! - [`RequestRec`], [`ServerRec`], [`connection`], [`table`], [`file`]: httpd's records. A value of these types is a promise that
//!   the record is live and that this thread may use it; [`lease`] keeps that promise for what may outlive a record.
//! - [`Pool`]: memory and cleanups with the lifetime of a process, a configuration, a connection or a request.
//! - [`text`], [`pattern`], [`log`]: httpd's strings, its patterns, and its error log.
//!
//! Every entry from C goes through [`guard()`]: a panic becomes a log line and a fallback.

pub mod command;
pub mod connection;
pub mod file;
pub mod hooks;
pub mod lease;
pub mod log;
pub mod module;
pub mod pattern;
pub mod pool;
pub mod request;
pub mod server;
pub mod sys;
pub mod table;
pub mod text;

pub use crate::httpd::lease::Lease;
pub use crate::httpd::pool::Pool;
pub use crate::httpd::request::RequestRec;
pub use crate::httpd::server::ServerRec;
pub use os::guard::guard;
