//! Any search path, and what a name is found as.

#![no_main]

#[allow(dead_code, reason = "only the lookup is fuzzed")]
#[path = "../../../src/reload/pattern.rs"]
mod pattern;
#[allow(dead_code, reason = "only the lookup is fuzzed")]
#[path = "../../../src/reload/resolve.rs"]
mod resolve;
mod trees;

libfuzzer_sys::fuzz_target!(|data: &[u8]| trees::check(data));
