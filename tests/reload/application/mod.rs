//! What one application knows: pins, what it forgets, what needs a restart, and what an edit does not concern.

mod eviction;
mod pins;
mod precision;
mod restarts;
