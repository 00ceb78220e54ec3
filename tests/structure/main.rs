//! The rules of the source itself, as docs/architecture.md states them: rooms and their arrows, sizes, names, and where `unsafe` may be.

mod documents;
mod imports;
mod rooms;
mod sizes;
mod source;
mod words;
