//! Packages that cannot be loaded any more, below modules that are used without them.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

mpm_tests! {
    /// P1: who uses a module of a broken package, and puts up with it, is served as a fresh interpreter would have it; and again
    /// when the package is mended.
    [prefork, event]
    fn a_guarded_user_of_a_broken_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import u, w", "'%s %s' % (u.V, w.V)")),
            ("u.py", "try:\n    from pkg.sub import V\nexcept Exception:\n    V = 'fallback'"),
            ("w.py", "from u import V\nV = V + '!'"),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 'sub'"),
        ]);
        app.expect("sub sub!");
        app.edit("pkg/__init__.py", "raise RuntimeError('broken')");
        app.expect("fallback fallback!");
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
        app.edit("pkg/sub.py", "V = 'edited'");
        app.expect("fallback fallback!");
        app.edit("pkg/__init__.py", "MENDED = 1");
        app.expect("edited edited!");
        app.edit("pkg/__init__.py", "MENDED = (");
        app.expect("fallback fallback!");
        app.site.remove("pkg/__init__.py");
        app.expect("edited edited!");
    }

    /// P3: who cannot do without it is served as before, and so is everybody else.
    [prefork, event]
    fn a_user_that_needs_a_broken_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import u, w", "'%s %s' % (u.V, w.V)")),
            ("u.py", "from pkg.sub import V"),
            ("w.py", "try:\n    from pkg.sub import V\nexcept Exception:\n    V = 'fallback'"),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 'sub'"),
        ]);
        app.expect("sub sub");
        app.edit("pkg/__init__.py", "raise RuntimeError('broken')");
        for _ in 0..3 {
            app.expect("sub sub");
        }
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
        app.edit("u.py", "V = 'without'");
        app.expect("without fallback");
        app.edit("pkg/__init__.py", "");
        app.expect("without sub");
    }

    /// P1: the same where a guard stands further up, and for a package in a package.
    [prefork, event]
    fn a_guard_further_up(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("try:\n    import u\n    V = u.V\nexcept Exception:\n    V = 'no u'", "V")),
            ("u.py", "from middle import V"),
            ("middle.py", "from a.b.c import V"),
            ("a/__init__.py", ""),
            ("a/b/__init__.py", ""),
            ("a/b/c.py", "V = 'deep'"),
        ]);
        app.expect("deep");
        app.edit("a/b/__init__.py", "1 / 0");
        app.expect("no u");
        app.edit("a/b/__init__.py", "MENDED = 1");
        app.expect("deep");
        app.edit("a/__init__.py", "import no_such_module");
        app.expect("no u");
        app.edit("a/b/c.py", "V = 'deep, edited'");
        app.expect("no u");
        app.edit("a/__init__.py", "MENDED = 1");
        app.expect("deep, edited");
    }

    /// P1, P3: an import in a function that has run: one that is guarded goes the other way, one that is not keeps the last good.
    [prefork, event]
    fn imports_in_functions_from_a_broken_package(mpm) {
        let head = |guard: bool| match guard {
            true => "def f():\n    try:\n        from pkg.sub import V\n    except Exception:\n        V = 'fallback'\n    return V",
            false => "def f():\n    from pkg.sub import V\n    return V",
        };
        let app = App::start(mpm, &[
            ("h.py", &handler(head(true), "f()")),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 'sub'"),
        ]);
        app.expect("sub");
        app.edit("pkg/__init__.py", "1 / 0");
        app.expect("fallback");
        app.edit("pkg/__init__.py", "MENDED = 1");
        app.expect("sub");
        app.edit("h.py", &handler(head(false), "f()"));
        app.expect("sub");
        app.edit("pkg/__init__.py", "1 / 0");
        app.expect("sub");
        app.expect("sub");
        app.edit("pkg/__init__.py", "MENDED = 2");
        app.expect("sub");
    }
}
