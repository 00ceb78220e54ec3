//! P5 and P10: modules that import each other in a circle.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

mpm_tests! {
    [prefork, event]
    fn p5_a_cycle_of_three_runs_as_one(mpm) {
        let total = "def total():\n    return V +";
        let p = |value| format!("import q\nV = {value}\n{total} q.total()");
        let q = |value| format!("import r\nV = {value}\n{total} r.total()");
        let r = |value| format!("import p\nV = {value}\n{total} p.V");
        let app = App::start(mpm, &[
            ("h.py", &handler("import p", "p.total()")),
            ("p.py", &p(1)),
            ("q.py", &q(10)),
            ("r.py", &r(100)),
        ]);
        let first = app.expect("112");
        let mut last = first.clone();
        for _ in 0..100 {
            last = app.expect("112");
        }
        assert!(last.runs_after(&first).is_empty());

        for (path, body, value) in
            [("r.py", r(200), "212"), ("q.py", q(20), "222"), ("p.py", p(2), "224")]
        {
            app.edit(path, &body);
            let next = app.expect(value);
            assert_eq!(next.sorted_runs_after(&last), ["h", "p", "q", "r"], "after {path}");
            assert_eq!(next.runs.last().map(String::as_str), Some("h"));
            last = next;
        }
    }

    [prefork, event]
    fn p10_a_module_imports_itself(mpm) {
        let narcissus = |value| format!("import narcissus\nV = {value}\ndef get():\n    return narcissus.V");
        let app = App::start(mpm, &[
            ("h.py", &handler("import narcissus", "narcissus.get()")),
            ("narcissus.py", &narcissus(1)),
        ]);
        let first = app.expect("1");
        app.edit_runs(&first, &[("narcissus.py", &narcissus(2), "2", &["narcissus", "h"])]);
    }

    [prefork, event]
    fn p10_init_and_submodule_import_each_other(mpm) {
        let init = |value| format!("from . import sub\nV = {value}\ndef get():\n    return V + sub.get()");
        let sub = |value| format!("import pkg\nW = {value}\ndef get():\n    return W + pkg.V");
        let app = App::start(mpm, &[
            ("h.py", &handler("import pkg", "pkg.get()")),
            ("pkg/__init__.py", &init(1)),
            ("pkg/sub.py", &sub(10)),
        ]);
        let first = app.expect("12");
        app.edit_runs_in_any_order(&first, &[
            ("pkg/sub.py", &sub(20), "22", &["h", "pkg", "pkg.sub"]),
            ("pkg/__init__.py", &init(2), "24", &["h", "pkg", "pkg.sub"]),
        ]);
    }
}
