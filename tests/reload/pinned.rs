//! What code keeps from being reloaded: `reload.pin`, `reload.exclude`, `apache.freeze_modules`.

use crate::{
    app::{App, handler},
    support::{Httpd, Mpm, mpm_tests},
};

/// What needs a restart, for the answers.
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
    /// P7: a module that pins itself is not run again by an edit, nor is what imports it; the status says what to do.
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
        // What is not pinned goes on as ever, with the same pinned module.
        app.edit("a.py", "import m\nW = m.V * 100");
        let third = app.expect(&format!("1 100 {id} m: its file has changed"));
        assert_eq!(third.runs_after(&second), ["a", "h"]);
        app.site.remove("m.py");
        app.expect(&format!("1 100 {id} m: its file was moved or removed"));
        app.edit("m.py", &pinned(1));
        let last = app.expect(&format!("1 100 {id} none"));
        assert_eq!(last.runs, third.runs);
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
    }

    /// A pinned package keeps its identity, and that of all that lies in it, while what they use is replaced.
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
        app.edit("other.py", "V = 2");
        let second = app.expect(&format!("10 2 {ids} pkg.sub: it uses code that has changed since it was loaded"));
        assert_eq!(second.runs_after(&first), ["other", "h"]);
        app.edit("pkg/__init__.py", "X = 1");
        let third = app.ask();
        assert_eq!(third.runs, second.runs);
        assert!(third.value.contains("pkg: its file has changed"), "{}", third.value);
        // A module that is new to the package is loaded and pinned with it.
        app.edit("pkg/new.py", "N = 1");
        app.edit("h.py", &handler(&format!("{head}\nfrom pkg.new import N"), "'%s %s' % (N, id(pkg) + id(pkg.sub))"));
        app.expect(&format!("1 {ids}"));
        app.edit("pkg/new.py", "N = 2");
        app.expect(&format!("1 {ids}"));
    }

    /// A pin of a build that fails is forgotten with it.
    [prefork, event]
    fn a_discarded_build_pins_nothing(mpm) {
        let app = app(mpm, "'%s %s' % (m.V, restart())", &[("m.py", "V = 1"), ("a.py", "")]);
        app.expect("1 none");
        app.edit("a.py", "from mod_python import reload\nreload.pin('m')\n1 / 0");
        app.expect("1 none");
        app.edit("a.py", "");
        app.expect("1 none");
        app.edit("m.py", "V = 2");
        app.expect("2 none");
        // The first load of a module that fails is forgotten as well.
        app.edit("late.py", "from mod_python import reload\nreload.pin('m')\n1 / 0");
        let head = format!("{RESTART}\nimport m\ndef late():\n    try:\n        import late\n    except ZeroDivisionError:\n        return m.V");
        app.edit("h.py", &handler(&head, "late()"));
        app.expect("2");
        app.edit("m.py", "V = 3");
        app.expect("3");
    }

    /// What is excluded at run time is pinned where it is loaded, and left to Python where it is not.
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

    /// After `apache.freeze_modules` nothing is reloaded in the child; what is new is still loaded.
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

    /// The graph as text: quoted names, a box around a circle, and what a request uses.
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
