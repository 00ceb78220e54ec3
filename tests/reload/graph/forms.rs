//! P6: every form of import finds managed modules and leaves an edge.

use crate::{
    app::{App, handler},
    support::{Mpm, mpm_tests},
};

/// Expects the value `1`, and then `2` and `3` after edits of the module `edited` that set its `V`.
fn follows(mpm: Mpm, edited: &str, files: &[(&str, &str)]) {
    let app = App::start(mpm, files);
    app.expect("1");
    for value in ["2", "3"] {
        app.edit(edited, &format!("V = {value}"));
        app.expect(value);
    }
    app.expect_failures(0);
}

mpm_tests! {
    /// `import x.y.z as name` binds the submodule.
    [prefork, event]
    fn import_as(mpm) {
        follows(mpm, "x/y/z.py", &[
            ("h.py", &handler("import user", "user.W()")),
            ("user.py", "import x.y.z as name\ndef W():\n    return name.V"),
            ("x/__init__.py", ""),
            ("x/y/__init__.py", ""),
            ("x/y/z.py", "V = 1"),
        ]);
    }

    /// `from . import a, b, c` loads submodules and takes attributes.
    [prefork, event]
    fn from_dot_import_several(mpm) {
        follows(mpm, "pkg/b.py", &[
            ("h.py", &handler("from pkg import user", "user.b.V if user.a.V == user.c == 'x' else 'wrong'")),
            ("pkg/__init__.py", "c = 'x'"),
            ("pkg/user.py", "from . import a, b, c"),
            ("pkg/a.py", "V = 'x'"),
            ("pkg/b.py", "V = 1"),
        ]);
    }

    /// `from .. import` and `from ..x.y import` resolve from deep inside a package.
    [prefork, event]
    fn relative_over_several_levels(mpm) {
        follows(mpm, "pkg/x/y.py", &[
            ("h.py", &handler("import pkg.a.b.user as user", "user.V + user.x.y.V - user.y.V")),
            ("pkg/__init__.py", ""),
            ("pkg/a/__init__.py", ""),
            ("pkg/a/b/__init__.py", ""),
            ("pkg/a/b/user.py", "from ...x.y import V\nfrom ... import x\nfrom ...x import y"),
            ("pkg/x/__init__.py", ""),
            ("pkg/x/y.py", "V = 1"),
        ]);
    }

    /// A relative import beyond the top, or outside any package, raises the ImportError that Python raises.
    [prefork, event]
    fn relative_imports_that_cannot_be(mpm) {
        let body = "
def kind(statement):
    try:
        exec(statement, globals())
    except ImportError as e:
        return type(e).__name__ + ': ' + str(e)
";
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{body}\nfrom pkg import m"), "kind('from . import x') + ' | ' + m.kind('from .. import x')")),
            ("pkg/__init__.py", ""),
            ("pkg/m.py", body),
        ]);
        app.expect(
            "ImportError: attempted relative import with no known parent package | \
             ImportError: attempted relative import beyond top-level package",
        );
    }

    /// `importlib.import_module` resolves a relative name with `package=`.
    [prefork, event]
    fn import_module_relative(mpm) {
        follows(mpm, "pkg/plugins/one.py", &[
            ("h.py", &handler("import pkg.loader as l", "l.load('one').V")),
            ("pkg/__init__.py", ""),
            ("pkg/loader.py", "import importlib\ndef load(n):\n    return importlib.import_module('.plugins.' + n, package=__package__)"),
            ("pkg/plugins/__init__.py", ""),
            ("pkg/plugins/one.py", "V = 1"),
        ]);
    }

    /// `__import__` returns what Python's returns, with and without a fromlist.
    [prefork, event]
    fn dunder_import(mpm) {
        follows(mpm, "pkg/sub.py", &[
            ("h.py", &handler(
                "top = __import__('pkg.sub')\nsub = __import__('pkg.sub', globals(), locals(), ['V'], 0)\nimport pkg",
                "sub.V if top is pkg and pkg.sub is sub and __import__('pkg.sub').sub.V == sub.V else 'wrong'",
            )),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
        ]);
    }

    /// Absolute and relative imports work inside namespace packages.
    [prefork, event]
    fn namespace_packages(mpm) {
        follows(mpm, "ns/inner/leaf.py", &[
            ("h.py", &handler("import ns.inner.user\nfrom ns.inner import user as u", "u.V if ns.inner.user is u else 'wrong'")),
            ("ns/inner/user.py", "from .leaf import V\nfrom . import leaf\nfrom .. import other\nassert other.W == 5"),
            ("ns/inner/leaf.py", "V = 1"),
            ("ns/other.py", "W = 5"),
        ]);
    }

    /// A namespace package becomes a regular package, and a namespace package again.
    [prefork, event]
    fn a_namespace_gets_an_init_and_loses_it(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import ns.leaf, ns", "'%s %s' % (ns.leaf.V, getattr(ns, 'W', None))")),
            ("ns/leaf.py", "V = 1"),
        ]);
        app.expect("1 None");
        app.edit_gives(&[
            ("ns/__init__.py", "W = 1", "1 1"),
            ("ns/leaf.py", "V = 2", "2 1"),
        ]);
        app.site.remove("ns/__init__.py");
        app.expect("2 None");
        app.edit("ns/leaf.py", "V = 3");
        app.expect("3 None");
    }

    /// PEP 562: `__getattr__` of a module imports a submodule on demand.
    [prefork, event]
    fn module_getattr(mpm) {
        follows(mpm, "pkg/lazy.py", &[
            ("h.py", &handler("import pkg\nfrom pkg import lazy_value", "pkg.lazy_value if pkg.lazy_value == lazy_value else 'mixed'")),
            ("pkg/__init__.py", "
def __getattr__(name):
    if name == 'lazy_value':
        from . import lazy
        return lazy.V
    raise AttributeError(name)
"),
            ("pkg/lazy.py", "V = 1"),
        ]);
    }

    /// PEP 562: `__getattr__` of a module imports by a computed name, as large packages do.
    [prefork, event]
    fn module_getattr_by_importlib(mpm) {
        follows(mpm, "pkg/_impl/thing.py", &[
            ("h.py", &handler("import pkg", "pkg.thing.V")),
            ("pkg/__init__.py", "
import importlib
def __getattr__(name):
    if name.startswith('__'):
        raise AttributeError(name)
    return importlib.import_module('._impl.' + name, __name__)
"),
            ("pkg/_impl/__init__.py", ""),
            ("pkg/_impl/thing.py", "V = 1"),
        ]);
    }

    /// Two modules of a package import names from each other, one of them late in its body.
    [prefork, event]
    fn circular_from_imports(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from pkg.a import A, fb", "'%s %s' % (A, fb())")),
            ("pkg/__init__.py", ""),
            ("pkg/a.py", "A = 1\nfrom .b import B\ndef fb():\n    return B"),
            ("pkg/b.py", "from .a import A\nB = A * 10"),
        ]);
        let first = app.expect("1 10");
        app.edit_runs_in_any_order(&first, &[
            ("pkg/a.py", "A = 2\nfrom .b import B\ndef fb():\n    return B", "2 20", &["h", "pkg.a", "pkg.b"]),
            ("pkg/b.py", "from .a import A\nB = A * 100", "2 200", &["h", "pkg.a", "pkg.b"]),
        ]);
    }

    /// A module replaces itself in `sys.modules` by another object.
    [prefork, event]
    fn a_module_that_replaces_itself(mpm) {
        let body = |value: u32| format!("
import sys
class Lazy:
    V = {value}
    @property
    def twice(self):
        return self.V * 2
sys.modules[__name__] = Lazy()
");
        let app = App::start(mpm, &[
            ("h.py", &handler("import magic, user, pkg.magic", "'%s %s %s' % (magic.twice, user.f(), pkg.magic.twice)")),
            ("user.py", "from magic import twice\ndef f():\n    import magic\n    return magic.twice + twice"),
            ("magic.py", &body(1)),
            ("pkg/__init__.py", ""),
            ("pkg/magic.py", &body(5)),
        ]);
        app.expect("2 4 10");
        app.edit_gives(&[
            ("magic.py", &body(2), "4 8 10"),
            ("pkg/magic.py", &body(6), "4 8 12"),
        ]);
    }

    /// pkgutil lists a managed package, and what it finds can be imported.
    [prefork, event]
    fn pkgutil_over_a_managed_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                "import importlib, pkgutil, plugins",
                "' '.join('%s=%s' % (m.name, importlib.import_module('plugins.' + m.name).V) \
                 for m in sorted(pkgutil.iter_modules(plugins.__path__)))",
            )),
            ("plugins/__init__.py", ""),
            ("plugins/a.py", "V = 1"),
            ("plugins/b.py", "V = 1"),
        ]);
        app.expect("a=1 b=1");
        app.edit("plugins/b.py", "V = 2");
        app.expect("a=1 b=2");
        // Each request lists the package, so the next one finds a file that was added.
        app.edit("plugins/c.py", "V = 3");
        app.expect("a=1 b=2 c=3");
        app.site.remove("plugins/a.py");
        app.expect("b=2 c=3");
    }

    /// `import *` takes what `__all__` names, submodules included.
    [prefork, event]
    fn star_import_of_submodules(mpm) {
        follows(mpm, "pkg/sub.py", &[
            ("h.py", &handler("from pkg import *", "sub.V")),
            ("pkg/__init__.py", "__all__ = ['sub']"),
            ("pkg/sub.py", "V = 1"),
        ]);
    }

    /// Code that imports only the package reaches a submodule as an attribute.
    [prefork, event]
    fn submodule_by_attribute(mpm) {
        follows(mpm, "pkg/sub.py", &[
            ("h.py", &handler("import user", "user.f()")),
            ("user.py", "import pkg\nW = pkg.sub.V\ndef f():\n    return pkg.sub.V if W == pkg.sub.V else 'mixed'"),
            ("pkg/__init__.py", "from . import sub"),
            ("pkg/sub.py", "V = 1"),
        ]);
    }
}
