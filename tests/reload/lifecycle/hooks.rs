//! P3, P4 and P10: the end of a module: the functions given to `on_retire`, and `__mp_purge__`.

use crate::{
    app::{Answer, App, Gate, Held, handler},
    support::{Httpd, mpm_tests, wait_for},
};

/// The head of a module that logs its end.
fn farewell(text: &str) -> String {
    format!(
        "from mod_python import apache, reload\nreload.on_retire(lambda: apache.log_error('farewell {text}', apache.APLOG_NOTICE))\n"
    )
}

/// What modules have logged at their end, in order.
fn farewells(httpd: &Httpd) -> Vec<String> {
    let lines = httpd.log_lines("farewell ");
    lines.iter().filter_map(|line| line.split("farewell ").nth(1)).map(|text| text.trim().to_owned()).collect()
}

/// Waits until exactly these modules have ended.
#[track_caller]
fn expect_farewells(app: &App, expected: &[&str]) {
    wait_for(&format!("the farewells {expected:?}"), || (farewells(&app.httpd).len() >= expected.len()).then_some(()));
    assert_eq!(farewells(&app.httpd), expected, "{}", app.httpd.log());
}

mpm_tests! {
    /// A body changes an unmanaged module, registers an undo function, and fails. The old code serves, and the undo functions
    /// run in reverse order before the request goes on.
    [prefork, event]
    fn p3_a_failed_build_calls_its_undo_hooks(mpm) {
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
        // c does not fail itself, but d, which imports it, does.
        app.edit_gives(&[
            ("d.py", &format!("{}import c\nV = 2 / 0", change("by d")), "1 1 None"),
            ("d.py", &format!("{}import c\nV = 2", change("by d")), "2 2 by d"),
        ]);
    }

    /// An importer catches the failure of a module. The undo functions have run when it goes on.
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

    /// A first load that fails is undone too. A hook that fails is logged, and the other hooks still run.
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

    /// P4: the hooks wait for the last request that the module serves. After it they need no other request.
    [prefork, event, worker]
    fn hooks_wait_for_requests(mpm) {
        let body = |version: u32| format!("{}{}V = {version}", farewell(&format!("c {version}")), farewell(&format!("late c {version}")));
        let app = App::start_for_two(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", &body(1))]);
        let held = Held::start(&app);
        app.edit("c.py", &body(2));
        // Under prefork another child must answer.
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

    /// When the child ends, the hooks of each live module run once, and those of unmanaged code too.
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
        // The package gets a new object without running again, so its hook stays.
        app.edit_gives(&[
            ("pkg/sub.py", &format!("V = 2\n{}", farewell("sub")), "1 2"),
            ("pkg/sub.py", "V = 3", "1 3"),
        ]);
        // The handler ran with each edit, but has no hooks.
        expect_farewells(&app, &["sub"]);
        app.httpd.graceful_stop();
        let mut gone = farewells(&app.httpd);
        gone.sort_unstable();
        assert_eq!(gone, ["c", "pkg", "purged c", "sub", "unmanaged", "unmanaged", "unmanaged"], "{}", app.httpd.log());
    }

    /// `__mp_purge__` runs once when a module has ended. It also runs for a module of a discarded build, unless that shares
    /// live state.
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
        // The next module gets state that the third one still uses, so its purge must not run.
        app.edit("c.py", &purge(4));
        app.edit_gives(&[
            ("d.py", "import c\n1 / 0", "3 2"),
            ("d.py", "V = 5", "4 5"),
        ]);
        expect_farewells(&app, &["c 1", "c 3", "c 2", "c 3"]);
    }

    /// A response is streamed across three edits, with an import inside a function at its end. It sees its own generation
    /// throughout. After it that generation is freed without another request.
    [prefork, event, worker]
    fn p4_a_streaming_response_keeps_its_generation(mpm) {
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
        let c = |version: u32| format!("{}V = {version}", farewell(&format!("c{version}")));
        let modules = [("h.py", streaming.as_str()), ("late.py", "import c\nV = c.V"), ("c.py", &c(1))];
        let app = App::start_for_two(mpm, &modules);
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
}
