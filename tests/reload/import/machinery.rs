//! P1 and P8: code that uses the import system directly, and modules that are reached without an import statement.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

mpm_tests! {
    /// `importlib.reload` of a managed module returns it unchanged, and does not block the next edit.
    [prefork, event]
    fn importlib_reload(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import c, importlib", "importlib.reload(c).V if importlib.reload(c) is c else 'another'")),
            ("c.py", "V = 1"),
        ]);
        let first = app.expect("1");
        app.edit_runs(&first, &[("c.py", "V = 2", "2", &["c", "h"])]);
    }

    /// A module that was deleted from `sys.modules` and imported again is the generation's module, complete.
    [prefork, event]
    fn deleting_from_sys_modules(mpm) {
        let head = "
import sys
def fresh():
    import c, pkg.sub
    for name in ('c', 'pkg', 'pkg.sub'):
        sys.modules.pop(name, None)
    import c as again
    from pkg import sub
    return '%s %s %s' % (again.V, sub.V, again is c)
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "fresh()")),
            ("c.py", "V = 1"),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
        ]);
        for _ in 0..2 {
            app.expect("1 1 True");
        }
        app.edit_gives(&[
            ("c.py", "V = 2", "2 1 True"),
            ("pkg/sub.py", "V = 2", "2 2 True"),
        ]);
    }

    /// Code that uses `find_spec` and `module_from_spec` gets the source that runs.
    [prefork, event]
    fn modules_by_spec(mpm) {
        let head = "
import importlib.util as u, runpy, sys
import c, pkg.sub
def by_spec(name):
    spec = u.find_spec(name)
    module = u.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert type(spec.origin) is str and spec.origin == module.__file__
    assert 'V = %s' % module.V in spec.loader.get_source(name)
    return module.V
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%s %s %s %s' % (by_spec('c'), by_spec('pkg.sub'), u.find_spec('no_such') is None, u.find_spec('rest').loader.get_source('rest')[0])")),
            ("rest.py", "R = 'not loaded'"),
            ("c.py", "V = 1"),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
        ]);
        app.expect("1 1 True R");
        app.edit("c.py", "V = 2");
        app.edit("pkg/sub.py", "V = 3");
        app.expect("2 3 True R");
    }

    /// An object that was pickled before an edit is unpickled as an instance of the current class.
    [prefork, event]
    fn pickles_outlive_generations(mpm) {
        // A module of the standard library keeps the pickle, as no edit reaches it.
        let head = "
import pickle, colorsys, shapes
def through_pickle():
    if not hasattr(colorsys, 'kept'):
        colorsys.kept = pickle.dumps(shapes.Point())
    point = pickle.loads(colorsys.kept)
    return '%s %s' % (point.name(), type(point) is shapes.Point)
";
        let body = |name: &str| format!("class Point:\n    def name(self):\n        return '{name}'");
        let app = App::start(mpm, &[("h.py", &handler(head, "through_pickle()")), ("shapes.py", &body("first"))]);
        app.expect("first True");
        app.edit("shapes.py", &body("second"));
        app.expect("second True");
    }

    /// A package extends its `__path__`, and submodules are found there.
    [prefork, event]
    fn a_package_with_a_path_of_its_own(mpm) {
        let init = |directory: &str| format!("import os\n__path__.insert(0, os.path.join(os.path.dirname(__file__), '{directory}'))");
        let app = App::start(mpm, &[
            ("h.py", &handler("from pkg import sub", "sub.V")),
            ("pkg/__init__.py", &init("one")),
            ("pkg/one/sub.py", "V = 'one'"),
        ]);
        app.expect("one");
        app.edit("pkg/one/sub.py", "V = 'one, edited'");
        app.expect("one, edited");
        app.expect_failures(0);
    }

    /// Threads that a handler starts import current code, also when the code that started them is old.
    [prefork, event]
    fn threads_of_a_handler_import_what_is_current(mpm) {
        let head = "
import threading
def by_thread():
    found = []
    def work():
        import c
        found.append(c.V)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    return found
";
        let app = App::start(mpm, &[("h.py", &handler(head, "by_thread()")), ("c.py", "V = 1")]);
        app.expect("[1]");
        for value in 2..6 {
            app.edit("c.py", &format!("V = {value}"));
            app.expect(&format!("[{value}]"));
        }
    }

    /// `exec` and `eval` with their own namespace, as templates use them, import managed modules and see their edits.
    [prefork, event]
    fn executed_text(mpm) {
        let head = "
def run(text):
    namespace = {}
    exec(text, namespace)
    return namespace['result']
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%s %s' % (run('import c; result = c.V'), run('from pkg.sub import V as result'))")),
            ("c.py", "V = 1"),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
        ]);
        app.expect("1 1");
        app.edit_gives(&[
            ("c.py", "V = 2", "2 1"),
            ("pkg/sub.py", "V = 3", "2 3"),
        ]);
    }

    /// The standard library imports managed modules by names that it is given: logging's configuration, unittest's loader, an
    /// entry point.
    [prefork, event]
    fn imports_by_the_standard_library(mpm) {
        let head = "
import importlib.metadata, logging.config, pkgutil, unittest
def named():
    point = importlib.metadata.EntryPoint(name='x', value='pkg.sub:V', group='g')
    handlers = {'h': {'class': 'handlers.Mine'}}
    logging.config.dictConfig({'version': 1, 'handlers': handlers, 'root': {'handlers': ['h']}})
    suite = unittest.defaultTestLoader.loadTestsFromName('cases')
    name = type(next(iter(next(iter(suite))))).marker
    return '%s %s %s %s' % (point.load(), pkgutil.resolve_name('pkg.sub:V'), type(logging.root.handlers[-1]).marker, name)
";
        let logger = |marker: u32| format!("import logging\nclass Mine(logging.NullHandler):\n    marker = {marker}");
        let cases = |marker: u32| format!("import unittest\nclass T(unittest.TestCase):\n    marker = {marker}\n    def test(self): pass");
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "named()")),
            ("pkg/__init__.py", ""),
            ("pkg/sub.py", "V = 1"),
            ("handlers.py", &logger(1)),
            ("cases.py", &cases(1)),
        ]);
        app.expect("1 1 1 1");
        app.edit_gives(&[
            ("pkg/sub.py", "V = 2", "2 2 1 1"),
            ("handlers.py", &logger(2), "2 2 2 1"),
            ("cases.py", &cases(2), "2 2 2 2"),
        ]);
    }
}
