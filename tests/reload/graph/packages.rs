//! P3 to P6: packages, their ancestors, relative imports, and submodules that go and come back.

use crate::{
    app::{App, Held, handler},
    support::mpm_tests,
};

mpm_tests! {
    [prefork, event]
    fn p4_an_old_generation_keeps_its_submodule(mpm) {
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
    fn p5_ancestors_do_not_run_again(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a.b.c", "a.b.c.V")),
            ("a/__init__.py", ""),
            ("a/b/__init__.py", ""),
            ("a/b/c.py", "V = 1"),
        ]);
        let first = app.expect("1");
        assert_eq!(first.runs, ["a", "a.b", "a.b.c", "h"]);
        app.edit_runs(&first, &[("a/b/c.py", "V = 2", "2", &["a.b.c", "h"])]);
    }

    [prefork, event]
    fn p4_a_function_of_an_ancestor_sees_its_own_generation(mpm) {
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
    fn p5_only_users_of_init_run_again(mpm) {
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
        app.edit_runs(&first, &[("pkg/__init__.py", "V = 2\nfrom . import sub", &format!("2 {rest}"), &["pkg", "user", "h"])]);
    }

    [prefork, event]
    fn p6_a_relative_import_from_the_parent_is_an_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from pkg.views import page", "page.V")),
            ("pkg/__init__.py", ""),
            ("pkg/core.py", "K = 1"),
            ("pkg/views/__init__.py", ""),
            ("pkg/views/page.py", "from ..core import K\nV = K * 10"),
        ]);
        let first = app.expect("10");
        app.edit_runs(&first, &[("pkg/core.py", "K = 2", "20", &["pkg.core", "pkg.views.page", "h"])]);
    }

    [prefork, event]
    fn p3_a_deleted_submodule_is_last_good_until_it_returns(mpm) {
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
        app.expect_failures(1);

        app.edit("pkg/sub.py", "V = 1");
        let again = app.expect("1 True");
        assert!(again.runs_after(&first).is_empty(), "{:?}", again.runs_after(&first));

        app.edit("pkg/sub.py", "V = 2");
        app.expect("2 True");
        app.expect_failures(1);
    }
    /// A package is broken when a submodule is imported for the first time. After its repair it has the submodule as an
    /// attribute.
    [prefork, event]
    fn a_mended_package_holds_its_new_submodule(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("", "1")), ("pkg/__init__.py", "broken ("), ("pkg/old.py", "")]);
        app.expect("1");
        app.edit("h.py", &handler("import pkg.sub", "pkg.sub.V"));
        app.edit_gives(&[
            ("pkg/sub.py", "V = 2", "1"),
            ("pkg/__init__.py", "K = 3", "2"),
        ]);
    }

    /// A package breaks while a submodule of it is unchanged. The import of the submodule fails as in Python, and an importer
    /// may catch the error. After its repair the package has the submodule as an attribute, although it does not load it
    /// itself.
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
        app.edit_gives(&[
            ("pkg/__init__.py", "raise ValueError", "caught"),
            ("pkg/__init__.py", "K = 1", "whole"),
        ]);
    }
}
