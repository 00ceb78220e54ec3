//! Imports inside functions that have not run yet: a generation knows beforehand what they will get.

use crate::app::{App, Gate, Held, handler};
use crate::support::{Mpm, mpm_tests};

/// A handler whose expression imports only once the file `go` is there.
fn late(import: &str, expression: &str) -> String {
    let head = format!(
        "import os\nHERE = os.path.dirname(__file__)\ndef late():\n    if not os.path.exists(HERE + '/go'):\n        \
         return 'early'\n    {import}\n    return {expression}"
    );
    handler(&head, "late()")
}

/// A request that has begun and will import when it goes on, which the file `go` tells it to do.
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
    /// P4, case 59: the module that a request imports at its end is the one that was there when it began, over three edits.
    [prefork, worker, event]
    fn case_10_a_late_import_is_of_the_requests_generation(mpm) {
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

    /// The same for what the late module imports in its turn, and for packages.
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
        app.edit("pkg/inner/y.py", "W = 'y2'");
        app.expect("x1y2z2");
        app.edit("pkg/inner/x.py", "from .y import W\nfrom pkg import z\nV = 'x3' + W + z.W");
        app.expect("x3y2z2");
        assert_eq!(held.finish().value, "early then x1y1z1");
    }

    /// P2: the importer and what it imports late are saved together.
    [prefork, event]
    fn an_importer_and_its_late_import_belong_together(mpm) {
        let app = start(mpm, &[("h.py", &late("from x import f", "f(1)")), ("x.py", "def f(a):\n    return a")]);
        let held = begin(&app);
        app.edit("x.py", "def f(a, b):\n    return a + b");
        app.site.write("h.py", crate::app::module(&late("from x import f", "f(1, 2)")));
        app.expect("3");
        assert_eq!(held.finish().value, "early then 1");
    }

    /// P3: a module that nobody has imported yet has a last good state as well.
    [prefork, event]
    fn a_late_import_that_was_broken_meanwhile_is_last_good(mpm) {
        let app = App::start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", "V = 1")]);
        app.expect("early");
        app.edit("x.py", "V = (");
        app.expect("early");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
        app.site.write("go", "");
        app.expect("1");
        app.edit("x.py", "V = 2");
        app.expect("2");
    }

    /// A module that was broken when it was first seen keeps nobody from working, and can be mended.
    [prefork, event]
    fn a_late_import_that_was_always_broken_is_mended(mpm) {
        let app = App::start(mpm, &[("h.py", &late("import x", "x.V")), ("x.py", "V = (")]);
        app.expect("early");
        app.site.write("go", "");
        assert_eq!(app.httpd.get("/").status, 500);
        app.edit("x.py", "V = 2");
        app.expect("2");
    }

    /// Case 26 for a module that nobody has imported yet: needed, or not needed.
    [prefork, event]
    fn a_late_import_that_is_deleted(mpm) {
        let guarded = "try:\n        import y\n    except ImportError:\n        y = None\n    import x";
        let app = App::start(mpm, &[("h.py", &late(guarded, "(x.V, y and y.V)")), ("x.py", "V = 1"), ("y.py", "V = 1")]);
        app.expect("early");
        app.site.remove("y.py");
        app.expect("early");
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
        app.site.remove("x.py");
        app.expect("early");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
        app.site.write("go", "");
        app.expect("(1, None)");
        app.edit("x.py", "V = 2");
        app.expect("(2, None)");
    }

    /// The same once it is loaded.
    [prefork, event]
    fn an_optional_module_is_deleted_and_comes_back(mpm) {
        let head = "def late():\n    try:\n        import y\n    except ImportError:\n        return 'none'\n    return y.V";
        let app = App::start(mpm, &[("h.py", &handler(head, "late()")), ("y.py", "V = 1")]);
        app.expect("1");
        app.site.remove("y.py");
        app.expect("none");
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
        app.edit("y.py", "V = 2");
        app.expect("2");
    }

    /// P5: editing what nobody has imported runs nothing.
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

    /// A first import that is slow meets an edit: whoever began before gets the old module, the next one the new.
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
