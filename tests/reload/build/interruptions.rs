//! P3 and P10: builds that are interrupted, by the time limit or by an edit that supersedes them.

use std::{fs, thread};

use crate::{
    app::{App, Gate, HANG, handler},
    support::{Httpd, Mpm, mpm_tests, wait_for},
};

fn start(mpm: Mpm, limit: &str) -> App {
    App::start_configured(
        Httpd::builder(mpm),
        &format!("PythonReloadTimeout {limit}"),
        &[("h.py", &handler(HEAD, "value()")), ("c.py", "V = 1"), ("d.py", "V = 1")],
    )
}

/// `value` is that of `c`, followed by a note if `sys.modules` or the environment shows anything else. `wake` ends a call of
/// [`HANG`].
const HEAD: &str = "
import ctypes, os, sys, c, d
def wake():
    hung = sys.__dict__.setdefault('_hung', [])
    if hung:
        ctypes.CDLL(None).pthread_mutex_unlock(hung.pop(0))
    return len(hung)
def value():
    return '%s %s%s' % (c.V, 'same' if sys.modules['c'] is c else 'other', os.environ.get('FROM_C', ''))
";

/// The number of threads in the child that were made for builds.
fn threads(app: &App) -> usize {
    let pid = app.httpd.child_pids()[0];
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the child lives");
    let names = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("mod_python-buil")).count()
}

/// Waits until at most `most` such threads are left. A thread that has ended is visible for a moment longer.
fn wait_for_threads(app: &App, most: usize) {
    wait_for("threads to end", || (threads(app) <= most).then_some(()));
}

/// Calls `edit` while a request waits for a build of `before`, which arrives at the gate. Returns what the request gets.
fn edit_meanwhile(app: &App, before: &str, edit: impl FnOnce()) -> String {
    let mut gate = Gate::new();
    app.edit("c.py", &format!("{}\n{before}", gate.arrive_statement()));
    thread::scope(|scope| {
        let request = scope.spawn(|| app.ask());
        gate.arrival();
        edit();
        request.join().expect("the client does not panic").value
    })
}

