//! The request object as a content handler sees it, and what a handler's result means.

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod body;
mod chain;
mod output;
mod results;
mod tables;
