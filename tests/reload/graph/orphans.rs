//! P1 and P3: modules whose package cannot be loaded any more.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

mpm_tests! {
    /// P1: an importer that catches the error of a broken package gets what a fresh interpreter would give it, and again after
    /// the repair.
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
        app.expect_failures(0);
        app.edit_gives(&[
            ("pkg/sub.py", "V = 'edited'", "fallback fallback!"),
            ("pkg/__init__.py", "MENDED = 1", "edited edited!"),
            ("pkg/__init__.py", "MENDED = (", "fallback fallback!"),
        ]);
        app.site.remove("pkg/__init__.py");
        app.expect("edited edited!");
    }

    /// P3: if one importer needs the broken package, the last good generation serves all importers.
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
        app.expect_failures(1);
        app.edit_gives(&[
            ("u.py", "V = 'without'", "without fallback"),
            ("pkg/__init__.py", "", "without sub"),
        ]);
    }

    /// P1: the same where an indirect importer catches the error, and for a package inside a package.
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
        app.edit_gives(&[
            ("a/b/__init__.py", "1 / 0", "no u"),
            ("a/b/__init__.py", "MENDED = 1", "deep"),
            ("a/__init__.py", "import no_such_module", "no u"),
            ("a/b/c.py", "V = 'deep, edited'", "no u"),
            ("a/__init__.py", "MENDED = 1", "deep, edited"),
        ]);
    }

    /// P1, P3: a function has imported from a package that breaks. A guarded import takes its other branch, an unguarded one
    /// keeps the last good generation.
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
        app.edit_gives(&[
            ("pkg/__init__.py", "1 / 0", "fallback"),
            ("pkg/__init__.py", "MENDED = 1", "sub"),
            ("h.py", &handler(head(false), "f()"), "sub"),
            ("pkg/__init__.py", "1 / 0", "sub"),
        ]);
        app.expect("sub");
        app.edit("pkg/__init__.py", "MENDED = 2");
        app.expect("sub");
    }
}
