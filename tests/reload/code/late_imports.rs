//! P2 to P6: imports inside functions that have not run yet. A generation determines in advance what they will get.

use crate::app::{App, Gate, Held, handler};
use crate::support::{Mpm, mpm_tests};

/// A handler that imports only after the file `go` has appeared.
fn late(import: &str, expression: &str) -> String {
    let head = format!(
        "import os\nHERE = os.path.dirname(__file__)\ndef late():\n    if not os.path.exists(HERE + '/go'):\n        \
         return 'early'\n    {import}\n    return {expression}"
    );
    handler(&head, "late()")
}

/// A request that has begun and that will import when it goes on.
fn begin(app: &App) -> Held {
    let held = Held::start(app);
    app.site.write("go", "");
    held
}

fn start(mpm: Mpm, modules: &[(&str, &str)]) -> App {
    let app = App::start_for_two(mpm, modules);
    app.expect("early");
    app
}

mpm_tests! {
    /// A request imports a module at its end, after three edits, and gets the module from when it began.
    [prefork, worker, event]
    fn p4_a_late_import_is_of_the_requests_generation(mpm) {
        let app = start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", "V = 1")]);
        let held = begin(&app);
        for version in 2..5 {
            app.edit("x.py", &format!("V = {version}"));
        }
        app.expect("4");
        app.edit("x.py", "V = 5");
        app.expect("5");
        assert_eq!(held.finish().value, "early then 1");
        app.expect("5");
    }

    /// P4: the same for packages, and for what the late module imports itself.
    [prefork, event]
    fn late_imports_through_packages_are_of_the_requests_generation(mpm) {
        let app = start(mpm, &[
            ("h.py", &late("from pkg.inner import x", "x.V")),
            ("pkg/__init__.py", ""),
            ("pkg/inner/__init__.py", "from . import y"),
            ("pkg/inner/x.py", "from .y import W\nfrom pkg import z\nV = 'x1' + W + z.W"),
            ("pkg/inner/y.py", "W = 'y1'"),
            ("pkg/z.py", "W = 'z1'"),
        ]);
        let held = begin(&app);
        app.edit("pkg/z.py", "W = 'z2'");
        app.edit_gives(&[
            ("pkg/inner/y.py", "W = 'y2'", "x1y2z2"),
            ("pkg/inner/x.py", "from .y import W\nfrom pkg import z\nV = 'x3' + W + z.W", "x3y2z2"),
        ]);
        assert_eq!(held.finish().value, "early then x1y1z1");
    }

    /// P2: the importer and the module that it imports late are saved together.
    [prefork, event]
    fn an_importer_and_its_late_import_belong_together(mpm) {
        let app = start(mpm, &[("h.py", &late("from x import f", "f(1)")), ("x.py", "def f(a):\n    return a")]);
        let held = begin(&app);
        app.edit("x.py", "def f(a, b):\n    return a + b");
        app.site.write("h.py", crate::app::module(&late("from x import f", "f(1, 2)")));
        app.expect("3");
        assert_eq!(held.finish().value, "early then 1");
    }

    /// P3: a module that no code has imported yet has a last good state too.
    [prefork, event]
    fn a_late_import_that_was_broken_meanwhile_is_last_good(mpm) {
        let app = App::start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", "V = 1")]);
        app.expect("early");
        app.edit("x.py", "V = (");
        app.expect("early");
        app.expect_failures(1);
        app.site.write("go", "");
        app.expect("1");
        app.edit("x.py", "V = 2");
        app.expect("2");
    }

    /// A module that was broken from the start blocks no other edit, and can be mended.
    [prefork, event]
    fn a_late_import_that_was_always_broken_is_mended(mpm) {
        let app = App::start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", "V = (")]);
        app.expect("early");
        app.site.write("go", "");
        assert_eq!(app.httpd.get("/").status, 500);
        app.edit("x.py", "V = 2");
        app.expect("2");
    }

    /// P3: a module is deleted before any code has imported it, where its importer needs it and where it does not.
    [prefork, event]
    fn a_late_import_that_is_deleted(mpm) {
        let guarded = "try:\n        import y\n    except ImportError:\n        y = None\n    import x";
        let app = App::start(mpm, &[("h.py", &late(guarded, "(x.V, y and y.V)")), ("x.py", "V = 1"), ("y.py", "V = 1")]);
        app.expect("early");
        app.site.remove("y.py");
        app.expect("early");
        app.expect_failures(0);
        app.site.remove("x.py");
        app.expect("early");
        app.expect_failures(1);
        app.site.write("go", "");
        app.expect("(1, None)");
        app.edit("x.py", "V = 2");
        app.expect("(2, None)");
    }

    /// The same for a module that is loaded.
    [prefork, event]
    fn an_optional_module_is_deleted_and_comes_back(mpm) {
        let head = "def late():\n    try:\n        import y\n    except ImportError:\n        return 'none'\n    return y.V";
        let app = App::start(mpm, &[("h.py", &handler(head, "late()")), ("y.py", "V = 1")]);
        app.expect("1");
        app.site.remove("y.py");
        app.expect("none");
        app.expect_failures(0);
        app.edit("y.py", "V = 2");
        app.expect("2");
    }

    /// P5: an edit of a module that no code has imported runs nothing.
    [prefork, event]
    fn an_edit_of_a_module_that_is_not_loaded_runs_nothing(mpm) {
        let app = App::start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", "V = 1")]);
        let before = app.expect("early");
        app.edit("x.py", "V = 2");
        let after = app.expect("early");
        assert!(after.runs_after(&before).is_empty());
        app.site.write("go", "");
        let late = app.expect("2");
        assert_eq!(late.runs_after(&after), ["x"]);
    }

    /// The graph shows what a function will import.
    [prefork, event]
    fn imports_to_come_are_in_the_graph(mpm) {
        let head = "import c\nfrom mod_python import reload\ndef f():\n    import json, c\n    from pkg import x";
        let value = "[(m['imports'], m['may_import']) for m in reload.graph()['modules'] if m['name'] == 'h']";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, value)),
            ("c.py", ""),
            ("pkg/__init__.py", ""),
            ("pkg/x.py", ""),
        ]);
        let graph = app.ask().value;
        assert!(graph.ends_with("['pkg', 'pkg.x'])]"), "{graph}");
    }

    /// A module is edited during its slow first import. A request from before the edit gets the old module, the next one the
    /// new module.
    [worker, event]
    fn an_edit_during_a_late_import(mpm) {
        let mut gate = Gate::new();
        let body = format!("{}\nV = 1", gate.wait_statement());
        let app = start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", &body)]);
        let held = begin(&app);
        let old = std::thread::scope(|scope| {
            let old = scope.spawn(|| held.finish());
            gate.arrival();
            app.edit("x.py", "V = 2");
            app.expect("2");
            drop(gate);
            old.join().expect("the old request answers")
        });
        assert_eq!(old.value, "early then 1");
        app.expect("2");
    }
}
