//! The parts of the reload engine that know neither Python nor httpd, each by itself.

#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/dependency.rs"]
mod dependency;
#[path = "../../src/reload/dot.rs"]
mod dot;
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
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../../src/reload/roots.rs"]
mod roots;

/// What the fuzzer makes of its bytes; here they are random.
#[path = "../../fuzz/fuzz_targets/resolve/trees.rs"]
mod trees;

/// The engine's locks stand behind the gate, which knows nothing of Python.
#[path = "../../src/python"]
mod python {
    #[allow(dead_code, reason = "the tests use a part of it")]
    pub mod gate;
}

mod affected;
mod any_tree;
mod dependencies;
mod drawing;
mod files;
mod lookup;
mod names;
mod order;
mod patterns;
mod publications;
mod snapshots;
