//! Fingerprints of files, what bodies depend on, and patterns.

mod dependencies;
mod fingerprints;
mod patterns;
