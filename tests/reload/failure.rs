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

    /// Case 50: a report is one record, with the traceback, and is not repeated when something else changes meanwhile.
    [prefork, event]
    fn case_50_one_record_for_a_failing_content(mpm) {
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
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
        // Of a text that is too long for a line of the log, the end says what went wrong.
        app.edit("c.py", "raise RuntimeError('x' * 100_000 + 'the end')");
        app.expect("1 1");
        let failures = app.failures();
        assert_eq!(failures.len(), 2, "{failures:#?}");
        assert!(failures[1].contains("the end"), "{}", failures[1]);
        app.edit("c.py", "V = 5");
        app.expect("5 4");
    }

    /// Case 50: another content that fails in the same words is told as well, by way of handlers that have not changed; what only
    /// imports it is not to blame.
    [prefork, event]
    fn case_50_each_failing_content_is_told(mpm) {
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
        // What fails is a module that is as it was.
        for (count, value) in [2, 3].into_iter().enumerate() {
            app.edit("d.py", &format!("V = {value}"));
            app.expect("(4, 1)");
            assert_eq!(app.failures().len(), count + 4, "{value}: {:#?}", app.failures());
        }
        app.edit("other.py", "W = 3");
        app.expect("(4, 1)");
        assert_eq!(app.failures().len(), 5, "{:#?}", app.failures());
    }

    /// P3: PythonReloadOnError fail concerns the requests that newer code would answer, and refers to the report.
    [prefork, event]
    fn fail_refuses_what_the_failure_affects(mpm) {
        let site = Site::new();
        for (path, body) in [
            ("h.py", handler("import c", "c.V")),
            ("other.py", handler("import d", "d.V")),
            ("c.py", "V = 1".to_owned()),
            ("d.py", "V = 1".to_owned()),
        ] {
            site.write(path, module(&body));
        }
        let conf = "SetHandler mod_python\nPythonHandler h\nPythonReloadOnError fail\n\
                    PythonHandler other | .other";
        let httpd = Httpd::builder(mpm).site(&site, conf).start();
        let app = App { site, httpd };
        app.expect("1");
        assert_eq!(app.ask_at("/page.other").value, "1");
        app.edit("c.py", "V = 1 / 0");
        for _ in 0..3 {
            assert_eq!(app.httpd.get("/").status, 500);
            assert_eq!(app.ask_at("/page.other").value, "1");
        }
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
        assert_eq!(app.httpd.log_lines("Traceback").len(), 1, "{}", app.httpd.log());
        let refusals = app.httpd.log_lines("PythonReloadOnError is fail");
        assert_eq!(refusals.len(), 3, "{refusals:#?}");
        assert!(refusals.iter().all(|line| line.contains("ZeroDivisionError")), "{refusals:#?}");
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

    /// Case 54: a dotted name is followed as far as nothing has to be called for it, and must lead to something to call.
    [prefork, event]
    fn case_54_the_object_of_a_dotted_name(mpm) {
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

    /// P1: a package that nobody asks for any more is broken, while modules of it are still loaded.
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
