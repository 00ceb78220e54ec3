//! P4 and P6: edges of imports inside functions, and of imports of a module that is loaded already.

use crate::{
    app::{App, Held, handler},
    support::mpm_tests,
};

mpm_tests! {
    [prefork, event]
    fn p4_an_import_inside_a_function_is_of_its_generation(mpm) {
        let head = "def late():\n    import x\n    return x.V";
        let app = App::start_for_two(mpm, &[("h.py", &handler(head, "late()")), ("x.py", "V = 'old'")]);
        app.expect("old");
        let held = Held::start(&app);
        app.edit("x.py", "V = 'new'");
        app.expect("new");
        assert_eq!(held.finish().value, "old then old");
        app.expect("new");
    }

    [prefork, event]
    fn p6_cache_hits_are_edges(mpm) {
        let app = App::start(mpm, &[
            // a loads x, so every import of x after it is served from what is loaded.
            ("h.py", &handler(
                "import a, statement, from_import, importlib_call, dunder, in_function",
                "[m.W for m in (a, statement, from_import, importlib_call, dunder, in_function)]",
            )),
            ("a.py", "import x\nW = x.V"),
            ("statement.py", "import x\nW = x.V"),
            ("from_import.py", "from x import V as W"),
            ("importlib_call.py", "import importlib\nW = importlib.import_module('x').V"),
            ("dunder.py", "W = __import__('x').V"),
            ("in_function.py", "def f():\n    import x\n    return x.V\nW = f()"),
            ("x.py", "V = 1"),
        ]);
        let first = app.expect("[1, 1, 1, 1, 1, 1]");
        app.edit("x.py", "V = 2");
        let second = app.expect("[2, 2, 2, 2, 2, 2]");
        assert_eq!(
            second.sorted_runs_after(&first),
            ["a", "dunder", "from_import", "h", "importlib_call", "in_function", "statement", "x"]
        );
    }

    [prefork, event]
    fn p6_a_cache_hit_that_appears_later_is_an_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a, b", "b.W")),
            ("a.py", "import x"),
            ("b.py", "W = 0"),
            ("x.py", "V = 1"),
        ]);
        app.expect("0");
        // x stays loaded, so only b's own import statement shows the new edge.
        app.edit("b.py", "import x\nW = x.V");
        let before = app.expect("1");
        app.edit_runs_in_any_order(&before, &[("x.py", "V = 2", "2", &["a", "b", "h", "x"])]);
    }
}
