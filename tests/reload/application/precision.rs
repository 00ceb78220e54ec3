//! P1 and P5: cases that random edits have found. A body ran in vain, or old code was served because of a module that was not
//! needed.

use std::fs;

use crate::{
    app::{App, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests},
};

/// An application with the directories `a` and `b` on its path.
fn start_with_two_directories(mpm: Mpm, modules: &[(&str, &str)]) -> App {
    let site = Site::new();
    for (path, body) in modules {
        site.write(path, module(body));
    }
    let (a, b) = (site.path("a"), site.path("b"));
    let path = format!("PythonPath \"['{}', '{}'] + sys.path\"", a.display(), b.display());
    App::serve(Httpd::builder(mpm), site, &path)
}

mpm_tests! {
    /// P5: two modules reach submodules of one package through its name. An edit of one submodule does not run the user of the
    /// other.
    [prefork, event]
    fn neighbours_that_name_the_same_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import other, pkg.y, pkg.deep.b", "'%s %s %s' % (pkg.y.V, other.total(), pkg.deep.b.V)")),
            ("other.py", "import pkg.x\nimport pkg.deep.a as named\ndef total():\n    return pkg.x.V + named.V + pkg.deep.a.V"),
            ("pkg/__init__.py", ""),
            ("pkg/x.py", "V = 1"),
            ("pkg/y.py", "V = 1"),
            ("pkg/deep/__init__.py", ""),
            ("pkg/deep/a.py", "V = 1"),
            ("pkg/deep/b.py", "V = 1"),
        ]);
        let first = app.expect("1 3 1");
        app.edit_runs(&first, &[
            ("pkg/y.py", "V = 2", "2 3 1", &["pkg.y", "h"]),
            ("pkg/deep/b.py", "V = 2", "2 3 2", &["pkg.deep.b", "h"]),
            ("pkg/deep/a.py", "V = 2", "2 5 2", &["pkg.deep.a", "other", "h"]),
        ]);
    }

    /// P1: a submodule is reached through another module's name for the package, through an alias, a text or an expression.
    [prefork, event]
    fn a_package_by_another_name(mpm) {
        for value in [
            "middle.pkg.sub.V",
            "middle.alias.sub.V",
            "getattr(middle.pkg, 'sub').V",
            "operator.attrgetter('pkg.sub.V')(middle)",
            "(middle.nothing or middle.pkg).sub.V",
            "(pkg if middle.nothing else middle.pkg).sub.V",
            "eval('pkg.sub.V', vars(middle))",
        ] {
            let app = App::start(mpm, &[
                ("h.py", &handler("import operator, middle, pkg", value)),
                ("middle.py", "import pkg.sub, pkg.sub as alias_of_sub\nimport pkg as alias\nnothing = None"),
                ("pkg/__init__.py", ""),
                ("pkg/sub.py", "V = 1"),
            ]);
            app.expect("1");
            app.edit("pkg/sub.py", "V = 2");
            app.expect("2");
        }
    }

    /// P5, P6: `import *` takes the submodules that the package has as attributes, unless `__all__` excludes them.
    [prefork, event]
    fn everything_of_a_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import sub_user, all, listed", "'%s %s' % (all.sub.V, listed.W)")),
            ("sub_user.py", "import open.sub, closed.sub"),
            ("all.py", "from open import *"),
            ("listed.py", "from closed import *"),
            ("open/__init__.py", "W = 1"),
            ("open/sub.py", "V = 1"),
            ("closed/__init__.py", "__all__ = ['W']\nW = 1"),
            ("closed/sub.py", "V = 1"),
        ]);
        let first = app.expect("1 1");
        app.edit_runs(&first, &[("closed/sub.py", "V = 2", "1 1", &["closed.sub", "sub_user", "h"])]);
        app.edit("open/sub.py", "V = 2");
        app.expect("2 1");
    }

    /// P1: a submodule is used only because `import *` took it. When it breaks, it blocks no edit.
    [prefork, event]
    fn a_part_that_only_came_along(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import pkg.part, everything", "everything.W")),
            ("everything.py", "from pkg import *"),
            ("pkg/__init__.py", "W = 1"),
            ("pkg/part.py", "import below"),
            ("below.py", ""),
        ]);
        app.expect("1");
        app.edit("h.py", &handler("import everything", "everything.W"));
        app.expect("1");
        app.site.remove("below.py");
        app.edit("h.py", &handler("import everything", "everything.W + 1"));
        app.expect("2");
        app.expect_failures(0);
    }

    /// A module moves to another package, and its importer names it in a text.
    [prefork, event]
    fn p6_a_move_that_a_text_follows_is_seen(mpm) {
        let by = |name: &str| format!("x = __import__('{name}', fromlist=['V'])");
        let app = App::start(mpm, &[
            ("h.py", &handler("import old.user, new", "old.user.x.V")),
            ("old/__init__.py", ""),
            ("old/user.py", &by("old.part")),
            ("old/part.py", "V = 1"),
            ("new/__init__.py", ""),
        ]);
        app.expect("1");
        app.site.remove("old/part.py");
        app.edit("new/part.py", "V = 2");
        app.edit("old/user.py", &by("new.part"));
        app.expect("2");
        app.site.remove("new/part.py");
        app.edit("part.py", "V = 3");
        app.edit("old/user.py", &by("part"));
        app.expect("3");
        app.site.remove("part.py");
        app.edit("new/part.py", "V = 4");
        app.edit("old/user.py", &by("new.part"));
        app.expect("4");
        app.expect_failures(0);
    }

    /// P3: a package breaks. One importer catches the error, another one uses a submodule that could not be imported again.
    [prefork, event]
    fn a_broken_package_with_parts_in_use(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import cautious\nfrom pkg.part import V", "'%s %s' % (V, __import__('sys').modules['pkg'].W)")),
            ("cautious.py", "try:\n    import pkg\nexcept Exception:\n    pkg = None"),
            ("pkg/__init__.py", "W = 1"),
            ("pkg/part.py", "V = 1"),
        ]);
        app.expect("1 1");
        app.edit_gives(&[
            ("pkg/__init__.py", "W = 2\nraise ValueError", "1 1"),
            ("pkg/__init__.py", "W = 3", "1 3"),
        ]);
    }

    /// P1: a module that is no longer reachable breaks, or a module that it would import. Other edits are served.
    [prefork, event]
    fn what_nobody_reaches_may_break(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import left, circle", "1")),
            ("left.py", "def late():\n    import later"),
            ("later.py", "def even_later():\n    import last"),
            ("last.py", "V = 1"),
            ("circle.py", "import other_half"),
            ("other_half.py", "import circle"),
        ]);
        app.expect("1");
        app.edit("h.py", &handler("", "2"));
        app.expect("2");
        app.edit("last.py", "V = (");
        app.edit("h.py", &handler("", "3"));
        app.expect("3");
        app.edit("other_half.py", "import circle\nraise ValueError");
        app.edit("h.py", &handler("", "4"));
        app.expect("4");
        app.expect_failures(0);
        // The next importer does not get the old module of the cycle.
        app.edit("other_half.py", "import circle\nV = 5");
        app.edit("h.py", &handler("import circle", "circle.other_half.V"));
        app.expect("5");
    }

    /// P1: a module fails before it gets to one of its imports. That import's target goes away, and whoever catches the failure
    /// goes on.
    [prefork, event]
    fn what_a_failed_module_would_import_goes(mpm) {
        let cautious = "try:\n    import broken\nexcept Exception:\n    pass";
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{cautious}\nimport other"), "other.V")),
            ("other.py", "V = 1"),
            ("broken.py", "import below\nbelow.missing\nfrom after import V"),
            ("below.py", "def late():\n    import even_later"),
            ("after.py", "V = 1"),
            ("even_later.py", ""),
        ]);
        app.expect("1");
        app.site.remove("after.py");
        app.edit_gives(&[
            ("other.py", "V = 2", "2"),
            ("h.py", &handler(&format!("{cautious}\nimport other"), "other.V + 1"), "3"),
        ]);
        app.expect_failures(0);
    }

    /// The module of a branch that is not taken is removed.
    [prefork, event]
    fn p1_a_module_of_the_other_branch_goes(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from flags import F\nif F:\n    from x import V\nelse:\n    V = 'none'", "V")),
            ("flags.py", "F = True"),
            ("x.py", "V = 'x'"),
        ]);
        app.expect("x");
        app.edit("flags.py", "F = False");
        app.expect("none");
        app.site.remove("x.py");
        app.expect("none");
        app.edit("flags.py", "F = ()");
        app.expect("none");
        app.expect_failures(0);
        app.edit("flags.py", "F = 1");
        app.expect("none");
        app.expect_failures(1);
    }

    /// The module of a branch that is not taken loses one of its own imports.
    [prefork, event]
    fn p1_what_the_other_branch_would_lead_to_goes(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from flags import F\nif F:\n    from x import V\nelse:\n    from y import V", "V")),
            ("flags.py", "F = True"),
            ("x.py", "V = 'x'"),
            ("y.py", "import z\nV = 'y'"),
            ("z.py", ""),
        ]);
        app.expect("x");
        app.site.remove("z.py");
        app.edit("x.py", "V = 'edited'");
        app.expect("edited");
        app.expect_failures(0);
        app.edit("flags.py", "F = False");
        app.expect("edited");
        app.expect_failures(1);
        app.edit("z.py", "");
        app.expect("y");
    }

    /// P1: a package failed in a body and again in a function. Its repair deep inside is seen.
    [prefork, event]
    fn what_failed_twice_is_mended(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                "try:\n    from pkg.item import V\nexcept ImportError:\n    V = 'none'\ndef ask():\n    try:\n        import pkg.item\n    except ImportError:\n        pass\n    return V",
                "ask()",
            )),
            ("pkg/__init__.py", "import pkg.inner"),
            ("pkg/inner.py", "import nothing_there"),
            ("pkg/item.py", "V = 'item'"),
        ]);
        app.expect("none");
        app.expect("none");
        app.edit("pkg/inner.py", "");
        app.expect("item");
    }

    /// P6: a package extends its own `__path__`, at the top and inside another package.
    [prefork, event]
    fn p8_a_package_extends_its_path(mpm) {
        let extend = "import pkgutil\n__path__ = pkgutil.extend_path(__path__, __name__)";
        let app = start_with_two_directories(mpm, &[
            ("a/h.py", &handler("import pkg.part, pkg.deep.leaf", "'%s %s' % (pkg.part.V, pkg.deep.leaf.V)")),
            ("a/pkg/__init__.py", extend),
            ("a/pkg/deep/__init__.py", extend),
            ("b/pkg/__init__.py", ""),
            ("b/pkg/part.py", "V = 1"),
            ("b/pkg/deep/__init__.py", ""),
            ("b/pkg/deep/leaf.py", "V = 1"),
        ]);
        app.expect("1 1");
        app.edit("b/pkg/part.py", "V = 2");
        app.expect("2 1");
        app.edit("b/pkg/deep/leaf.py", "V = 2");
        let third = app.expect("2 2");
        app.edit("a/pkg/deep/__init__.py", &format!("{extend}\nW = 1"));
        app.expect("2 2");
        app.edit("a/pkg/part.py", "V = 'in front'");
        let last = app.expect("in front 2");
        assert!(last.runs_after(&third).contains(&"pkg.part"), "{:?}", last.runs);
    }

    /// A failed build looked for a name in a directory that the package had only in that build. The name appears there later.
    [prefork, event]
    fn p1_what_a_failed_build_did_not_find_appears(mpm) {
        let cautious = "try:\n    from pkg.new import V\nexcept ImportError:\n    V = 'none'\n";
        let app = start_with_two_directories(mpm, &[
            ("a/h.py", &handler("import pkg.part", "pkg.part.V")),
            ("a/pkg/other.py", ""),
            ("b/pkg/part.py", "V = 1"),
        ]);
        app.expect("1");
        app.site.remove("a/pkg/other.py");
        fs::remove_dir(app.site.path("a/pkg")).expect("the directory is empty");
        app.edit("a/h.py", &format!("{cautious}raise ValueError"));
        app.expect("1");
        app.edit("a/pkg/other.py", "");
        app.edit("a/h.py", &handler("import pkg.part", "pkg.part.V + 1"));
        app.expect("2");
        app.edit("a/pkg/new.py", "V = 'there'");
        app.edit_gives(&[
            ("a/h.py", &handler(cautious, "V"), "there"),
            ("a/pkg/new.py", "V = 'edited'", "edited"),
        ]);
    }

    /// A failed build missed a submodule in a namespace package. The submodule appears in one portion or the other.
    [prefork, event]
    fn p1_what_a_failed_build_has_missed_appears(mpm) {
        let cautious = "try:\n    import pkg.new\nexcept ImportError:\n    pass\nimport pkg.part";
        for (before, place) in [("import pkg.part", "a"), ("import pkg.part", "b"), (cautious, "a"), (cautious, "b")] {
            let app = start_with_two_directories(mpm, &[
                ("a/h.py", &handler(before, "pkg.part.V")),
                ("a/pkg/part.py", "V = 1"),
            ]);
            app.expect("1");
            app.edit("b/pkg/unrelated.py", "");
            app.edit_gives(&[
                ("a/h.py", &handler("import pkg.new, pkg.part", "pkg.new.V"), "1"),
                (&format!("{place}/pkg/new.py"), "V = 2", "2"),
                (&format!("{place}/pkg/new.py"), "V = 3", "3"),
            ]);
        }
    }

    /// A namespace package gains and loses a directory. Modules in the other directories do not run, and what appears in the
    /// new one is seen.
    [prefork, event]
    fn p5_a_new_directory_of_a_namespace_runs_nothing_else(mpm) {
        let app = start_with_two_directories(mpm, &[
            ("a/h.py", &handler("import b_user\nfrom ns.one import V", "V")),
            ("a/b_user.py", "try:\n    from ns.two import V\nexcept ImportError:\n    V = None"),
            ("a/ns/one.py", "V = 1"),
            ("b/readme.py", ""),
        ]);
        let first = app.expect("1");
        app.edit_runs(&first, &[
            ("b/ns/two.py", "V = 2", "1", &["ns.two", "b_user", "h"]),
            ("b/ns/two.py", "V = 3", "1", &["ns.two", "b_user", "h"]),
        ]);
        app.edit("a/ns/one.py", "V = 4");
        app.expect("4");
    }

    /// A package moves to another directory of the path with one broken module, which is mended later.
    [prefork, event]
    fn p3_a_package_breaks_on_the_move(mpm) {
        let app = start_with_two_directories(mpm, &[
            ("a/h.py", &handler("from pkg import part", "part.V")),
            ("b/pkg/__init__.py", ""),
            ("b/pkg/part.py", "V = 1"),
        ]);
        app.expect("1");
        app.site.remove("b/pkg/part.py");
        app.site.remove("b/pkg/__init__.py");
        app.edit("a/pkg/__init__.py", "");
        app.edit("a/pkg/part.py", "V = (");
        app.expect("1");
        app.expect_failures(1);
        app.edit("a/pkg/part.py", "V = 2");
        app.expect("2");
    }

    /// A function imports a plugin by a name that it computes, and the plugin breaks.
    [prefork, event]
    fn p3_a_plug_in_breaks(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                "import importlib\nfrom settings import S\ndef load(name):\n    return importlib.import_module(f'plugins.{name}')",
                "'%s %s' % (S, load('first').V)",
            )),
            ("settings.py", "S = 1"),
            ("plugins/__init__.py", ""),
            ("plugins/first.py", "V = 1"),
        ]);
        app.expect("1 1");
        app.edit("plugins/first.py", "V = 2\nraise SystemExit(3)");
        app.edit_gives(&[
            ("settings.py", "S = 2", "1 1"),
            ("plugins/first.py", "V = 3", "2 3"),
        ]);
    }

    /// P1: a submodule goes away. Its importer still names the package, and another module with the submodule's last name.
    [prefork, event]
    fn a_module_goes_that_shares_its_name(mpm) {
        let both = "import importlib\npkg = importlib.import_module('pkg')\ntool = importlib.import_module('tool')\n";
        let app = App::start(mpm, &[
            ("h.py", &handler(
                &format!("{both}inner = importlib.import_module('pkg.tool')"),
                "'%s %s %s' % (pkg.V, tool.V, inner.V)",
            )),
            ("tool.py", "V = 'outer'"),
            ("pkg/__init__.py", "V = 'pkg'"),
            ("pkg/tool.py", "V = 'inner'"),
        ]);
        app.expect("pkg outer inner");
        app.site.remove("pkg/tool.py");
        app.edit("h.py", &handler(both, "'%s %s' % (pkg.V, tool.V)"));
        app.expect("pkg outer");
        app.expect_failures(0);
        app.edit("tool.py", "V = 'edited'");
        app.expect("pkg edited");
    }

    /// A package is renamed and broken at the same time. Its repair is in a module that was never loaded.
    [prefork, event]
    fn p3_a_new_module_is_broken_at_first(mpm) {
        for import in ["import {} as x", "import importlib; x = importlib.import_module('.'.join('{}'.split('.')))"] {
            let by = |name: &str| handler(&import.replace("{}", name), "x.V");
            let app = App::start(mpm, &[
                ("h.py", &by("old.part.leaf")),
                ("old/__init__.py", ""),
                ("old/part/__init__.py", ""),
                ("old/part/leaf.py", "V = 1"),
            ]);
            app.expect("1");
            app.site.remove("old/part/leaf.py");
            app.site.remove("old/part/__init__.py");
            app.site.remove("old/__init__.py");
            app.edit("new/__init__.py", "");
            app.edit("new/part/__init__.py", "import no_such_module");
            app.edit("new/part/leaf.py", "V = 2");
            app.edit_gives(&[
                ("h.py", &by("new.part.leaf"), "1"),
                ("new/part/__init__.py", "", "2"),
            ]);
        }
    }
}
