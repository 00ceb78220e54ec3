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
        let conf = "PythonOption key value\nPythonPath \"sys.path + ['/tmp']\"\nPythonInterpreter named\n\
                    PythonReloadExclude */nothing/*\nPythonHandler tested::never | .x .y .z";
        let mut served = Served::start_with(
            Httpd::builder(mpm),
            conf,
            "
def page(req):
    passed(req)
",
        );
        let path = format!("PythonPath \"['{}'] + sys.path\"", served.site.root().display());
        assert!(!path.is_empty());
        for _ in 0..20 {
            served.httpd.graceful();
        }
        let before = resident(&served.httpd);
        for _ in 0..200 {
            served.httpd.graceful();
        }
        let after = resident(&served.httpd);
        assert!(after < before + BOUND, "the parent grew from {before} to {after} KiB");
        served.httpd.get("/page");
    }
}
