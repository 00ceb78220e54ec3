//! What a file is, what a set of files was, which links lead to it, and who may write to it. Knows no module.

pub mod dependency;
pub mod file_version;
pub mod fingerprint;
pub mod pattern;
pub mod symlinks;
pub mod trust;
