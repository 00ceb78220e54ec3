//! The parent's memory over many graceful restarts.

use std::fs;

use crate::support::{Httpd, Served, mpm_tests};

/// What the parent may grow by, in KiB.
const BOUND: u64 = 2048;

/// The memory of a process that is in RAM, in KiB.
fn resident(httpd: &Httpd) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", httpd.parent_pid())).expect("the parent is alive");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("/proc tells the memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}

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
            resident(&served.httpd)
        };
        let before = restart(20);
        let after = restart(200);
        assert!(after < before + BOUND, "the parent grew from {before} to {after} KiB");
    }
}
