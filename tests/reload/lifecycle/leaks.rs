//! P10: what keeps replaced code in memory is named: threads, registries, and hooks that hang.

use super::memory::COUNT;
use crate::{
    app::{App, handler},
    support::{Mpm, mpm_tests, wait_for},
};

/// A handler over `c` that shows `leaks()` without the generation's number.
fn leak_app(mpm: Mpm, head: &str, body: &str) -> App {
    let show = "
from mod_python import reload
import c
def show():
    return ' | '.join(sorted('%s: %s' % (leak['module'], ', '.join(leak['holders'])) for leak in reload.leaks()))
";
    App::start(
        mpm,
        &[("h.py", &handler(&format!("{head}\n{show}"), "show()")), ("registry.py", "kept = []"), ("c.py", body)],
    )
}

mpm_tests! {
    /// Bodies start threads, over a hundred reloads, and their hooks stop them.
    [prefork, event, worker]
    fn p10_threads_that_a_hook_stops_end(mpm) {
        let body = |version: u32| format!("
import threading
from mod_python import reload
V = {version}
stop = threading.Event()
thread = threading.Thread(target=lambda: stop.wait(), name='body', daemon=True)
thread.start()
@reload.on_retire
def end():
    stop.set()
    thread.join()
");
        let expression = "'%s %d' % (count('c'), sum(t.name == 'body' for t in threading.enumerate()))";
        let app = App::start(mpm, &[("h.py", &handler(&format!("{COUNT}\nimport threading, c"), expression)), ("c.py", &body(0))]);
        for version in 1..=100 {
            app.edit("c.py", &body(version));
            app.ask();
        }
        wait_for("threads and modules to go", || (app.ask().value == "1 1 1").then_some(()));
    }

    /// Threads that do not end are reported, each once.
    [prefork, event, worker]
    fn p10_threads_that_do_not_end_are_reported(mpm) {
        const RELOADS: usize = 100;
        let body = |version: usize| format!("
import threading
V = {version}
def loop():
    threading.Event().wait()
threading.Thread(target=loop, name='body {version}', daemon=True).start()
");
        let head = "
from mod_python import reload
import c
def show():
    return '\\n'.join('%s %d %s' % (leak['module'], leak['generation'], '; '.join(leak['holders'])) for leak in reload.leaks())
";
        let app = App::start(mpm, &[("h.py", &handler(head, "show()")), ("c.py", &body(0))]);
        app.expect("");
        for version in 1..=RELOADS {
            app.edit("c.py", &body(version));
            app.ask();
        }
        let lines = wait_for("all leaks to be reported", || {
            let lines: Vec<String> = app.ask().value.lines().map(str::to_owned).collect();
            (lines.len() == RELOADS).then_some(lines)
        });
        for number in 0..RELOADS {
            let expected = format!("c {} thread 'body {number}', which runs c.loop", number + 1);
            assert!(lines.contains(&expected), "{expected:?} in {lines:#?}");
        }
        assert_eq!(app.httpd.log_lines("kept in memory by thread 'body 7',").len(), 1, "{}", app.httpd.log());
    }

    /// P10: whatever keeps a retired module alive is named, in the log and by `leaks`.
    [prefork, event]
    fn leaks_are_named(mpm) {
        let changes = [
            ("import registry\nregistry.kept.append(f)", "module 'registry': kept (list)"),
            ("import logging\nclass H(logging.Handler):\n    def emit(self, record): f()\nlogging.getLogger('my.log').addHandler(H())", "a handler or filter of the logger 'my.log'"),
            ("import atexit\natexit.register(f)", "a function registered with atexit"),
            ("import registry\nregistry.render.register(type('T', (), {}))(f)", "an implementation registered with registry.render (singledispatch)"),
            ("class C:\n    def f(self): return f\nfrom mod_python import reload\nreload.carry('old', C)", "the state 'old' that module 'c' carries"),
            ("import string\nstring.Formatter.hook = C.f", "module 'string': Formatter (type)"),
            ("import sys\nsys.modules['other name'] = sys.modules[__name__]", "sys.modules: other name (module)"),
            ("import weakref, string\nweakref.finalize(string.Template, f)", "module 'weakref': finalize (type)"),
        ];
        let app = leak_app(mpm, "", "");
        app.edit("registry.py", "import functools\nkept = []\n@functools.singledispatch\ndef render(x): pass");
        for (number, (change, _)) in changes.iter().enumerate() {
            app.edit("c.py", &format!("def f(): pass\nclass C:\n    def f(self): return f\n{change}\nNUMBER = {number}"));
            app.ask();
        }
        app.edit("c.py", "");
        let value = wait_for("the leaks to be reported", || {
            Some(app.ask().value).filter(|value| value.split(" | ").count() == changes.len())
        });
        let log = app.httpd.log();
        for (change, holder) in changes {
            assert!(value.contains(&format!("c: {holder}")), "{change}: {value}");
            assert!(log.contains(&format!("kept in memory by {holder}")), "{log}");
        }
    }

    /// P10: a hook that never returns is reported, and keeps only its own module in memory.
    [prefork, event]
    fn a_hook_that_hangs(mpm) {
        let head = format!("{COUNT}\nfrom mod_python import reload\nimport c");
        let show = "count('c') + ' '.join(holder for leak in reload.leaks() for holder in leak['holders'])";
        let body = "import threading\nfrom mod_python import reload\n@reload.on_retire\ndef wait(): threading.Event().wait()";
        let app = App::start(mpm, &[("h.py", &handler(&head, show)), ("c.py", body)]);
        app.expect("1 1");
        for number in 0..20 {
            app.edit("c.py", &format!("def f(): pass\nNUMBER = {number}"));
            app.ask();
        }
        wait_for("the others to be freed, and this one to be reported", || {
            let value = app.ask().value;
            (value.starts_with("1 2") && value.ends_with("which runs c.wait")).then_some(())
        });
    }

    /// A leak that has ended is not listed any more.
    [prefork, event]
    fn leaks_that_end(mpm) {
        let app = leak_app(mpm, "import gc, registry", "import registry\ndef f(): pass\nregistry.kept.append(f)");
        app.ask();
        app.edit("c.py", "import registry\nif len(registry.kept) == 9: registry.kept.clear()");
        wait_for("the leak to be reported", || (app.ask().value == "c: module 'registry': kept (list)").then_some(()));
        app.edit("c.py", "import registry, gc\ngc.disable()\nregistry.kept.clear()");
        wait_for("the leak to go", || app.ask().value.is_empty().then_some(()));
    }
}
