//! The reload engine.
