//! Names, edges and order: which modules an edit concerns, and in which order they run.

mod cycles;
mod edges;
mod forms;
mod orphans;
mod packages;
mod shapes;
