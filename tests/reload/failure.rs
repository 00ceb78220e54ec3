//! Code that cannot be built: the last good generation goes on serving, and the error is told once.

use crate::{
    app::{App, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests},
};

/// A handler that shows two leaves and the generation that serves.
fn two_leaves(mpm: Mpm) -> App {
    App::start(mpm, &[("h.py", &handler("import c, d", "'%d %d' % (c.V, d.V)")), ("c.py", "V = 1"), ("d.py", "V = 1")])
}

/// The exception that the error log names in the lines after the last failed reload.
fn logged_after_failure(app: &App) -> String {
    let log = app.httpd.log();
    let start = log.rfind("reload failed").expect("a failed reload is logged");
    log[start..].to_owned()
}

mpm_tests! {
    [prefork, event]
    fn case_50_syntax_error_in_a_leaf(mpm) {
        let head = "from mod_python import reload\nimport c";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%d %d' % (c.V, reload.generation())")),
            ("c.py", "V = 1"),
        ]);
        let good = app.ask();
        let generation = good.value.strip_prefix("1 ").expect("the value begins with V");

        app.edit("c.py", "V = (2");
        for _ in 0..5 {
            app.expect(&good.value);
        }
        let failures = app.failures();
        assert_eq!(failures.len(), 1, "{failures:#?}");
        let serving = format!("serving generation {generation}");
        assert!(failures[0].contains(&serving), "{serving:?} in {}", failures[0]);
        let report = logged_after_failure(&app);
        assert!(report.contains("SyntaxError"), "{report}");
        assert!(report.contains("c.py"), "{report}");

        // Another content that fails is another report; the same one again is not.
        app.edit("c.py", "V = [2");
        app.expect(&good.value);
        assert_eq!(app.failures().len(), 2, "{:#?}", app.failures());
        app.site.touch("c.py");
        app.expect(&good.value);
        assert_eq!(app.failures().len(), 2, "{:#?}", app.failures());

        app.edit("c.py", "V = 2");
        let fixed = app.ask();
        assert!(fixed.value.starts_with("2 "), "{}", fixed.value);
        assert_eq!(app.failures().len(), 2, "{:#?}", app.failures());
    }

    [prefork, event]
    fn case_50_exceptions_while_a_body_runs(mpm) {
        let app = two_leaves(mpm);
        app.expect("1 1");
        let broken = [
            ("raise RuntimeError('a body that raises')", "a body that raises"),
            ("import no_such_module", "no_such_module"),
            ("from d import no_such_name", "no_such_name"),
            ("raise SystemExit(3)", "SystemExit"),
            ("def f():\n    return f()\nf()", "RecursionError"),
        ];
        for (number, (body, reason)) in broken.into_iter().enumerate() {
            app.edit("c.py", body);
            app.expect("1 1");
            app.expect("1 1");
            assert_eq!(app.failures().len(), number + 1, "{body}: {:#?}", app.failures());
            let report = logged_after_failure(&app);
            assert!(report.contains(reason), "{reason} in {report}");
        }
        app.edit("c.py", "V = 2");
        app.expect("2 1");
    }

    [prefork, event]
    fn case_50_with_reload_on_error_fail(mpm) {
        let site = Site::new();
        site.write("h.py", module(&handler("import c", "c.V")));
        site.write("c.py", module("V = 1"));
        let conf = "SetHandler mod_python\nPythonHandler h\nPythonReloadOnError fail";
        let httpd = Httpd::builder(mpm).site(&site, conf).start();
        let app = App { site, httpd };
        app.expect("1");

        app.edit("c.py", "V = (2");
        for _ in 0..2 {
            assert_eq!(app.httpd.get("/").status, 500);
        }
        assert!(app.httpd.log().contains("SyntaxError"), "{}", app.httpd.log());
        app.edit("c.py", "V = 2");
        app.expect("2");
    }

    [prefork, event]
    fn case_50_first_load_has_nothing_to_fall_back_on(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = (1")]);
        for _ in 0..2 {
            assert_eq!(app.httpd.get("/").status, 500);
        }
        assert!(app.httpd.log().contains("SyntaxError"), "{}", app.httpd.log());
        app.edit("c.py", "V = 1");
        app.expect("1");
    }

    [prefork, event]
    fn case_52_half_broken_batch_is_not_seen_by_halves(mpm) {
        let app = two_leaves(mpm);
        app.expect("1 1");
        app.edit("c.py", "V = 2");
        app.edit("d.py", "V = (2");
        app.expect("1 1");
        app.expect("1 1");
        app.edit("d.py", "V = 2");
        app.expect("2 2");

        // The same, with an error that only shows when the body runs.
        app.edit("c.py", "V = 3");
        app.edit("d.py", "V = 3 / 0");
        app.expect("2 2");
        app.edit("d.py", "V = 3");
        app.expect("3 3");
    }

    [prefork, event]
    fn case_54_the_named_function_is_removed(mpm) {
        let app = two_leaves(mpm);
        app.expect("1 1");
        app.edit("h.py", "import c, d");
        app.expect("1 1");
        app.expect("1 1");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());

        app.edit("h.py", &handler("import c, d", "'back %d %d' % (c.V, d.V)"));
        app.expect("back 1 1");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
    }
}
