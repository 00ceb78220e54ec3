//! P3: a build is a transaction. If it fails, the interpreter's surroundings are as they were before it.

use crate::{
    app::{App, handler},
    support::{Httpd, Mpm, mpm_tests},
};

/// What the handler shows of the surroundings.
const SHOW: &str = "
import os, sys, builtins, importlib, subprocess, c
PARTS = [sys.path, sys.meta_path, sys.path_hooks, sys.modules, sys.stdout, builtins.__import__, importlib.import_module, os.environ]
def now():
    return [sys.path, sys.meta_path, sys.path_hooks, sys.modules, sys.stdout, builtins.__import__, importlib.import_module, os.environ]
LISTS = [list(part) for part in PARTS[:3]]
def show():
    same = all(a is b for a, b in zip(PARTS, now())) and [list(part) for part in PARTS[:3]] == LISTS
    shell = subprocess.run(['/bin/sh', '-c', 'echo $KEPT-$ADDED-$CHANGED'], capture_output=True, text=True).stdout.strip()
    here = [os.environ.get(key, '') for key in ('KEPT', 'ADDED', 'CHANGED')]
    return '%s %s %s %s %s %s' % (c.V, same, os.getcwd(), sys.getrecursionlimit(), shell, '-'.join(here))
";

/// What a body does to its surroundings.
const CHANGES: &str = "
import builtins, importlib, io, os, sys
sys.path.insert(0, '/nowhere')
sys.path = sys.path + ['/nowhere/else']
sys.meta_path.clear()
sys.path_hooks.append(lambda path: None)
sys.path_hooks = []
os.environ['ADDED'] = 'added'
os.environ['CHANGED'] = 'other'
os.environ.pop('KEPT', None)
os.environ = {'nothing': 'else'}
os.chdir('/usr')
sys.stdout = io.StringIO()
builtins.__import__ = importlib.import_module = None
sys.modules = {}
sys.setrecursionlimit(50)
";

fn start(mpm: Mpm) -> App {
    let builder = Httpd::builder(mpm).env("KEPT", "kept").env("CHANGED", "before");
    App::start_configured(builder, "", &[("h.py", &handler(SHOW, "show()")), ("c.py", "V = 1")])
}

mpm_tests! {
    /// After a failed build the surroundings hold the same objects with the same contents.
    [prefork, event]
    fn a_failed_build_changes_nothing_around(mpm) {
        let app = start(mpm);
        let good = app.ask();
        assert!(good.value.starts_with("1 True "), "{}", good.value);
        assert!(good.value.ends_with(" kept--before kept--before"), "{}", good.value);

        app.edit("c.py", &format!("{CHANGES}\nraise RuntimeError('after the changes')"));
        app.expect(&good.value);
        app.expect(&good.value);
        app.expect_failures(1);

        // The import system works as before.
        app.edit("fresh.py", "V = 2");
        app.edit("c.py", "from fresh import V");
        app.expect(&good.value.replacen('1', "2", 1));
    }

    /// One module changes the surroundings, and another module of the same build fails.
    [prefork, event]
    fn a_good_body_in_a_failed_build(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import os, c, d", "'%s %s %s' % (c.V, d.V, os.environ.get('FROM_C'))")),
            ("c.py", "V = 1"),
            ("d.py", "V = 1"),
        ]);
        app.expect("1 1 None");
        app.edit("c.py", "import os\nos.environ['FROM_C'] = 'two'\nV = 2");
        app.edit_gives(&[
            ("d.py", "V = 1 / 0", "1 1 None"),
            ("d.py", "V = 2", "2 2 two"),
        ]);
        // Changes of a successful build stay, also when a later build fails.
        app.edit_gives(&[
            ("c.py", "import os\ndel os.environ['FROM_C']\nV = 3 / 0", "2 2 two"),
            ("c.py", "V = 4", "4 2 two"),
        ]);
    }

    /// The same for a first load that fails, and for an import inside a function that fails.
    [prefork, event]
    fn a_failed_load_changes_nothing_around(mpm) {
        let head = "
import os, sys
before = list(sys.path), os.getcwd()
def late():
    try:
        import late
    except ZeroDivisionError:
        pass
    return (list(sys.path), os.getcwd()) == before, os.environ.get('ADDED'), os.environ.get('FIRST')
";
        let app = App::start(mpm, &[
            ("h.py", "import os\nos.environ['FIRST'] = 'first'\n1 / 0"),
            ("late.py", "import os, sys\nsys.path.append('/x')\nos.environ['ADDED'] = 'x'\nos.chdir('/usr')\n1 / 0"),
        ]);
        assert_eq!(app.httpd.get("/").status, 500);
        app.edit("h.py", &handler(head, "late()"));
        app.expect("(True, None, None)");
        app.expect("(True, None, None)");
    }
}
