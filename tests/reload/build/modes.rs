//! When a generation is built: before the request (sync), behind it (async) or never (off), and for how long at most.

use crate::{
    app::{App, Gate, handler},
    support::{Httpd, mpm_tests, wait_for},
};

mpm_tests! {
    /// `PythonReload async`: no request waits for a build. The new generation is published when the build ends.
    [prefork, event]
    fn async_requests_never_wait(mpm) {
        let app = App::start_configured(Httpd::builder(mpm), "PythonReload async", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 'old'"),
        ]);
        app.expect("old");
        for value in ["second", "third"] {
            let before = app.ask().value;
            let mut gate = Gate::new();
            app.edit("c.py", &format!("{}\nV = '{value}'", gate.wait_statement()));
            app.expect(&before);
            gate.arrival();
            // The body waits at the gate until the test drops it.
            for _ in 0..20 {
                app.expect(&before);
            }
            drop(gate);
            wait_for("the new generation", || (app.ask().value == value).then_some(()));
        }
        app.expect_failures(0);
    }

    /// P3 with `PythonReload async`: broken code keeps the last good generation, and its error is logged once.
    [prefork, event]
    fn async_broken_code_is_not_served(mpm) {
        let app = App::start_configured(Httpd::builder(mpm), "PythonReload async", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        app.expect("1");
        app.edit("c.py", "V = 1 / 0");
        wait_for("the failure to be logged", || {
            app.expect("1");
            (!app.failures().is_empty()).then_some(())
        });
        for _ in 0..20 {
            app.expect("1");
        }
        app.edit("c.py", "V = 2");
        wait_for("the repair", || (app.ask().value == "2").then_some(()));
        app.expect_failures(1);
    }

    /// P3: `PythonReloadTimeout` stops a body that loops for ever, and the old code serves.
    [prefork, event]
    fn a_body_without_end_is_stopped(mpm) {
        let app = App::start_configured(Httpd::builder(mpm), "PythonReloadTimeout 0.3", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        let mut before = app.expect("1");
        for (count, body) in [
            "while True: pass",
            // A body that catches every exception is stopped too.
            "for _ in range(3):\n    try:\n        while True: pass\n    except BaseException: pass",
            "import time\nwhile True: time.sleep(0.01)",
        ].into_iter().enumerate() {
            app.edit("c.py", body);
            app.expect("1");
            // Not every Python stops the second body before its last line; the build is discarded all the same.
            before = app.expect("1");
            assert_eq!(app.failures().len(), count + 1, "{body}: {:#?}", app.failures());
        }
        let log = app.httpd.log();
        assert!(log.contains("PythonReloadTimeout"), "the log names the limit:\n{log}");
        app.edit_runs(&before, &[("c.py", "V = 2", "2", &["c", "h"])]);
    }

    /// `PythonAutoReload Off`: a file is loaded once.
    [prefork, event]
    fn autoreload_off_keeps_the_code(mpm) {
        let app = App::start_configured(Httpd::builder(mpm), "PythonAutoReload Off", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        let first = app.expect("1");
        app.edit("c.py", "V = 2");
        app.edit("h.py", &handler("import c", "'edited'"));
        for _ in 0..20 {
            let answer = app.expect("1");
            assert!(answer.runs_after(&first).is_empty());
        }
    }

    /// `PythonAutoReload Off`: a child that starts after the edit loads the edited code.
    [prefork, event]
    fn autoreload_off_ends_with_the_child(mpm) {
        let mut app = App::start_configured(Httpd::builder(mpm), "PythonAutoReload Off", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        app.expect("1");
        app.edit("c.py", "V = 2");
        app.expect("1");
        app.httpd.graceful();
        wait_for("the new child to answer", || (app.ask().value == "2").then_some(()));
    }
}
