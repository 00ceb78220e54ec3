//! Runs of code that have to end.

mod runs;
