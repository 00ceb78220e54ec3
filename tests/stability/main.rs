//! Handlers and clients that misbehave, and httpd under load: no child dies, no request is lost, no process stays behind.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod cold_start;
mod forks;
mod handlers;
mod kept;
mod load;
mod memory;
mod soak;
mod threads;
