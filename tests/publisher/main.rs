//! The publisher: from URLs to functions, and from what they return to responses.

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod form;
mod mapping;
mod pages;
mod protection;
mod query;
mod results;
mod traversal;
