//! The directives: their grammar, their errors, their contexts and how sections are overlaid.

#[path = "../support/mod.rs"]
mod support;

mod contexts;
mod documents;
mod errors;
mod extensions;
mod home;
mod merging;
mod paths;
mod reloading;
mod show;
