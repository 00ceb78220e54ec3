//! P1, P5 and P6: the shape of the graph decides which modules run after an edit, and in which order.

use crate::{
    app::{App, handler, module},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    [prefork, event]
    fn p5_a_chain_runs_once_dependencies_first(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a, d", "'%d %d' % (a.b.c.V, id(d.K))")),
            ("a.py", "import b"),
            ("b.py", "import c"),
            ("c.py", "V = 1"),
            ("d.py", "class K: pass"),
        ]);
        let first = app.ask();
        assert_eq!(first.runs, ["c", "b", "a", "d", "h"]);
        let (value, sibling) = first.value.split_once(' ').expect("two numbers");
        assert_eq!(value, "1");

        let second = app.edit_runs(&first, &[("c.py", "V = 2", &format!("2 {sibling}"), &["c", "b", "a", "h"])]);

        let third = app.expect(&format!("2 {sibling}"));
        assert!(third.runs_after(&second).is_empty());
    }

    [prefork, event]
    fn p1_values_taken_by_from_import_are_new(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import b", "'%d %d' % (b.V, b.W)")),
            ("b.py", "from c import V\nW = V * 10"),
            ("c.py", "V = 1"),
        ]);
        app.expect("1 10");
        app.edit("c.py", "V = 2");
        app.expect("2 20");
    }

    [prefork, event]
    fn p6_a_star_import_follows_all(mpm) {
        let names = "[n for n in 'pqr' if hasattr(b, n)]";
        let body = "p = q = r = 1";
        let app = App::start(mpm, &[
            ("h.py", &handler("import b", names)),
            ("b.py", "from c import *"),
            ("c.py", &format!("__all__ = ['p', 'q']\n{body}")),
        ]);
        app.expect("['p', 'q']");
        app.edit("c.py", &format!("__all__ = ['q', 'r']\n{body}"));
        app.expect("['q', 'r']");
    }

    [prefork, event]
    fn p5_a_diamond_has_one_class(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                "import base, l, r",
                "'%d %s' % (l.B.version, l.B is r.B is base.B)",
            )),
            ("l.py", "from base import B"),
            ("r.py", "from base import B"),
            ("base.py", "class B:\n    version = 1"),
        ]);
        let first = app.expect("1 True");
        app.edit_runs_in_any_order(&first, &[("base.py", "class B:\n    version = 2", "2 True", &["base", "h", "l", "r"])]);
    }

    [prefork, event]
    fn p5_a_dropped_import_drops_the_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "import d\nV = d.V"),
            ("d.py", "V = 1"),
        ]);
        app.expect("1");
        app.edit("c.py", "V = 5");
        let before = app.expect("5");
        app.edit("d.py", "V = 2");
        let after = app.expect("5");
        // d is not imported any more. It may run again or not.
        let runs = after.runs_after(&before);
        assert!(runs.iter().all(|name| *name == "d"), "{runs:?}");
    }

    [prefork, event]
    fn p6_a_gained_import_gains_the_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
            ("e.py", "V = 2"),
        ]);
        app.expect("1");
        app.edit("c.py", "import e\nV = e.V");
        let before = app.expect("2");
        app.edit_runs(&before, &[("e.py", "V = 3", "3", &["e", "c", "h"])]);
    }

    [prefork, event]
    fn p6_a_conditional_import_switches_the_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "from flag import FLAG\nif FLAG:\n    import x as i\nelse:\n    import y as i\nV = i.V"),
            ("flag.py", "FLAG = True"),
            ("x.py", "V = 'x1'"),
            ("y.py", "V = 'y1'"),
        ]);
        let with_x = app.expect("x1");
        app.edit("y.py", "V = 'y2'");
        assert!(app.expect("x1").runs_after(&with_x).is_empty());

        app.edit("flag.py", "FLAG = False");
        let with_y = app.expect("y2");
        app.edit("x.py", "V = 'x2'");
        let after = app.expect("y2");
        let runs = after.runs_after(&with_y);
        assert!(runs.iter().all(|name| *name == "x"), "{runs:?}");

        app.edit_runs(&after, &[("y.py", "V = 'y3'", "y3", &["y", "c", "h"])]);
    }

    [prefork, event]
    fn p7_two_directories_have_their_own_util(mpm) {
        let page = handler("import util", "'%s %d' % (util.V, id(util.K))");
        let util = |value| format!("V = '{value}'\nclass K: pass");
        let site = Site::new();
        for (directory, value) in [("app1", "one"), ("app2", "two")] {
            site.write(&format!("{directory}/h.py"), module(&page));
            site.write(&format!("{directory}/util.py"), module(&util(value)));
        }
        let conf = "SetHandler mod_python\nPythonHandler h";
        let httpd = Httpd::builder(mpm)
            .site(&site, "")
            .directory(&site.path("app1"), conf)
            .directory(&site.path("app2"), conf)
            .start();
        let app = App { site, httpd };
        let one = app.ask_at("/app1/");
        let two = app.ask_at("/app2/");
        assert!(one.value.starts_with("one "), "{}", one.value);
        assert!(two.value.starts_with("two "), "{}", two.value);

        app.edit("app1/util.py", &util("new"));
        let untouched = app.ask_at("/app2/");
        assert_eq!(untouched.value, two.value);
        let renewed = app.ask_at("/app1/");
        assert!(renewed.value.starts_with("new "), "{}", renewed.value);
        // Both applications record into one list.
        assert_eq!(renewed.runs_after(&two), ["util", "h"]);
        assert_eq!(app.ask_at("/app2/").value, two.value);
    }

    [prefork, event]
    fn p5_fifty_subclasses_of_one_base_run_between_base_and_handler(mpm) {
        let names: Vec<String> = (0..50).map(|number| format!("s{number}")).collect();
        let mut files: Vec<(String, String)> = names
            .iter()
            .enumerate()
            .map(|(number, name)| {
                let parent = if number % 2 == 0 { "super()" } else { "super(S, self)" };
                let method = format!("    def f(self):\n        return {parent}.f() + 1");
                (format!("{name}.py"), format!("import base\nclass S(base.Base):\n{method}"))
            })
            .collect();
        let instances = format!("sum(m.S().f() for m in ({}))", names.join(", "));
        files.push(("h.py".into(), handler(&format!("import {}", names.join(", ")), &instances)));
        let base = |value| format!("class Base:\n    def f(self):\n        return {value}");
        files.push(("base.py".into(), base(1)));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, body)| (path.as_str(), body.as_str())).collect();

        let app = App::start(mpm, &files);
        let first = app.expect("100");
        app.edit("base.py", &base(2));
        let second = app.expect("150");
        let runs = second.runs_after(&first);
        assert_eq!(runs.first(), Some(&"base"));
        assert_eq!(runs.last(), Some(&"h"));
        let mut subclasses = runs[1..runs.len() - 1].to_vec();
        subclasses.sort_unstable();
        let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(subclasses, expected);
    }

    [prefork, event]
    fn p1_every_user_of_a_decorator_gets_the_new_one(mpm) {
        let user = |name| format!("from deco import mark\n@mark\ndef name():\n    return '{name}'");
        let deco = |mark| format!("def mark(f):\n    return lambda: '{mark}' + f()");
        let app = App::start(mpm, &[
            ("h.py", &handler("import u, v, w", "' '.join(m.name() for m in (u, v, w))")),
            ("u.py", &user("u")),
            ("v.py", &user("v")),
            ("w.py", &user("w")),
            ("deco.py", &deco("1")),
        ]);
        app.expect("1u 1v 1w");
        app.edit("deco.py", &deco("2"));
        app.expect("2u 2v 2w");
    }

    [prefork, event]
    fn p1_a_reexport_through_init_is_fresh(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import user", "user.V")),
            ("user.py", "from pkg import V"),
            ("pkg/__init__.py", "from .impl import V"),
            ("pkg/impl.py", "V = 1"),
        ]);
        let first = app.expect("1");
        app.edit_runs(&first, &[("pkg/impl.py", "V = 2", "2", &["pkg.impl", "pkg", "user", "h"])]);
    }

    /// A function and a body import plugins by names that they compute.
    [prefork, event]
    fn p6_plugins_by_a_computed_name_are_edges(mpm) {
        let head = "
import importlib, early
def plugin(n):
    return importlib.import_module(f'plugins.{n}').V
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%s %s %s' % (plugin('one'), plugin('two'), early.V)")),
            ("early.py", "import importlib\nV = [importlib.import_module(f'plugins.{n}').V for n in ('one', 'three')]"),
            ("plugins/__init__.py", ""),
            ("plugins/one.py", "V = 1"),
            ("plugins/two.py", "V = 2"),
            ("plugins/three.py", "V = 3"),
        ]);
        let first = app.expect("1 2 [1, 3]");
        let second = app.edit_runs(&first, &[("plugins/three.py", "V = 33", "1 2 [1, 33]", &["plugins.three", "early", "h"])]);
        app.edit("plugins/two.py", "V = 22");
        let third = app.expect("1 22 [1, 33]");
        assert!(!third.runs_after(&second).contains(&"early"), "{third:?}");
        app.edit("plugins/one.py", "V = 11");
        app.expect("11 22 [11, 33]");
    }

    /// P9: with 5,000 modules nothing runs while nothing is edited, and the edit of a leaf with three dependents runs four
    /// bodies.
    [prefork, event]
    fn p5_an_edit_among_five_thousand_modules_runs_four(mpm) {
        const PACKAGES: usize = 50;
        const MODULES: usize = 100;
        let app = App::start(mpm, &[
            ("h.py", &handler("import user\n", "'%s %d' % (user.V, user.middle.many)")),
            ("user.py", "import middle\nfrom middle import V"),
            ("middle.py", "import crowd\nfrom leaf import V\nmany = crowd.many"),
            ("leaf.py", "V = 1"),
            ("crowd.py", "import importlib\nmodules = [importlib.import_module(f'p{n}.m{m}') for n in range(50) for m in range(100)]\n\
                          many = len(modules)"),
        ]);
        for package in 0..PACKAGES {
            app.site.write(&format!("p{package}/__init__.py"), "");
            for module in 0..MODULES {
                app.site.write(&format!("p{package}/m{module}.py"), format!("NUMBER = {module}\n"));
            }
        }
        let first = app.expect("1 5000");
        for _ in 0..20 {
            assert!(app.expect("1 5000").runs_after(&first).is_empty());
        }
        app.edit_runs(&first, &[("leaf.py", "V = 2", "2 5000", &["leaf", "middle", "user", "h"])]);
    }
}
