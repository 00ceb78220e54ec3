//! The rooms of the engine that need neither Python nor httpd, each by itself.

mod files;
mod graph;
mod interrupt;
mod resolve;
