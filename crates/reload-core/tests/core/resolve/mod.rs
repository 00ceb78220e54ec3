//! From a name to a file.

mod any_tree;
mod lookup;
mod names;
