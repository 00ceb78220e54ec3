//! P3: code that cannot be built is not served. The last good generation goes on, and the error is logged once.

use crate::{
    app::{App, handler},
    support::{Httpd, Mpm, mpm_tests},
};

/// A handler that shows two leaves and the generation that serves.
fn two_leaves(mpm: Mpm) -> App {
    App::start(mpm, &[("h.py", &handler("import c, d", "'%d %d' % (c.V, d.V)")), ("c.py", "V = 1"), ("d.py", "V = 1")])
}

/// The exception that the error log has after its last report of a failed reload.
fn logged_after_failure(app: &App) -> String {
    let log = app.httpd.log();
    let start = log.rfind("reload failed").expect("a failed reload is logged");
    log[start..].to_owned()
}

mpm_tests! {
    [prefork, event]
    fn p3_a_syntax_error_is_not_served(mpm) {
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

        // Another failing content is reported; the same content is not reported again.
        app.edit("c.py", "V = [2");
        app.expect(&good.value);
        app.expect_failures(2);
        app.site.touch("c.py");
        app.expect(&good.value);
        app.expect_failures(2);

        app.edit("c.py", "V = 2");
        let fixed = app.ask();
        assert!(fixed.value.starts_with("2 "), "{}", fixed.value);
        app.expect_failures(2);
    }

    [prefork, event]
    fn p3_a_body_that_raises_is_not_served(mpm) {
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
    fn p3_reload_on_error_fail_answers_500(mpm) {
        let modules = [("h.py", &*handler("import c", "c.V")), ("c.py", "V = 1")];
        let app = App::start_configured(Httpd::builder(mpm), "PythonReloadOnError fail", &modules);
        app.expect("1");

        app.edit("c.py", "V = (2");
        for _ in 0..2 {
            assert_eq!(app.httpd.get("/").status, 500);
        }
        assert!(app.httpd.log().contains("SyntaxError"), "{}", app.httpd.log());
        app.edit("c.py", "V = 2");
        app.expect("2");
    }

    /// A report is one record with the traceback. An edit of another file does not repeat it.
    [prefork, event]
    fn p3_a_failing_content_has_one_record(mpm) {
        let app = two_leaves(mpm);
        app.expect("1 1");
        app.edit("c.py", "def fails():\n    raise RuntimeError('deep inside')\nfails()");
        app.expect("1 1");
        let failures = app.failures();
        assert_eq!(failures.len(), 1, "{failures:#?}");
        for part in ["serving generation ", "Traceback", "in fails", "RuntimeError: deep inside"] {
            assert!(failures[0].contains(part), "{part}: {}", failures[0]);
        }
        for value in 2..5 {
            app.edit("d.py", &format!("V = {value}"));
            app.expect("1 1");
        }
        app.expect_failures(1);
        // A text that is too long for a line of the log keeps its end.
        app.edit("c.py", "raise RuntimeError('x' * 100_000 + 'the end')");
        app.expect("1 1");
        let failures = app.failures();
        assert_eq!(failures.len(), 2, "{failures:#?}");
        assert!(failures[1].contains("the end"), "{}", failures[1]);
        app.edit("c.py", "V = 5");
        app.expect("5 4");
    }

    /// A second content that fails with the same message is reported too, also through handlers that have not changed. A module
    /// that only imports the failing one is not blamed.
    [prefork, event]
    fn p3_each_failing_content_is_reported(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import user, strict, other", "(user.V, strict.V)")),
            ("user.py", "from c import V"),
            ("strict.py", "from d import V\nassert V == 1"),
            ("c.py", "V = 1"),
            ("d.py", "V = 1"),
            ("other.py", ""),
        ]);
        app.expect("(1, 1)");
        for (count, (path, body)) in [
            ("c.py", "1 / 0"),
            ("c.py", "V = 2\n1 / 0"),
            ("c.py", "V = 3\n1 / 0"),
        ].into_iter().enumerate() {
            app.edit(path, body);
            app.expect("(1, 1)");
            assert_eq!(app.failures().len(), count + 1, "{body}: {:#?}", app.failures());
        }
        for (path, body) in [("other.py", "W = 2"), ("user.py", "from c import V as U\nV = U")] {
            app.edit(path, body);
            app.expect("(1, 1)");
            assert_eq!(app.failures().len(), 3, "{path}: {:#?}", app.failures());
        }
        app.edit("c.py", "V = 4");
        app.expect("(4, 1)");
        // The failing module itself is unchanged.
        for (count, value) in [2, 3].into_iter().enumerate() {
            app.edit("d.py", &format!("V = {value}"));
            app.expect("(4, 1)");
            assert_eq!(app.failures().len(), count + 4, "{value}: {:#?}", app.failures());
        }
        app.edit("other.py", "W = 3");
        app.expect("(4, 1)");
        app.expect_failures(5);
    }

    /// P3: `PythonReloadOnError fail` refuses only the requests that the failed code would serve, and names the report.
    [prefork, event]
    fn fail_refuses_what_the_failure_affects(mpm) {
        let conf = "PythonReloadOnError fail\nPythonHandler other | .other";
        let app = App::start_configured(Httpd::builder(mpm), conf, &[
            ("h.py", &handler("import c", "c.V")),
            ("other.py", &handler("import d", "d.V")),
            ("c.py", "V = 1"),
            ("d.py", "V = 1"),
        ]);
        app.expect("1");
        assert_eq!(app.ask_at("/page.other").value, "1");
        app.edit("c.py", "V = 1 / 0");
        for _ in 0..3 {
            assert_eq!(app.httpd.get("/").status, 500);
            assert_eq!(app.ask_at("/page.other").value, "1");
        }
        app.expect_failures(1);
        assert_eq!(app.httpd.log_lines("Traceback").len(), 1, "{}", app.httpd.log());
        let refusals = app.httpd.log_lines("PythonReloadOnError is fail");
        assert_eq!(refusals.len(), 3, "{refusals:#?}");
        assert!(refusals.iter().all(|line| line.contains("ZeroDivisionError")), "{refusals:#?}");
        app.edit("c.py", "V = 2");
        app.expect("2");
    }

    [prefork, event]
    fn p3_a_first_load_has_nothing_to_fall_back_on(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = (1")]);
        for _ in 0..2 {
            assert_eq!(app.httpd.get("/").status, 500);
        }
        assert!(app.httpd.log().contains("SyntaxError"), "{}", app.httpd.log());
        app.edit("c.py", "V = 1");
        app.expect("1");
    }

    [prefork, event]
    fn p2_a_half_broken_batch_is_not_seen_by_halves(mpm) {
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
        app.edit_gives(&[
            ("d.py", "V = 3 / 0", "2 2"),
            ("d.py", "V = 3", "3 3"),
        ]);
    }

    [prefork, event]
    fn p3_a_named_function_is_removed(mpm) {
        let app = two_leaves(mpm);
        app.expect("1 1");
        app.edit("h.py", "import c, d");
        app.expect("1 1");
        app.expect("1 1");
        app.expect_failures(1);

        app.edit("h.py", &handler("import c, d", "'back %d %d' % (c.V, d.V)"));
        app.expect("back 1 1");
        app.expect_failures(1);
    }

    /// A dotted name is resolved as far as that needs no call, and must lead to a callable.
    [prefork, event]
    fn p3_a_dotted_name_leads_to_something_to_call(mpm) {
        let body = |tail: &str| {
            let head = "class Part:\n    pass\nclass Page:\n    def __call__(self, req):\n        return handler(req)";
            format!("{}\n{head}\nclass Made:\n    def __init__(self, req):\n        self.req = req\n    \
                     def answer(self, req):\n        return handler(req)\n\
                     class Sure(Made):\n    pass\nobj = Part()\nobj.part = Part()\nobj.part.page = Page()\n{tail}",
                handler("import c", "c.V"))
        };
        let conf = "PythonHandler h::obj.part.page | .dotted\nPythonHandler h::Sure.answer | .made";
        let app = App::start_configured(Httpd::builder(mpm), conf, &[("h.py", &body("")), ("c.py", "V = 1")]);
        let targets = ["/", "/page.dotted", "/page.made"];
        for target in targets {
            assert_eq!(app.ask_at(target).value, "1");
        }
        for (count, (tail, reason)) in [
            ("del obj.part.page", "AttributeError"),
            ("del obj.part", "AttributeError"),
            ("obj.part.page = 'text'", "TypeError"),
            ("handler = None", "TypeError"),
            ("del Made.answer", "AttributeError"),
            ("Sure = None", "AttributeError"),
        ].into_iter().enumerate() {
            app.edit("h.py", &body(tail));
            for target in targets {
                assert_eq!(app.ask_at(target).value, "1", "{tail}");
            }
            let failures = app.failures();
            assert_eq!(failures.len(), count + 1, "{tail}: {failures:#?}");
            assert!(failures[count].contains(reason), "{tail}: {}", failures[count]);
        }
        app.edit("c.py", "V = 2");
        app.edit("h.py", &body("class Sure:\n    def __init__(self, req):\n        self.answer = handler"));
        for target in targets {
            assert_eq!(app.ask_at(target).value, "2");
        }
    }

    /// P1: a package breaks that no request needs any more, while some of its modules are still loaded. Other edits are served.
    [prefork, event]
    fn what_nobody_asks_for_any_more_keeps_nobody_from_being_fresh(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import m\nV = 1", "V")),
            ("m.py", "from pkg.part import W"),
            ("pkg/__init__.py", "import deep"),
            ("pkg/part.py", "W = 1"),
            ("deep.py", ""),
        ]);
        app.expect("1");
        app.edit("h.py", &handler("V = 2", "V"));
        app.expect("2");
        app.edit("deep.py", "(");
        app.edit("h.py", &handler("V = 3", "V"));
        app.expect("3");
        app.edit("deep.py", "");
        app.edit("h.py", &handler("import m\nV = 4", "V + m.W"));
        app.expect("5");
    }
}
