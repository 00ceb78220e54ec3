//! What code says without being run, as far as that is a matter of names alone. Knows no code objects: the caller reads those.

pub mod attribute_chains;
pub mod import_name;
