//! P7: what code keeps from being reloaded: `reload.pin`, `reload.exclude` and `apache.freeze_modules`.

use crate::{
    app::{App, handler},
    support::{Httpd, Mpm, mpm_tests},
};

/// Statements that define what the responses show of modules in need of a restart.
const RESTART: &str = "
from mod_python import apache, reload
def restart():
    entries = {(e['name'], e['reason']) for e in reload.graph()['restart_required'] if e['file'].endswith('.py')}
    return ' '.join('%s: %s' % entry for entry in sorted(entries)) or 'none'
";

fn app(mpm: Mpm, expression: &str, files: &[(&str, &str)]) -> App {
    let head = format!("{RESTART}\nimport a, m");
    let handler = handler(&head, expression);
    let files: Vec<_> = files.iter().copied().chain([("h.py", &*handler)]).collect();
    App::start(mpm, &files)
}

mpm_tests! {
    /// An edit of a module that pins itself runs neither it nor its importers. The status names it.
    [prefork, event]
    fn a_pinned_module_needs_a_restart(mpm) {
        let pinned = |value| format!("from mod_python import reload\nreload.pin(__name__)\nV = {value}");
        let app = app(mpm, "'%s %s %s %s' % (m.V, a.W, id(m), restart())", &[
            ("m.py", &pinned(1)),
            ("a.py", "import m\nW = m.V * 10"),
        ]);
        let first = app.ask();
        let id = first.value.split(' ').nth(2).expect("an id").to_owned();
        assert_eq!(first.value, format!("1 10 {id} none"));
        app.edit("m.py", &pinned(2));
        let second = app.expect(&format!("1 10 {id} m: its file has changed"));
        assert_eq!(second.runs, first.runs);
        // Modules that are not pinned are reloaded, and get the same pinned module.
        let third = app.edit_runs(&second, &[
            ("a.py", "import m\nW = m.V * 100", &format!("1 100 {id} m: its file has changed"), &["a", "h"]),
        ]);
        app.site.remove("m.py");
        app.expect(&format!("1 100 {id} m: its file was moved or removed"));
        app.edit("m.py", &pinned(1));
        let last = app.expect(&format!("1 100 {id} none"));
        assert_eq!(last.runs, third.runs);
        app.expect_failures(0);
    }

    /// A pinned package and its submodules keep their identity when what they use is replaced.
    [prefork, event]
    fn a_pinned_package_stays_when_what_it_uses_changes(mpm) {
        let head = format!("{RESTART}\nreload.pin('pkg')\nimport pkg.sub, other\n");
        let app = App::start(mpm, &[
            ("h.py", &handler(&head, "'%s %s %s %s' % (pkg.sub.V, other.V, id(pkg) + id(pkg.sub), restart())")),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "import other\nV = other.V * 10"),
            ("other.py", "V = 1"),
        ]);
        let first = app.ask();
        let ids = first.value.split(' ').nth(2).expect("ids").to_owned();
        let second = app.edit_runs(&first, &[
            ("other.py", "V = 2", &format!("10 2 {ids} pkg.sub: it uses code that has changed since it was loaded"), &["other", "h"]),
        ]);
        app.edit("pkg/__init__.py", "X = 1");
        let third = app.ask();
        assert_eq!(third.runs, second.runs);
        assert!(third.value.contains("pkg: its file has changed"), "{}", third.value);
        // A module that is new to the package is loaded and pinned with it.
        app.edit("pkg/new.py", "N = 1");
        app.edit_gives(&[
            ("h.py", &handler(&format!("{head}\nfrom pkg.new import N"), "'%s %s' % (N, id(pkg) + id(pkg.sub))"), &format!("1 {ids}")),
            ("pkg/new.py", "N = 2", &format!("1 {ids}")),
        ]);
    }

    /// A build that fails discards its pins.
    [prefork, event]
    fn a_discarded_build_pins_nothing(mpm) {
        let app = app(mpm, "'%s %s' % (m.V, restart())", &[("m.py", "V = 1"), ("a.py", "")]);
        app.expect("1 none");
        app.edit_gives(&[
            ("a.py", "from mod_python import reload\nreload.pin('m')\n1 / 0", "1 none"),
            ("a.py", "", "1 none"),
            ("m.py", "V = 2", "2 none"),
        ]);
        // A first load that fails discards its pins too.
        app.edit("late.py", "from mod_python import reload\nreload.pin('m')\n1 / 0");
        let head = format!("{RESTART}\nimport m\ndef late():\n    try:\n        import late\n    except ZeroDivisionError:\n        return m.V");
        app.edit_gives(&[
            ("h.py", &handler(&head, "late()"), "2"),
            ("m.py", "V = 3", "3"),
        ]);
    }

    /// `reload.exclude` pins a module that is loaded, and leaves to Python one that is not.
    [prefork, event]
    fn excluded_at_run_time(mpm) {
        let head = "
from mod_python import reload
import m
def load():
    reload.exclude('vendor')
    import vendor.lib as lib
    reload.exclude('m.py')
    return '%s %s %s' % (m.V, lib.V, 'vendor.lib' in {e['name'] for e in reload.graph()['modules']})
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "load()")),
            ("m.py", "V = 1"),
            ("vendor/__init__.py", ""),
            ("vendor/lib.py", "V = 1"),
        ]);
        let first = app.expect("1 1 False");
        app.edit("m.py", "V = 2");
        app.edit("vendor/lib.py", "V = 2");
        let second = app.expect("1 1 False");
        assert_eq!(second.runs, first.runs);
    }

    /// After `apache.freeze_modules` the child reloads nothing. New modules are still loaded.
    [prefork, event]
    fn frozen(mpm) {
        let app = app(mpm, "(apache.freeze_modules(), m.V, __import__('new').V)[1:]", &[
            ("m.py", "V = 1"),
            ("a.py", ""),
            ("new.py", "V = 1"),
        ]);
        let first = app.expect("(1, 1)");
        app.edit("m.py", "V = 2");
        app.edit("new.py", "V = 2");
        let second = app.expect("(1, 1)");
        assert_eq!(second.runs, first.runs);
    }

    /// `graph("dot")` quotes names, draws a box around a cycle, and shows what a request uses.
    [prefork, event]
    fn the_graph_as_text(mpm) {
        let head = "
import a, os
from mod_python import apache, reload
def texts(req):
    assert reload.graph('data') == reload.graph()
    try:
        reload.graph('png')
    except ValueError as e:
        assert 'png' in str(e)
    info = apache.module_info('pkg.b')
    assert info is apache.module_info(info.file) is a.b.__mp_info__, info
    assert (info.name, os.path.basename(info.file), info.generation) == ('pkg.b', 'b.py', 1), info
    assert apache.module_info('rest') is None
    return '%s----\\n%s----\\n%s' % (reload.graph('dot'), apache.modules_graph(1), apache.request_modules_graph(req))
";
        let handler = handler(head, "''").replace("value = str(_value())", "value = texts(req)");
        let conf = "<Files aside>\nPythonHandler aside\n</Files>";
        let app = App::start_configured(Httpd::builder(mpm), conf, &[
            ("h.py", &handler),
            ("aside.py", "def handler(req):\n    return 0"),
            ("a.py", "from pkg import b"),
            ("pkg/__init__.py", "from . import b"),
            ("pkg/b.py", "import pkg"),
        ]);
        app.httpd.get("/aside").ok();
        let value = app.ask().value;
        let texts: Vec<&str> = value.split("----\n").collect();
        for text in &texts {
            assert!(text.starts_with("digraph \""), "{text}");
            assert!(text.contains("  subgraph cluster_1 {\n    label=\"cycle\";\n    \"pkg\""), "{text}");
            assert!(text.contains("  \"h\" -> \"a\";\n") && text.contains("  \"pkg.b\" -> \"pkg\";\n"), "{text}");
            assert!(text.ends_with("}\n") && !text.contains("\"os\""), "{text}");
        }
        let line = format!("\"a\" [label=\"a\\n{}\\ngeneration 1\"];", app.site.path("a.py").display());
        assert!(texts[1].contains(&line), "{}", texts[1]);
        assert!(!texts[0].contains("generation"), "{}", texts[0]);
        let has_aside: Vec<bool> = texts.iter().map(|text| text.contains("\"aside\"")).collect();
        assert_eq!(has_aside, [true, true, false], "{value}");
    }
}
