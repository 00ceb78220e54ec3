//! What a module's code says without being run.
//!
//! Promises: a [`CodeSummary`] names everything that the code may import or read, as far as its code object shows that; where
//! code puts names together from texts, it errs on the side of saying that the name may be meant. Runs no Python code beside
//! `compile`'s result, and knows no module, application or file.
//!
//! `summary` walks a code object and those nested in it; `instructions` knows the numbers of the instructions of each version of
//! Python; [`reload_core::code::attribute_chains`] judges what attributes are read of what.

mod instructions;
pub mod summary;

pub use summary::{CodeSummary, ImportStatement};
