//! The oracle: after random batches of edits to generated applications, a real httpd serves exactly what a fresh interpreter has.
//!
//! `ORACLE_SEED` repeats a run; `ORACLE_BATCHES` and `ORACLE_MODULES` say how long and how large,
//! `ORACLE_PATIENCE` for how many seconds a difference is made smaller.

#[path = "../support/mod.rs"]
mod support;

mod edits;
mod fresh;
mod module;
mod precision;
mod random;
mod run;
mod served;
mod shrink;
mod world;
