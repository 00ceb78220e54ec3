//! What the children of a server know of each other.

mod children;
mod consistency;
mod processes;
mod status;
