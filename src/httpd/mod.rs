//! Safe Rust over httpd and APR: the only room that names `ap_*` and `apr_*`.

pub mod lease;
pub mod log;
pub mod pool;
pub mod request;
pub mod server;
pub mod sys;
pub mod table;

pub use crate::httpd::lease::Lease;
pub use crate::httpd::pool::Pool;
pub use crate::httpd::request::RequestRec;
pub use crate::httpd::server::ServerRec;
pub use os::guard::guard;
