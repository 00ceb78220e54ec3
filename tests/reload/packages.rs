//! Packages: ancestors, relative imports, submodules that go and come back.

use crate::{
    app::{App, Held, handler},
    support::mpm_tests,
};

mpm_tests! {
    [prefork, event]
    fn case_21_old_generation_keeps_its_submodule(mpm) {
        let app = App::start_for_two(mpm, &[
            ("h.py", &handler("import a.b.c", "a.b.c.V")),
            ("a/__init__.py", ""),
            ("a/b/__init__.py", ""),
            ("a/b/c.py", "V = 'old'"),
        ]);
        app.expect("old");
        let held = Held::start(&app);
        app.edit("a/b/c.py", "V = 'new'");
        app.expect("new");
        assert_eq!(held.finish().value, "old then old");
        app.expect("new");
    }

    [prefork, event]
    fn case_21_ancestors_do_not_run_again(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a.b.c", "a.b.c.V")),
            ("a/__init__.py", ""),
            ("a/b/__init__.py", ""),
            ("a/b/c.py", "V = 1"),
        ]);
        let first = app.expect("1");
        assert_eq!(first.runs, ["a", "a.b", "a.b.c", "h"]);
        app.edit("a/b/c.py", "V = 2");
        let second = app.expect("2");
        assert_eq!(second.runs_after(&first), ["a.b.c", "h"]);
    }

    [prefork, event]
    fn case_21_a_function_of_an_ancestor_sees_its_own_generation(mpm) {
        let app = App::start_for_two(mpm, &[
            ("h.py", &handler("import a.b.c", "a.through()")),
            ("a/__init__.py", "def through():\n    return b.c.V"),
            ("a/b/__init__.py", ""),
            ("a/b/c.py", "V = 'old'"),
        ]);
        app.expect("old");
        let held = Held::start(&app);
        app.edit("a/b/c.py", "V = 'new'");
        app.expect("new");
        assert_eq!(held.finish().value, "old then old");
    }

    [prefork, event]
    fn case_22_only_users_of_init_reload(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                "import user, other",
                "'%d %s %d' % (user.V, other.W, id(other.sub.K))",
            )),
            ("user.py", "import pkg\nV = pkg.V"),
            ("other.py", "import sub_user\nW = sub_user.W\nsub = sub_user.sub"),
            ("sub_user.py", "import aside.sub as sub\nW = sub.W"),
            ("pkg/__init__.py", "V = 1\nfrom . import sub"),
            // The submodule does not import its package.
            ("pkg/sub.py", "W = 'w'"),
            ("aside/__init__.py", ""),
            ("aside/sub.py", "W = 'aside'\nclass K: pass"),
        ]);
        let first = app.ask();
        let rest = first.value.strip_prefix("1 ").expect("the value begins with V");
        app.edit("pkg/__init__.py", "V = 2\nfrom . import sub");
        let second = app.expect(&format!("2 {rest}"));
        assert_eq!(second.runs_after(&first), ["pkg", "user", "h"]);
    }

    [prefork, event]
    fn case_23_relative_import_from_the_parent(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from pkg.views import page", "page.V")),
            ("pkg/__init__.py", ""),
            ("pkg/core.py", "K = 1"),
            ("pkg/views/__init__.py", ""),
            ("pkg/views/page.py", "from ..core import K\nV = K * 10"),
        ]);
        let first = app.expect("10");
        app.edit("pkg/core.py", "K = 2");
        let second = app.expect("20");
        assert_eq!(second.runs_after(&first), ["pkg.core", "pkg.views.page", "h"]);
    }

    [prefork, event]
    fn case_26_deleted_submodule_and_its_return(mpm) {
        let head = "from mod_python import reload\nfrom pkg import sub";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%s %s' % (sub.V, reload.graph()['failure'] is None)")),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
        ]);
        let first = app.expect("1 True");

        app.site.remove("pkg/sub.py");
        app.expect("1 False");
        app.expect("1 False");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());

        app.edit("pkg/sub.py", "V = 1");
        let again = app.expect("1 True");
        assert!(again.runs_after(&first).is_empty(), "{:?}", again.runs_after(&first));

        app.edit("pkg/sub.py", "V = 2");
        app.expect("2 True");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
    }
    /// A package that was broken when a submodule was wanted for the first time: mended, it holds the submodule.
    [prefork, event]
    fn a_mended_package_holds_its_new_submodule(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("", "1")), ("pkg/__init__.py", "broken ("), ("pkg/old.py", "")]);
        app.expect("1");
        app.edit("h.py", &handler("import pkg.sub", "pkg.sub.V"));
        app.edit("pkg/sub.py", "V = 2");
        app.expect("1");
        app.edit("pkg/__init__.py", "K = 3");
        app.expect("2");
    }

    /// A package is broken while a submodule of it is unchanged: importing that fails as it does in Python, and whoever catches it
    /// goes on. Mended, the package holds the submodule that it did not load itself.
    [prefork, event]
    fn a_broken_package_takes_its_submodules_along(mpm) {
        let head = "
try:
    import pkg.sub
    V = pkg.sub.V
except ValueError:
    V = 'caught'
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "V")),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 'whole'"),
        ]);
        app.expect("whole");
        app.edit("pkg/__init__.py", "raise ValueError");
        app.expect("caught");
        app.edit("pkg/__init__.py", "K = 1");
        app.expect("whole");
    }
}
