//! Files: reading them, comparing them with what they were, and the links and permissions on the way to them.
//!
//! Promises: equal marks mean equal content, unless a file is larger than 16 MiB and its stat is unchanged.
//!
//! Does not know: modules, names and generations.

pub mod archive_names;
pub mod content_hashes;
pub mod dependency;
pub mod file_version;
pub mod fingerprint;
pub mod pattern;
pub mod read_set;
pub mod symlinks;
pub mod trust;
