//! How a generation is made, or given up: failures, time limits, interruptions and transactions.

mod adversaries;
mod bodies;
mod concurrency;
mod environments;
mod failures;
mod interruptions;
mod modes;
mod pages;
mod transactions;
