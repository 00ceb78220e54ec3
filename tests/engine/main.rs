//! The parts of the reload engine that know neither Python nor httpd, each by itself.

#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/dependency.rs"]
mod dependency;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/fingerprint.rs"]
mod fingerprint;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/generation.rs"]
mod generation;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/graph.rs"]
mod graph;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/pattern.rs"]
mod pattern;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/resolve.rs"]
mod resolve;

mod affected;
mod dependencies;
mod files;
mod lookup;
mod order;
mod patterns;
mod snapshots;
