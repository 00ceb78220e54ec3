//! The parts of the reload engine that need neither Python nor httpd, each by itself.

mod affected;
mod any_tree;
mod dependencies;
mod drawing;
mod files;
mod lookup;
mod names;
mod order;
mod patterns;
mod publications;
mod snapshots;
