//! The end of modules that newer code has replaced: `on_retire`, `__mp_purge__`, and their memory.

use std::fs;

use crate::{
    app::{Answer, App, Gate, Held, handler, module},
    support::{Httpd, Mpm, Save, Site, mpm_tests, wait_for},
};

/// The head of a module that logs when it has gone.
fn farewell(text: &str) -> String {
    format!(
        "from mod_python import apache, reload\nreload.on_retire(lambda: apache.log_error('farewell {text}', apache.APLOG_NOTICE))\n"
    )
}

/// What modules have logged when they went, in order.
fn farewells(httpd: &Httpd) -> Vec<String> {
    let lines = httpd.log_lines("farewell ");
    lines.iter().filter_map(|line| line.split("farewell ").nth(1)).map(|text| text.trim().to_owned()).collect()
}

/// Waits until exactly these have gone.
#[track_caller]
fn expect_farewells(app: &App, expected: &[&str]) {
    wait_for(&format!("the farewells {expected:?}"), || (farewells(&app.httpd).len() >= expected.len()).then_some(()));
    assert_eq!(farewells(&app.httpd), expected, "{}", app.httpd.log());
}

/// Counts the module objects of this name that are in memory, and the namespaces. No other thread may run meanwhile: the list
/// keeps everything in it alive.
const COUNT: &str = "
import gc, sys, types
sys.setswitchinterval(10)
def count(name):
    objects = gc.get_objects()
    modules = sum(1 for o in objects if type(o) is types.ModuleType and o.__name__ == name)
    spaces = sum(1 for o in objects if type(o) is dict and o.get('__name__') == name and '__loader__' in o)
    return '%d %d' % (modules, spaces)
";

/// A child's memory that is in RAM, in KiB.
pub fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the child is alive");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("/proc tells the memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}

