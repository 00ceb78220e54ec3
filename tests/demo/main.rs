//! The demo site, as `make run` serves it.

#[path = "../support/mod.rs"]
mod support;

mod edit;
mod pages;
mod run;
