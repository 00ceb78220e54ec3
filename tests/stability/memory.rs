//! The parent's memory over many graceful restarts.

use crate::support::{Httpd, Served, mpm_tests, resident_kib};

/// The parent's permitted growth, in KiB.
const BOUND: u64 = 2048;

mpm_tests! {
    [prefork, event]
    fn two_hundred_graceful_restarts_leave_it_flat(mpm) {
        let conf = "PythonOption key value\nPythonInterpreter named\nPythonReloadTimeout 5\n\
                    PythonReloadExclude */nothing/* */no/*\nPythonHandler tested::never | .x .y .z";
        let mut served = Served::start_with(
            Httpd::builder(mpm),
            conf,
            "
def page(req):
    passed(req)
",
        );
        let mut restart = |times: usize| {
            for _ in 0..times {
                served.httpd.graceful();
            }
            served.check("/page");
            resident_kib(served.httpd.parent_pid())
        };
        let before = restart(20);
        let after = restart(200);
        assert!(after < before + BOUND, "the parent grew from {before} to {after} KiB");
    }
}
