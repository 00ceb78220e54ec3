//! Any search path, and what a name is found as.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| any_tree::check(data));
