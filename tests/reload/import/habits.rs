//! P1 and P8: code that manages its own freshness, replaces parts of `sys.modules`, or reads its own source.

use crate::{
    app::{App, handler, module},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    /// P1: a body that reads data through `linecache` gets the new content each time it runs.
    [prefork, event]
    fn data_read_by_linecache(mpm) {
        let head = "import linecache, os\nLINES = linecache.getlines(os.path.join(os.path.dirname(__file__), 'data.txt'))";
        let site = Site::with(&[("data.txt", "zero"), ("h.py", &module(&handler("import c", "c.LINES"))), ("c.py", &module(head))]);
        let app = App::serve(Httpd::builder(mpm), site, "");
        app.expect("['zero\\n']");
        for value in ["one", "two", "three"] {
            app.site.write("data.txt", value);
            app.expect(&format!("['{value}\\n']"));
        }
    }

    /// P8: inspect, doctest and tracebacks use the current source.
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

    /// A handler replaces modules for a moment, as tests do with `mock.patch.dict`.
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

    /// P8: a body makes modules and puts them into `sys.modules` below its own name, which is not a package.
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
        app.edit_gives(&[
            ("shim.py", &made(2), "2 2 2"),
            ("h.py", &handler(&format!("{head}\nMORE = 1"), "'%s %s %s' % (V, W, late())"), "2 2 2"),
        ]);
    }

    /// P8: a module makes itself a package with its own finder, as `six` does.
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

    /// Each request removes from `sys.modules` all that can be removed.
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
        app.edit_gives(&[
            ("c.py", "V = 2", "2 1 2 1"),
            ("pkg/sub.py", "V = 3", "2 3 2 1"),
            ("c.py", "V = (", "2 3 2 1"),
            ("c.py", "V = 4", "4 3 4 1"),
        ]);
    }

    /// Python's own `SourceFileLoader` loads a managed file. Each time it gets the current content.
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
        app.edit_gives(&[
            ("c.py", "V = 2", "2 2 1"),
            ("other.py", "V = 3", "2 2 3"),
            ("c.py", "V = 4", "4 4 3"),
        ]);
    }

    /// A handler deletes its modules from `sys.modules` and imports them again, as programs did in 2004. It gets what is on
    /// disk, all of one generation.
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
