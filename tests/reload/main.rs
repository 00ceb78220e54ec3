//! The reload engine, seen from outside: files are saved, requests are sent, and the answers say which code ran.
//!
//! The numbers in the tests' names are those of the cases in the reload contract.

#[path = "../support/mod.rs"]
mod support;

mod app;
mod concurrency;
mod content;
mod cycles;
mod detection;
mod failure;
mod graph;
mod imports;
mod limits;
mod packages;
mod status;