/// A handler over `c` that shows what `leaks` tells, without the generation's number.
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
    /// Case 51: a body changes an unmanaged module, registers how to undo that, and fails: old code serves, and everything is
    /// as before, undone in reverse order, before the request that built goes on.
    [prefork, event]
    fn case_51_undo_hooks(mpm) {
        let head = "import c, d, string\n";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%d %d %s' % (c.V, d.V, getattr(string, 'shared', None))")),
            ("c.py", "V = 1"),
            ("d.py", "V = 1"),
        ]);
        app.expect("1 1 None");
        let change = |value: &str| format!("
import string
from mod_python import reload
def put_back(before=getattr(string, 'shared', None)):
    string.shared = before
reload.on_retire(put_back)
string.shared = '{value}'
");
        app.edit("c.py", &format!("{}V = 2", change("by c")));
        app.edit("d.py", &format!("import c\n{}{}V = 2 / 0", change("by d"), change("by d again")));
        app.expect("1 1 None");
        assert_eq!(app.failures().len(), 1, "{}", app.httpd.log());
        // Undone by a module that has not failed itself, whose import is nested in one that has.
        app.edit("d.py", &format!("{}import c\nV = 2 / 0", change("by d")));
        app.expect("1 1 None");
        app.edit("d.py", &format!("{}import c\nV = 2", change("by d")));
        app.expect("2 2 by d");
    }

    /// An importer that gets along without a failed module finds everything undone, when it goes on.
    [prefork, event]
    fn undo_hooks_of_a_failure_that_is_put_up_with(mpm) {
        let head = "
import string
string.trace = getattr(string, 'trace', [])
try:
    import fast
    trace = 'fast'
except ImportError:
    string.trace.append('slow')
    trace = ' '.join(string.trace)
";
        let app = App::start(mpm, &[("h.py", &handler(head, "trace")), ("fast.py", "")]);
        app.expect("fast");
        app.edit("fast.py", "
import string
from mod_python import reload
@reload.on_retire
def undo():
    string.trace.append('undone')
string.trace.append('fast')
raise ImportError
");
        app.expect("fast undone slow");
        app.edit("fast.py", "");
        app.expect("fast");
    }

    /// A first load that fails is undone as well, and hooks that fail are logged and do not keep others from being called.
    [prefork, event]
    fn hooks_of_a_failed_first_load(mpm) {
        let body = format!("{}reload.on_retire(lambda: 1 / 0)\n{}raise ImportError", farewell("first"), farewell("second"));
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", &body)]);
        assert_eq!(app.httpd.get("/").status, 500);
        expect_farewells(&app, &["second", "first"]);
        assert_eq!(app.httpd.log_lines("registered for module 'c'").len(), 1, "{}", app.httpd.log());
        assert!(!app.httpd.log_lines("ZeroDivisionError").is_empty());
        app.edit("c.py", &format!("{}V = 1", farewell("third")));
        app.expect("1");
    }

    /// P4: the hooks wait for the last request that the module serves, and then need no further request.
    [prefork, event, worker]
    fn hooks_wait_for_requests(mpm) {
        let body = |version: u32| format!("{}{}V = {version}", farewell(&format!("c {version}")), farewell(&format!("late c {version}")));
        let app = App::start_for_two(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", &body(1))]);
        let held = Held::start(&app);
        app.edit("c.py", &body(2));
        // Under prefork, it takes another child to answer.
        app.expect("2");
        app.edit("c.py", &body(3));
        app.expect("3");
        assert!(!farewells(&app.httpd).iter().any(|text| text.ends_with('1')), "{}", app.httpd.log());
        assert_eq!(held.finish().value, "1 then 1");
        if mpm.threaded() {
            wait_for("all old modules to go", || (farewells(&app.httpd).len() == 4).then_some(()));
        } else {
            // The other child has not seen the edits yet.
            wait_for("the old module of one child to go", || (farewells(&app.httpd).len() >= 2).then_some(()));
            let mut connections: Vec<_> = (0..2).map(|_| app.httpd.connect()).collect();
            for connection in &mut connections {
                assert_eq!(Answer::of(&connection.get("/").expect("the handler answers")).value, "3");
            }
            wait_for("the old modules to go", || farewells(&app.httpd).contains(&"c 1".to_owned()).then_some(()));
        }
        let gone = farewells(&app.httpd);
        let at = |text: &str| gone.iter().position(|g| g == text);
        assert!(at("late c 1") < at("c 1"), "{gone:?}");
    }

    /// What lives when the child ends is told so then, each module once; so is code that is not managed.
    [prefork, event]
    fn hooks_at_the_end_of_a_child(mpm) {
        let head = "import c, pkg.sub\nsource = \"from mod_python import apache, reload\\nreload.on_retire(lambda: apache.log_error('farewell unmanaged', 5))\"\nexec(source, {'__name__': 'unmanaged'})";
        let mut app = App::start(mpm, &[
            ("h.py", &handler(head, "'%d %d' % (c.V, pkg.sub.V)")),
            ("c.py", &format!("V = 1\ndef __mp_purge__():\n    import sys\n    from mod_python import apache\n    apache.log_error('farewell purged c', 5)\n{}", farewell("c"))),
            ("pkg/__init__.py", &farewell("pkg")),
            ("pkg/sub.py", "V = 1"),
        ]);
        app.expect("1 1");
        // The package gets another object, but does not run again: it is the same execution.
        app.edit("pkg/sub.py", &format!("V = 2\n{}", farewell("sub")));
        app.expect("1 2");
        app.edit("pkg/sub.py", "V = 3");
        app.expect("1 3");
        // An execution of the handler went with each edit, but that has no hooks.
        expect_farewells(&app, &["sub"]);
        app.httpd.graceful_stop();
        let mut gone = farewells(&app.httpd);
        gone.sort_unstable();
        assert_eq!(gone, ["c", "pkg", "purged c", "sub", "unmanaged", "unmanaged", "unmanaged"], "{}", app.httpd.log());
    }

    /// `__mp_purge__` is called once when a module has gone, also one that was built in vain, unless that shares live state.
    [prefork, event]
    fn mp_purge(mpm) {
        let purge = |version: u32| format!("V = {version}\nfrom mod_python import apache\ndef __mp_purge__():\n    apache.log_error('farewell c {version}', apache.APLOG_NOTICE)\n");
        let clone = "def __mp_clone__(module):\n    module.shared = 1\n";
        let app = App::start(mpm, &[("h.py", &handler("import c, d", "'%d %d' % (c.V, d.V)")), ("c.py", &purge(1)), ("d.py", "V = 1")]);
        app.expect("1 1");
        app.edit("c.py", &purge(2));
        app.expect("2 1");
        expect_farewells(&app, &["c 1"]);
        app.edit("c.py", &format!("{}{clone}", purge(3)));
        app.edit("d.py", "import c\n1 / 0");
        app.expect("2 1");
        expect_farewells(&app, &["c 1", "c 3"]);
        app.edit("d.py", "V = 2");
        app.expect("3 2");
        expect_farewells(&app, &["c 1", "c 3", "c 2"]);
        // The next one gets what the third still uses, so its purge would spoil that.
        app.edit("c.py", &purge(4));
        app.edit("d.py", "import c\n1 / 0");
        app.expect("3 2");
        app.edit("d.py", "V = 5");
        app.expect("4 5");
        expect_farewells(&app, &["c 1", "c 3", "c 2", "c 3"]);
    }

    /// Case 59: a response that is streamed across three edits, with an import inside a function at its end, sees its own
    /// generation all the time; then that is freed, without any further request.
    [prefork, event, worker]
    fn case_59_a_streaming_response_across_edits(mpm) {
        let mut gate = Gate::new();
        let mut gates: Vec<Gate> = (0..2).map(|_| Gate::new()).collect();
        let wait = |gate: &Gate| gate.wait_statement().replace('\n', "\n        ");
        let streaming = format!(
            "
import c, late, sys
from mod_python import apache, reload
def handler(req):
    if req.uri == '/stream':
        req.content_type = 'text/plain'
        req.write('%d ' % c.V)
        req.flush()
        {}
        req.write('%d ' % c.V)
        req.flush()
        {}
        req.write('%d ' % c.V)
        {}
        import late
        req.write('%d %d %s' % (late.V, late.c.V, late.c is c))
    else:
        req.write('%d' % c.V)
    return apache.OK
{}",
            wait(&gate),
            wait(&gates[0]),
            wait(&gates[1]),
            farewell("stream"),
        );
        let site = Site::new();
        let c = |version: u32| format!("{}V = {version}", farewell(&format!("c{version}")));
        for (path, body) in [("h.py", streaming.as_str()), ("late.py", "import c\nV = c.V"), ("c.py", &c(1))] {
            site.write(path, module(body));
        }
        let children = if mpm.threaded() { 1 } else { 2 };
        let httpd = Httpd::builder(mpm).children(children).site(&site, "SetHandler mod_python\nPythonHandler h").start();
        let app = App { site, httpd };
        let mut connection = app.httpd.connect();
        connection.send_request("GET", "/stream", &[("Connection", "close")], None).expect("the request is sent");
        gate.arrival();
        app.edit("c.py", &c(2));
        assert_eq!(app.httpd.get("/").ok(), "2");
        drop(gate);
        for (version, mut gate) in (3..).zip(gates.drain(..)) {
            gate.arrival();
            app.edit("c.py", &c(version));
            assert_eq!(app.httpd.get("/").ok(), version.to_string());
            drop(gate);
        }
        let response = connection.read_response(false).expect("the stream is answered");
        assert_eq!(response.ok(), "1 1 1 1 1 True");
        if mpm.threaded() {
            wait_for("the stream's generation to go", || farewells(&app.httpd).contains(&"c1".to_owned()).then_some(()));
            assert!(!farewells(&app.httpd).contains(&"c4".to_owned()), "{}", app.httpd.log());
        }
    }

    /// Cases 59 and 61, P4 and P10: a thousand reloads leave no module, namespace, thread or memory behind.
    [prefork, event]
    fn a_thousand_reloads_leave_nothing_behind(mpm) {
        const RELOADS: u32 = 1000;
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{COUNT}\nimport b"), "b.value(count)")),
            ("b.py", "import c\ndef value(count):\n    return '%d' % c.V"),
            ("c.py", "V = 0"),
        ]);
        // A cycle of functions and their globals, and a namespace that is worth counting.
        let body = |version: u32| format!("V = {version}\nDATA = ['x' * 100] * 1000 + list(range(1000))\nclass C:\n    def f(self):\n        return V\nMADE = C()");
        let turn = |version: u32| {
            app.save(if version.is_multiple_of(2) { Save::InPlace } else { Save::Rename }, "c.py", &body(version));
            app.expect(&version.to_string())
        };
        let pid = turn(1).pid;
        (2..200).for_each(|version| drop(turn(version)));
        let before = resident(pid);
        (200..RELOADS).for_each(|version| drop(turn(version)));
        let after = resident(pid);
        // A thousand executions of `c` alone would be twenty times that.
        assert!(after < before + 16 * 1024, "the child grew from {before} to {after} KiB");
        app.edit("b.py", "import c\ndef value(count):\n    return count('c') + ' ' + count('b') + ' ' + count('h')");
        wait_for("all old modules to be freed", || {
            (app.ask().value == "1 1 1 1 1 1").then_some(())
        });
        assert_eq!(app.ask().pid, pid);
        assert!(app.httpd.log_lines("kept in memory").is_empty(), "{}", app.httpd.log());
    }

    /// P10: a generation that was discarded is freed as well, and collection that is switched off stays so.
    [prefork, event]
    fn discarded_builds_are_freed(mpm) {
        let head = format!("{COUNT}\ngc.disable()\nimport c");
        let app = App::start(mpm, &[("h.py", &handler(&head, "count('c') + ' %d' % gc.isenabled()")), ("c.py", "def f(): pass")]);
        app.expect("1 1 0");
        for number in 0..20 {
            app.edit("c.py", &format!("def f(): pass\nclass C: f = f\n{number} / 0"));
            app.ask();
        }
        wait_for("the discarded modules to be freed", || (app.ask().value == "1 1 0").then_some(()));
    }

    /// Case 61: threads that a body starts, over a hundred reloads: with a hook they end.
    [prefork, event, worker]
    fn case_61_threads_that_end(mpm) {
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

    /// Case 61: threads that do not end are reported, each once.
    [prefork, event, worker]
    fn case_61_threads_that_do_not_end(mpm) {
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

    /// P10: what keeps a retired module alive is named, in the log and by `leaks`, whatever it is.
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

    /// P10: a function that never comes back is reported, and keeps no memory but its own module's.
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

    /// What goes in the end, after it has been reported, is not told any longer.
    [prefork, event]
    fn leaks_that_end(mpm) {
        let app = leak_app(mpm, "import gc, registry", "import registry\ndef f(): pass\nregistry.kept.append(f)");
        app.ask();
        app.edit("c.py", "import registry\nif len(registry.kept) == 9: registry.kept.clear()");
        wait_for("the leak to be reported", || (app.ask().value == "c: module 'registry': kept (list)").then_some(()));
        app.edit("c.py", "import registry, gc\ngc.disable()\nregistry.kept.clear()");
        wait_for("the leak to go", || app.ask().value.is_empty().then_some(()));
    }

    /// Case 69: Enum, dataclass, ABC and singledispatch across an edit: requests after it meet nothing of the old code.
    [prefork, event]
    fn case_69_classes_and_registries_across_an_edit(mpm) {
        let shapes = |version: u32| format!("
import abc, dataclasses, enum, functools
class Colour(enum.Enum):
    RED = {version}
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    colour: Colour = Colour.RED
    version = {version}
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
@functools.singledispatch
def render(value):
    return 'unknown'
@render.register
def _(value: Point):
    return 'point {version}'
");
        let user = "
import shapes
from shapes import Colour, Point, Shape, render
@Shape.register
class Registered:
    pass
class Square(Shape):
    def area(self):
        return 4
@render.register
def _(value: Square):
    return 'square %s' % Point.version
def check():
    point = Point(1)
    assert point == shapes.Point(1) and Colour(Colour.RED.value) is shapes.Colour.RED
    assert isinstance(Square(), shapes.Shape) and issubclass(Registered, Shape)
    assert point in {Point(1): 0} and point.colour is Colour.RED
    try:
        Shape()
    except TypeError:
        return '%s %s %s %s' % (Colour.RED.value, render(point), render(Square()), render(Colour.RED))
";
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{COUNT}\nimport user"), "user.check() + ' ' + count('shapes')")),
            ("user.py", user),
            ("shapes.py", &shapes(1)),
        ]);
        app.expect("1 point 1 square 1 unknown 1 1");
        for version in 2..6 {
            app.edit("shapes.py", &shapes(version));
            let value = app.ask().value;
            let expected = format!("{version} point {version} square {version} unknown ");
            assert!(value.starts_with(&expected), "{value}");
        }
        // A new implementation in the importer dispatches for the unchanged module's new classes alone.
        app.edit("user.py", &user.replace("'square %s'", "'new square %s'"));
        assert!(app.ask().value.starts_with("5 point 5 new square 5 unknown "));
        wait_for("the old classes to be freed", || app.ask().value.ends_with(" 1 1").then_some(()));
        assert!(app.httpd.log_lines("kept in memory").is_empty(), "{}", app.httpd.log());
    }

    /// P10: of a package that need not run again the namespace of its functions gets the submodules that are served.
    [prefork, event]
    fn packages_let_go_of_edited_submodules(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                &format!("{COUNT}\nimport pkg.sub, pkg.deep.leaf"),
                "'%s %s %s %s %s' % (pkg.f(), pkg.sub.V, pkg.deep.leaf.V, count('pkg.sub'), count('pkg.deep.leaf'))",
            )),
            ("pkg/__init__.py", "def f():\n    return 'f'"),
            ("pkg/sub.py", "V = 1"),
            ("pkg/deep/__init__.py", "def g():\n    return 'g'"),
            ("pkg/deep/leaf.py", "V = 1"),
        ]);
        let first = app.expect("f 1 1 1 1 1 1");
        for version in 2..5 {
            app.edit("pkg/sub.py", &format!("V = {version}"));
            app.edit("pkg/deep/leaf.py", &format!("V = {version}"));
            let answer = app.ask();
            assert!(answer.value.starts_with(&format!("f {version} {version} ")), "{}", answer.value);
            assert!(!answer.runs_after(&first).contains(&"pkg"), "{:?}", answer.runs);
        }
        wait_for("the first versions to be freed", || app.ask().value.ends_with(" 1 1 1 1").then_some(()));
        assert!(app.httpd.log_lines("kept in memory").is_empty(), "{}", app.httpd.log());
    }

    /// P4: whoever has a package in hand, and need not run again for an edit further down, keeps what it reads of it.
    [prefork, event]
    fn packages_in_hand_keep_what_is_read(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                &format!("{COUNT}\nimport user, side, pkg.deep.leaf"),
                "'%s %s %s %s' % (user.get(), pkg.deep.leaf.V, side.V, count('side'))",
            )),
            ("user.py", "import pkg.deep\ndef get():\n    return pkg.deep.V"),
            ("side.py", "V = 1"),
            ("pkg/__init__.py", "def f():\n    return 'f'"),
            ("pkg/deep/__init__.py", "V = 'deep'"),
            ("pkg/deep/leaf.py", "V = 1"),
        ]);
        let first = app.expect("deep 1 1 1 1");
        app.edit("pkg/deep/leaf.py", "V = 2");
        app.edit("side.py", "V = 2");
        let second = app.ask();
        assert!(second.value.starts_with("deep 2 2 "), "{}", second.value);
        assert!(!second.runs_after(&first).contains(&"user"), "{:?}", second.runs);
        wait_for("the old module to be freed", || app.ask().value.ends_with(" 1 1").then_some(()));
        app.expect("deep 2 2 1 1");
    }
}
