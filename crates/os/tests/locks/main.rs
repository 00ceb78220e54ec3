//! Locks that survive a fork, conditions, and what threads make for each other.

mod condvar;
mod fork;
mod mutex;
mod single_flight;
