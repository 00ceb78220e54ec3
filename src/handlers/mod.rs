//! What a request runs.

pub mod content;
pub mod lifecycle;
