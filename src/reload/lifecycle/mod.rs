//! What outlives an execution of a module, and what ends it. Knows no build.

pub mod carry;
pub mod hooks;
pub mod leaks;
pub mod package_originals;
pub mod retirement;
