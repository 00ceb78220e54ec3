//! Tests that the machine at hand cannot run.

use std::env;

/// The variable that turns a skipped test into a failed one; CI sets it to `1`.
pub const REQUIRE_ALL: &str = "MPR_REQUIRE_ALL";

/// Reports that a test cannot run on this machine. The caller returns after it.
///
/// Panics where [`REQUIRE_ALL`] is `1`, so that a machine that lost an ability fails the run instead of passing it in silence.
#[track_caller]
pub fn skip(reason: &str) {
    let reason = reason.trim();
    assert!(env::var_os(REQUIRE_ALL).is_none_or(|value| value != "1"), "this test cannot run here: {reason}");
    eprintln!("skipped: {reason}");
}
