//! The reload engine, seen from outside: files are saved, requests are sent, and the answers say which code ran.
//!
//! The numbers in the tests' names are those of the cases in the reload contract.

#[path = "../support/mod.rs"]
mod support;

mod adversaries;
mod app;
mod appearing;
mod archives;
mod bodies;
mod by_path;
mod changes;
mod children;
mod comments;
mod concurrency;
mod consistency;
mod content;
mod crossings;
mod crowds;
mod cycles;
mod data;
mod detection;
mod editable;
mod environments;
mod failure;
mod forgetting;
mod forms;
mod graph;
mod habits;
mod imports;
mod interruptions;
mod lazy;
mod limits;
mod loaders;
mod machinery;
mod modes;
mod mounts;
mod ordinary;
mod orphans;
mod outside_paths;
mod packages;
mod pinned;
mod places;
mod precision;
mod published;
mod rebuilds;
mod restart_required;
mod retirement;
mod state;
mod status;
mod symlinks;
mod transactions;
mod trust;
mod watching;
mod writing;
