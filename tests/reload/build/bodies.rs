//! P3 and P10: bodies that exit, exhaust memory, replace parts of the import system, or wait for threads and requests.

use crate::{
    app::{App, handler},
    support::{Httpd, Mpm, mpm_tests, resident_kib, wait_for},
};

fn leaf(mpm: Mpm) -> App {
    App::start(mpm, &[("h.py", &handler("import user", "user.V")), ("user.py", "from c import V"), ("c.py", "V = 1")])
}

mpm_tests! {
    /// A body that raises what ends a program (SystemExit, KeyboardInterrupt) fails like any other body. The old code serves
    /// and the child lives.
    [prefork, event]
    fn bodies_that_end_the_program(mpm) {
        let app = leaf(mpm);
        let first = app.expect("1");
        for (count, body) in [
            "raise SystemExit",
            "import sys\nsys.exit('a reason')",
            "exit()",
            "raise KeyboardInterrupt",
            "raise GeneratorExit",
            "raise MemoryError",
            "def f():\n    f()\nf()",
            "class E(BaseException): pass\nraise E",
            "raise StopIteration",
        ].into_iter().enumerate() {
            app.edit("c.py", body);
            app.expect("1");
            let same = app.expect("1");
            assert!(same.runs_after(&first).is_empty(), "{body}");
            assert_eq!(app.failures().len(), count + 1, "{body}: {:#?}", app.failures());
        }
        app.edit_runs(&first, &[("c.py", "V = 2", "2", &["c", "user", "h"])]);
    }

    /// MemoryError is contained like any other failure, after one big allocation and after many small ones under a limit.
    [prefork, event]
    fn bodies_without_memory(mpm) {
        // Far more than httpd and Python need. `bytes` takes address space without touching it, so the limit is reached soon.
        let limit = ["prlimit", "--as=4294967296"];
        let app = App::start_with(Httpd::builder(mpm).threads(2).launcher(limit), &[
            ("h.py", &handler("import user", "user.V")),
            ("user.py", "from c import V"),
            ("c.py", "V = 1"),
        ]);
        let first = app.expect("1");
        let to_the_last_byte = "
kept = []
for power in (28, 20, 16, 12, 9, 6):
    try:
        while True: kept.append(bytes(1 << power))
    except MemoryError:
        pass
while True: kept.append([])
";
        for (count, body) in [
            "[0] * 10**15",
            "kept = []\nwhile True: kept.append(bytes(1 << 28))",
            "kept = []\nwhile True: kept.append(bytes(1 << 16))",
            to_the_last_byte,
        ].into_iter().enumerate() {
            app.edit("c.py", body);
            app.expect("1");
            assert!(app.expect("1").runs_after(&first).is_empty(), "{body}");
            let failures = app.failures();
            assert_eq!(failures.len(), count + 1, "{body}: {failures:#?}");
            assert!(failures[count].contains("MemoryError"), "{body}: {}", failures[count]);
        }
        // The C library may keep some address space; how much differs between Python versions.
        let is_free = || (resident_kib(first.pid) < 200 * 1024).then_some(());
        wait_for("what the bodies held to be the system's again", is_free);
        app.edit("c.py", "V = sum(len(b) for b in [bytes(1 << 16) for _ in range(512)]) >> 24");
        assert_eq!(app.expect("2").runs_after(&first), ["c", "user", "h"]);
    }

    /// A thread of a body that ends by sys.exit or by an exception ends only itself.
    [prefork, event]
    fn threads_of_bodies_that_end(mpm) {
        let app = leaf(mpm);
        let first = app.expect("1");
        for (value, end) in [(2, "sys.exit('enough')"), (3, "raise SystemExit"), (4, "raise KeyboardInterrupt"), (5, "1 / 0")] {
            app.edit("c.py", &format!(
                "import sys, threading\ndef f():\n    {end}\nt = threading.Thread(target=f)\nt.start()\nt.join()\nV = {value}"
            ));
            assert_eq!(app.expect(&value.to_string()).pid, first.pid);
        }
        app.expect_failures(0);
    }

    /// A body replaces what imports and prints go through, and then fails or succeeds. Later edits are seen.
    [prefork, event]
    fn bodies_that_replace_the_machinery(mpm) {
        let app = leaf(mpm);
        let first = app.expect("1");
        let replacements = [
            "import sys\nsys.modules = dict(sys.modules)",
            "import sys\nsys.modules = {}",
            "import builtins\nbuiltins.__import__ = None",
            "import builtins\nold = builtins.__import__\nbuiltins.__import__ = lambda *a, **k: old(*a, **k)",
            "import sys\nsys.stdout = sys.stderr = None",
            "import sys\nsys.meta_path = []",
            "import sys\nsys.path[:] = []\nsys.path_hooks[:] = []\nsys.path_importer_cache.clear()",
        ];
        for (count, body) in replacements.into_iter().enumerate() {
            app.edit("c.py", &format!("{body}\n1 / 0"));
            assert_eq!(app.expect("1").pid, first.pid, "{body}");
            assert_eq!(app.failures().len(), count + 1, "{body}: {:#?}", app.failures());
            app.edit("c.py", "import string\nV = 1");
            app.expect("1");
        }
        app.edit("c.py", "import colorsys\nV = 2");
        app.expect("2");
    }

    /// P10: a body installs a trace function, as debuggers and coverage do, and fails.
    [prefork, event]
    fn a_body_that_traces(mpm) {
        let app = leaf(mpm);
        let first = app.expect("1");
        app.edit("c.py", "import sys\nsys.settrace(lambda *_: None)\n1 / 0");
        app.expect("1");
        app.edit("c.py", "import sys\nV = 2\nsys.settrace(None)");
        assert_eq!(app.expect("2").pid, first.pid);
    }

    /// An exception whose text cannot be had fails the build like any other exception.
    [prefork, event]
    fn an_exception_that_cannot_be_shown(mpm) {
        let app = leaf(mpm);
        app.expect("1");
        app.edit_gives(&[
            ("c.py", "class E(Exception):\n    def __str__(self):\n        raise self\nraise E", "1"),
            ("c.py", "raise ValueError('\\ud800 \\x00 \\n[fake] line')", "1"),
            ("c.py", "V = 2", "2"),
        ]);
    }

    /// A first load that fails returns 500 and leaves the child in order.
    [prefork, event]
    fn a_first_load_that_ends_the_program(mpm) {
        for body in ["raise SystemExit", "raise KeyboardInterrupt", "def f():\n    f()\nf()", "V = ("] {
            let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", body)]);
            let pids = app.httpd.child_pids();
            for _ in 0..3 {
                assert_eq!(app.httpd.get("/").status, 500, "{body}");
            }
            app.edit("c.py", "V = 1");
            app.expect("1");
            assert_eq!(app.httpd.child_pids(), pids, "{body}");
        }
    }

    /// A body that fails half-way leaves neither its own names nor the modules that only it imported.
    [prefork, event]
    fn a_failed_body_leaves_nothing(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import sys, c", "'%s %s %s' % (c.V, hasattr(c, 'W'), 'fresh' in sys.modules)")),
            ("c.py", "V = 1"),
        ]);
        app.expect("1 False False");
        app.edit("fresh.py", "U = 1");
        app.edit_gives(&[
            ("c.py", "V = 2\nW = 2\nimport fresh\n1 / 0", "1 False False"),
            ("c.py", "V = 3", "3 False False"),
        ]);
    }

    /// A body that deletes itself or other modules from `sys.modules` disturbs neither itself nor the next edit.
    [prefork, event]
    fn a_body_that_deletes_modules(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import user", "user.V")),
            ("user.py", "import sys\nfrom c import V\nfor n in ('c', 'user'): sys.modules.pop(n, None)"),
            ("c.py", "V = 1"),
        ]);
        for value in ["1", "2", "3"] {
            app.edit("c.py", &format!("V = {value}"));
            app.expect(value);
        }
    }

    /// A body imports while its own threads import as well, and waits for them.
    [prefork, event]
    fn a_body_that_waits_for_importing_threads(mpm) {
        let body = "
import threading
found = []
def work():
    import d
    found.append(d.V)
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join(20)
V = sum(found)
";
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", body), ("d.py", "V = 1")]);
        app.expect("4");
        app.edit("c.py", &format!("{body}\nV += 10"));
        app.expect("14");
    }

    /// A body sends a request to its own server. The response comes from the generation that serves.
    [event]
    fn a_body_that_asks_its_own_server(mpm) {
        let app = App::start_configured(Httpd::builder(mpm), "PythonReloadTimeout 2\nPythonReload async", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        app.expect("1");
        let body = format!(
            "import urllib.request as u\nV = 'saw ' + u.urlopen('http://127.0.0.1:{}/').read().decode().splitlines()[-1]",
            app.httpd.port()
        );
        app.edit("c.py", &body);
        wait_for("the body's own request", || (app.ask().value == "saw 1").then_some(()));
    }
}