mpm_tests! {
    /// P3: the time limit stops a body that waits. No thread and no side effect is left behind.
    [prefork, event, worker]
    fn a_body_that_waits_is_stopped(mpm) {
        let app = start(mpm, "0.2");
        app.expect("1 same");
        let mut before = None;
        for (count, body) in [
            "import time\ntime.sleep(3600)",
            "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
            "import socket\nends = socket.socketpair()\nends[0].recv(1)",
            "import subprocess\nsubprocess.run(['sleep', '3600'])",
            "import threading\nthreading.Event().wait()",
            "import time\ntry:\n    time.sleep(3600)\nexcept BaseException:\n    time.sleep(3600)",
        ].into_iter().enumerate() {
            app.edit("c.py", &format!("import os\nos.environ['FROM_C'] = 'set'\n{body}"));
            app.expect("1 same");
            app.expect("1 same");
            let failures = app.failures();
            assert_eq!(failures.len(), count + 1, "{body}: {failures:#?}");
            assert!(failures[count].contains("took longer than 200ms"), "{body}: {}", failures[count]);
            assert!(!failures[count].contains("left behind"), "{body}: {}", failures[count]);
            wait_for_threads(&app, *before.get_or_insert_with(|| threads(&app)));
        }
        app.edit("c.py", "V = 2");
        app.expect("2 same");
    }

    /// P10: under prefork a body that catches every exception blocks its child, so the child ends. httpd starts another child,
    /// which serves the mended code.
    [prefork]
    fn a_body_that_swallows_everything_ends_its_child(mpm) {
        let app = start(mpm, "0.2");
        let first = app.expect("1 same");
        app.edit("c.py", "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass");
        let mut connection = app.httpd.connect();
        connection.send_request("GET", "/", &[("Connection", "close")], None).expect("the request is sent");
        wait_for("the child to end", || {
            (!std::path::Path::new(&format!("/proc/{}", first.pid)).exists()).then_some(())
        });
        assert_eq!(app.httpd.log_lines("the child ends, so that httpd makes another one").len(), 1, "{}", app.httpd.log());
        app.edit("c.py", "V = 2");
        assert_ne!(app.expect("2 same").pid, first.pid);
    }

    /// P10: a first load has a time limit too, also when a function triggers it. Its request fails, and other requests succeed.
    [prefork, event]
    fn a_first_load_that_does_not_end(mpm) {
        let head = "def late():\n    import slow\n    return slow.V";
        let app = App::start_configured(
            Httpd::builder(mpm),
            "PythonReloadTimeout 0.2",
            &[("h.py", &handler(head, "late() if os.path.exists(os.path.dirname(__file__) + '/go') else 'quick'").replace("def late", "import os\ndef late")), ("slow.py", "while True:\n    pass")],
        );
        app.expect("quick");
        app.site.write("go", "");
        assert_eq!(app.httpd.get("/").status, 500);
        assert_eq!(app.httpd.log_lines("ReloadTimeout").len(), 1, "{}", app.httpd.log());
        app.edit("slow.py", "V = 'mended'");
        app.expect("mended");
    }

    /// P3, P10: a build thread that hangs is abandoned. What it does after it wakes up has no effect.
    [event, worker]
    fn a_thread_that_hangs_is_left_behind(mpm) {
        let app = start(mpm, "0.2");
        app.expect("1 same");
        // After it wakes up, the body imports a module that is not loaded yet.
        let late = "
except BaseException:
    while not hasattr(sys, '_back'):
        try:
            try:
                import fresh
                sys._back = 'imported'
            except BaseException as e:
                sys._back = type(e).__name__
        except BaseException:
            pass
    raise
";
        let hang = HANG.replace("libc.pthread_mutex_lock(mutex)\nlibc.", "libc.pthread_mutex_lock(mutex)\ntry:\n    libc.");
        app.edit("fresh.py", "V = 1");
        app.edit("c.py", &format!("import os\nos.environ['FROM_C'] = 'set'\n{hang}\n{late}"));
        app.expect("1 same");
        app.expect("1 same");
        let failures = app.failures();
        assert_eq!(failures.len(), 1, "{failures:#?}");
        assert!(failures[0].contains("left behind") && failures[0].contains("pthread_mutex_lock"), "{}", failures[0]);

        app.edit("c.py", "V = 2");
        app.expect("2 same");
        let hung = threads(&app);
        app.edit("h.py", &handler(HEAD, "'%s %s' % (sys.__dict__.get('_back', wake()), value())"));
        wait_for("the thread to come back", || (app.ask().value == "ReloadTimeout 2 same").then_some(()));
        app.edit("h.py", &handler(HEAD, "'%s %s' % ('fresh' in sys.modules, value())"));
        app.expect("False 2 same");
        wait_for_threads(&app, hung);
        app.expect_failures(1);
    }

    /// P10: bodies that hang use a bounded number of threads.
    [event]
    fn hung_threads_are_bounded(mpm) {
        let app = start(mpm, "0.1");
        app.expect("1 same");
        for round in 1..=8 {
            app.edit("c.py", &format!("ROUND = {round}\n{HANG}"));
            wait_for("the body to be left behind", || {
                app.expect("1 same");
                (app.failures().len() == round).then_some(())
            });
        }
        let most = threads(&app);
        for value in 2..=4 {
            app.edit("c.py", &format!("V = {value}"));
            app.expect("1 same");
        }
        wait_for_threads(&app, most);
        let refused = app.httpd.log_lines("too many threads of this child hang");
        assert_eq!(refused.len(), 1, "{refused:#?}");
        app.expect_failures(9);
    }

    /// A save of a file that a running build has read restarts the build. No request waits for the rest of the superseded
    /// build.
    [prefork, event, worker]
    fn a_second_edit_supersedes_the_build(mpm) {
        let app = start(mpm, "60");
        let first = app.expect("1 same");
        let mut number = 1;
        for body in ["while True: pass", "import time\ntime.sleep(3600)", "while True:\n    try:\n        while True: pass\n    except BaseException: break"] {
            number += 1;
            let fixed = format!("{number} same");
            let before = format!("import os\nos.environ['FROM_C'] = 'set'\n{body}");
            assert_eq!(edit_meanwhile(&app, &before, || app.edit("c.py", &format!("V = {number}"))), fixed, "{body}");
            app.expect(&fixed);
        }
        // The same for an edit of a module that the body imports.
        app.edit("d.py", "V = 1");
        let before = "import d, time\nV = 'old'\nif d.V == 1: time.sleep(3600)\nV = d.V";
        assert_eq!(edit_meanwhile(&app, before, || app.edit("d.py", "V = 'newer'")), "newer same");
        app.expect_failures(0);
        let last = app.ask();
        assert!(last.runs_after(&first).iter().filter(|name| **name == "h").count() == 4, "{:?}", last.runs);
    }

    /// A thread that hangs in a superseded build is abandoned too.
    [event]
    fn a_second_edit_supersedes_a_build_that_hangs(mpm) {
        let app = start(mpm, "60");
        app.expect("1 same");
        assert_eq!(edit_meanwhile(&app, HANG, || app.edit("c.py", "V = 2")), "2 same");
        app.expect_failures(0);
    }

    /// A touch, a save of the same content and an edit of another module do not restart a running build.
    [prefork, event]
    fn only_content_supersedes(mpm) {
        let app = start(mpm, "60");
        app.expect("1 same");
        let body = "import sys, time\nsys.__dict__.setdefault('_begun', []).append(1)\ntime.sleep(0.4)\nV = len(sys._begun)";
        let value = edit_meanwhile(&app, body, || {
            app.site.touch("c.py");
            app.edit("unrelated.py", "V = 1");
        });
        assert_eq!(value, "1 same");
    }

    /// A body may call what only Python's main thread may call, and may even handle the signal that would wake it up.
    [prefork, event]
    fn bodies_run_in_the_main_thread(mpm) {
        let app = start(mpm, "0.3");
        app.expect("1 same");
        let taken = "
import signal
taken = [n for n in range(signal.SIGRTMIN, signal.SIGRTMAX) if callable(signal.getsignal(n))]
V = len(taken)
";
        app.edit("c.py", &format!("{taken}\nsignal.signal(signal.SIGRTMIN + 1, lambda *a: None)"));
        app.expect("1 same");
        app.expect_failures(0);
        for (count, action) in ["signal.SIG_DFL", "signal.SIG_IGN", "lambda *a: None"].into_iter().enumerate() {
            let loops = "while True: pass";
            app.edit("c.py", &format!("{taken}\nfor n in taken: signal.signal(n, {action})\nV = 'never'\n{loops}"));
            app.expect("1 same");
            assert_eq!(app.failures().len(), count + 1, "{action}: {:#?}", app.failures());
        }
        app.edit("c.py", "V = 2");
        app.expect("2 same");
    }
}
