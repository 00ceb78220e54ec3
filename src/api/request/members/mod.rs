//! The members and methods of `mp_request`, by topic.
//!
//! Promises: each is a line or two, and asks for the lease before it touches the record, so that none works on a request that has
//! ended or that belongs to another thread. What takes more than that is in the files beside this folder.
//!
//! Every file adds its own `#[pymethods]` block to the one class.

mod client;
mod context;
mod request_body;
mod request_line;
mod resource;
mod response;
mod tables;
