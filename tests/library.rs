//! The tests of the Python library, run by the Python that the module was built for.

use std::{env, path::Path, process::Command};

#[test]
fn python_library() {
    let python = env::var_os("PYO3_PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library");
    let output = Command::new(&python)
        .args(["-B", "-m", "unittest", "discover", "--start-directory"])
        .arg(&tests)
        .output()
        .unwrap_or_else(|error| panic!("{} does not run: {error}", python.display()));
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    assert!(!report.contains("Ran 0 tests"), "{} holds no tests: {report}", tests.display());
}
