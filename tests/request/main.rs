//! The request object as a content handler sees it, and what a handler's result means.

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod authentication;
mod body;
mod chain;
mod configuration;
mod environment;
mod headers;
mod lifetime;
mod members;
mod methods;
mod output;
mod results;
mod tables;
mod text;
