//! P4 and P6: edges of imports inside functions, and of imports of a module that is loaded already.

use crate::{
    app::{App, Held, handler, module},
    support::{Httpd, Site, mpm_tests},
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

    [prefork, event]
    fn p6_a_submodule_that_appears_with_its_importers_is_an_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import p\ntry:\n    from p import part\nexcept ImportError:\n    pass", "'none'")),
            ("p/__init__.py", ""),
        ]);
        app.expect("none");
        // The application knows of no `p.part` until the build is published; `b` meets it as an attribute that `a` has left.
        app.edit("p/part.py", "V = 1");
        app.edit("a.py", "import p.part");
        app.edit("b.py", "from p import part\nV = part.V");
        app.edit("h.py", &handler("import a, b", "b.V"));
        let before = app.expect("1");
        app.edit_runs_in_any_order(&before, &[("p/part.py", "V = 2", "2", &["a", "b", "h", "p.part"])]);
    }

    [prefork, event]
    fn p6_a_module_that_becomes_a_package_is_an_edge_of_those_that_take_it_from_its_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a", "a.V")),
            ("a.py", "V = 0"),
            ("p/__init__.py", "part = None"),
        ]);
        app.expect("0");
        app.edit("p/__init__.py", "");
        app.edit("p/part/__init__.py", "V = 1");
        app.edit("a.py", "import p.part\nimport b\nV = b.V");
        app.edit("b.py", "from p import part as x\nV = x.V");
        let before = app.expect("1");
        app.edit_runs_in_any_order(&before, &[("p/part/__init__.py", "V = 2", "2", &["a", "b", "h", "p.part"])]);
    }

    [prefork, event]
    fn p6_a_name_that_appears_in_an_edit_is_there_for_unmanaged_code_in_its_build(mpm) {
        let site = Site::new();
        site.write("site-packages/plug.py", "import importlib\ndef load(name):\n    return importlib.import_module(name)");
        let [own, installed] = [site.path(""), site.path("site-packages")];
        let first = handler("import plug\ntry:\n    plug.load('extra')\nexcept ImportError:\n    pass", "'none'");
        site.write("h.py", module(&first));
        let conf = format!("PythonPath \"sys.path + ['{}', '{}']\"", own.display(), installed.display());
        let app = App::serve(Httpd::builder(mpm), site, &conf);
        app.expect("none");
        app.edit("extra.py", "V = 1");
        app.edit("h.py", &handler("import plug\nextra = plug.load('extra')", "extra.V"));
        let before = app.expect("1");
        app.edit_runs_in_any_order(&before, &[("extra.py", "V = 2", "2", &["extra", "h"])]);
    }
}
