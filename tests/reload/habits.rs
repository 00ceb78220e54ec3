//! Habits of code that looks after its own freshness, or looks at its own source.

use crate::{
    app::{App, handler, module},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    /// P1: a body that reads data by way of `linecache` reads it anew when it runs again, each time.
    [prefork, event]
    fn data_read_by_linecache(mpm) {
        let head = "import linecache, os\nLINES = linecache.getlines(os.path.join(os.path.dirname(__file__), 'data.txt'))";
        let site = Site::with(&[("data.txt", "zero"), ("h.py", &module(&handler("import c", "c.LINES"))), ("c.py", &module(head))]);
        let httpd = Httpd::builder(mpm).site(&site, "SetHandler mod_python\nPythonHandler h").start();
        let app = App { site, httpd };
        app.expect("['zero\\n']");
        for value in ["one", "two", "three"] {
            app.site.write("data.txt", value);
            app.expect(&format!("['{value}\\n']"));
        }
    }

    /// P8: source texts and doctests of what is current.
    [prefork, event]
    fn sources_and_doctests(mpm) {
        let head = "
import doctest, inspect, io, traceback
import c
def told():
    outcome = doctest.testmod(c)
    namespace = {'c': c}
    try:
        exec(compile('c.f(None)', '<string>', 'exec'), namespace)
    except TypeError:
        trace = traceback.format_exc()
    return '%r %s %s %s %s' % (outcome, 'MARK' in inspect.getsource(c.f), 'MARK' in inspect.getsource(c.C),
                               'MARK' in inspect.getsource(c.C.method), 'return value + MARK' in trace)
";
        let body = |lines: usize, mark: &str| {
            format!(
                "{}def f(value):\n    '''\n    >>> f(1)\n    {}\n    '''\n    return value + {mark}\n\
                 class C:\n    '''\n    >>> C().method()\n    {}\n    '''\n    def method(self):\n        return {mark}",
                "# a line\n".repeat(lines), mark.len() + 1, mark.len()
            )
            .replace(mark, &format!("len('{mark}')"))
        };
        let with_mark = |lines: usize, mark: &str| {
            format!("MARK = {}\n{}", mark.len(), body(lines, mark).replace(&format!("len('{mark}')"), "MARK"))
        };
        let app = App::start(mpm, &[("h.py", &handler(head, "told()")), ("c.py", &with_mark(0, "x"))]);
        app.expect("TestResults(failed=0, attempted=2) True True True True");
        app.edit("c.py", &with_mark(9, "xyz"));
        app.expect("TestResults(failed=0, attempted=2) True True True True");
    }

    /// A test's way to replace modules for a moment.
    [prefork, event]
    fn sys_modules_is_patched_for_a_moment(mpm) {
        let head = "
import sys, types, unittest.mock
import c
def told():
    with unittest.mock.patch.dict('sys.modules', {'c': types.ModuleType('c'), 'fake': types.ModuleType('fake')}):
        import fake
        import late
    with unittest.mock.patch.dict('sys.modules'):
        del sys.modules['c']
        import c
    import late
    return '%s %s %s %s' % (c.V, sys.modules['c'].V, late.V, 'fake' in sys.modules)
";
        let app = App::start(mpm, &[("h.py", &handler(head, "told()")), ("c.py", "V = 1"), ("late.py", "V = 1")]);
        app.expect("1 1 1 False");
        app.expect("1 1 1 False");
        app.edit("c.py", "V = 2");
        app.edit("late.py", "V = 2");
        app.expect("2 2 2 False");
    }

    /// P8: modules that a body makes and puts into `sys.modules` below its own name, which is no package's.
    [prefork, event]
    fn modules_below_one_that_is_no_package(mpm) {
        let made = |value: u32| {
            let names = "for name in ['.moves', '.moves.deep']:\n    made = types.ModuleType(__name__ + name)";
            format!("import sys, types\n{names}\n    made.V = {value}\n    sys.modules[__name__ + name] = made")
        };
        let head = "from shim.moves import V\nfrom shim.moves.deep import V as W
def late():
    import shim.moves.deep as deep
    return deep.V";
        let app = App::start(mpm, &[("h.py", &handler(head, "'%s %s %s' % (V, W, late())")), ("shim.py", &made(1))]);
        app.expect("1 1 1");
        app.edit("shim.py", &made(2));
        app.expect("2 2 2");
        app.edit("h.py", &handler(&format!("{head}\nMORE = 1"), "'%s %s %s' % (V, W, late())"));
        app.expect("2 2 2");
    }

    /// P8: a module that makes itself a package with a finder of its own, as `six` does.
    [prefork, event]
    fn a_module_with_a_finder_of_its_own(mpm) {
        let shim = |value: u32| {
            format!(
                "import importlib.machinery, sys
__path__ = []
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == __name__ + '.moves': return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): pass
    def exec_module(self, module): module.V = {value}
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != 'Finder'] + [Finder()]
sys.modules.pop(__name__ + '.moves', None)"
            )
        };
        let app = App::start(mpm, &[("h.py", &handler("from found.moves import V", "V")), ("found.py", &shim(1))]);
        app.expect("1");
        app.edit("found.py", &shim(2));
        app.expect("2");
    }

    /// Everything that can be taken out of `sys.modules` is taken out, at each request.
    [prefork, event]
    fn sys_modules_is_emptied(mpm) {
        let head = "
import sys
import c, pkg.sub
def told():
    for name in list(sys.modules):
        if name not in sys.builtin_module_names:
            del sys.modules[name]
    import c, json, late
    from pkg import sub
    return '%s %s %s %s' % (c.V, sub.V, late.V, json.dumps(1))
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "told()")),
            ("c.py", "V = 1"),
            ("late.py", "import c\nV = c.V"),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
        ]);
        app.expect("1 1 1 1");
        app.expect("1 1 1 1");
        app.edit("c.py", "V = 2");
        app.expect("2 1 2 1");
        app.edit("pkg/sub.py", "V = 3");
        app.expect("2 3 2 1");
        app.edit("c.py", "V = (");
        app.expect("2 3 2 1");
        app.edit("c.py", "V = 4");
        app.expect("4 3 4 1");
    }

    /// A loader of Python's own that is made to load a managed file: each time what the file holds.
    [prefork, event]
    fn loading_by_source_file_loader(mpm) {
        let head = "
import importlib.machinery, os, sys
import c
HERE = os.path.join(os.path.dirname(__file__), '')
def load(name):
    return importlib.machinery.SourceFileLoader(name, HERE + name + '.py').load_module().V
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%s %s %s' % (load('c'), c.V, load('other'))")),
            ("c.py", "V = 1"),
            ("other.py", "V = 1"),
        ]);
        app.expect("1 1 1");
        app.expect("1 1 1");
        app.edit("c.py", "V = 2");
        app.expect("2 2 1");
        app.edit("other.py", "V = 3");
        app.expect("2 2 3");
        app.edit("c.py", "V = 4");
        app.expect("4 4 3");
    }

    /// The hack of 2004: a handler that throws its modules away and imports them again gets what is on disk, whole.
    [prefork, event]
    fn the_hack_of_2004(mpm) {
        let head = "
import importlib, sys
def told():
    import a
    before = a
    del sys.modules['a'], sys.modules['b']
    import a
    importlib.reload(sys.modules['b'])
    return '%s %s %s' % (a.W, sys.modules['b'].V, a is before)
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "told()")),
            ("a.py", "import b\nW = b.V * 10"),
            ("b.py", "V = 1"),
        ]);
        app.expect("10 1 True");
        for value in 2..5 {
            app.edit("b.py", &format!("V = {value}"));
            app.expect(&format!("{value}0 {value} True"));
        }
    }
}
