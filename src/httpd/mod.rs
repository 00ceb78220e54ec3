//! Safe Rust over httpd and APR: the only room that names `ap_*` and `apr_*`.

pub mod guard;
pub mod lease;
pub mod log;
pub mod pool;
pub mod process;
pub mod request;
pub mod server;
pub mod shm;
pub mod sys;
pub mod table;
pub mod thread;

pub use guard::guard;
pub use lease::Lease;
pub use pool::Pool;
pub use request::RequestRec;
pub use server::ServerRec;
