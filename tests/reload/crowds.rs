//! Many threads, many children, and processes that come and go.

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    app::{Answer, App, Gate, Held, handler},
    support::{Httpd, Save, group_members, mpm_tests, wait_for},
};

/// How many children the tests of many children have.
const CHILDREN: usize = 8;

/// For how long requests cross each other's imports.
const CROSSING: Duration = Duration::from_secs(4);

/// Asks until every child that lives now has answered this.
fn converge(app: &App, value: &str) {
    let mut open = Vec::new();
    let mut seen = BTreeSet::new();
    wait_for("every child to show the edit", || {
        let mut connection = app.httpd.connect();
        let answer = Answer::of(&connection.get("/").expect("the handler answers"));
        assert_eq!(answer.value, value, "child {}", answer.pid);
        seen.insert(answer.pid);
        // A child with an open connection takes no other in prefork.
        open.push(connection);
        app.httpd.child_pids().iter().all(|pid| seen.contains(pid)).then_some(())
    });
}

/// The function `forked`, which answers what a copy of the process says that has imported a module.
fn forked(module: &str, said: &str) -> String {
    format!(
        "
import os
def forked():
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            import {module}
            os.write(write, ({said}).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return text
"
    )
}

mpm_tests! {
    /// P5: a module that is not loaded yet is imported by twenty requests at once: its body runs once.
    [event, worker]
    fn a_late_import_runs_the_body_once(mpm) {
        const REQUESTS: usize = 20;
        let app = App::start_with(Httpd::builder(mpm).threads(REQUESTS), &[
            ("h.py", &handler("def late():\n    import late_a\n    return late_a.V", "late()")),
            ("late_a.py", "import time\ntime.sleep(0.05)\nfrom late_b import V"),
            ("late_b.py", "import time\ntime.sleep(0.05)\nV = 1"),
        ]);
        let barrier = Barrier::new(REQUESTS);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let requests: Vec<_> = (0..REQUESTS).map(|_| scope.spawn(|| {
                let mut connection = app.httpd.connect();
                barrier.wait();
                Answer::of(&connection.get("/").expect("the handler answers"))
            })).collect();
            requests.into_iter().map(|r| r.join().expect("the client does not panic")).collect()
        });
        assert!(answers.iter().all(|answer| answer.value == "1"));
        let last = app.expect("1");
        let mut runs = last.runs.clone();
        runs.sort_unstable();
        assert_eq!(runs, ["h", "late_a", "late_b"]);
    }

    /// Case 60: requests import in opposite order, many times over, while edits go on.
    [event, worker]
    fn case_60_crossing_late_imports(mpm) {
        let head = "
def both(order):
    if order:
        import cross_a, cross_b
    else:
        import cross_b, cross_a
    return cross_a.V, cross_b.V
import os, threading
lock = threading.Lock()
count = 0
def next_order():
    global count
    with lock:
        count += 1
        return count % 2
";
        let app = App::start_with(Httpd::builder(mpm).threads(8), &[
            ("h.py", &handler(head, "both(next_order())")),
            ("cross_a.py", "V = 0\nimport cross_b"),
            ("cross_b.py", "V = 0\nimport cross_a"),
        ]);
        for round in 1..30 {
            app.edit("cross_a.py", &format!("V = {round}\nimport cross_b"));
            app.edit("cross_b.py", &format!("V = {round}\nimport cross_a"));
            // The handler is new as well, so its imports inside the function are not loaded by anybody yet.
            app.edit("h.py", &handler(&format!("{head}\nROUND = {round}"), "both(next_order())"));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| app.expect(&format!("({round}, {round})")));
                }
            });
        }
    }

    /// Case 60: for several seconds requests import in opposite orders, in bodies, in functions and in threads of their own,
    /// while one edit follows the other: all of them answer, and each request with one generation.
    [prefork, worker, event]
    fn case_60_opposite_orders_for_seconds(mpm) {
        let head = "
import threading
def load(left_first, found):
    if left_first:
        import left, right
    else:
        import right, left
    found.extend([left.number(), right.number(), left.other().number(), right.other().number()])
def all_numbers(left_first):
    own, others = [], []
    # A thread that serves no request takes what is current, import by import.
    other = threading.Thread(target=load, args=(not left_first, others))
    other.start()
    load(left_first, own)
    other.join()
    return '%d and %d of %s' % (len(others), len(own), sorted(set(own)))
";
        let side = |other: &str| {
            format!(
                "import {other} as _other\nfrom base import NUMBER\ndef number():\n    return NUMBER\n\
                 def other():\n    import {other}\n    return {other}"
            )
        };
        let handling = |left_first: &str| handler(head, &format!("all_numbers({left_first})"));
        let builder = if mpm.threaded() { Httpd::builder(mpm).threads(8) } else { Httpd::builder(mpm).children(4) };
        let app = App::start_with(builder, &[
            // The parity of the process's requests decides which way round the imports go.
            ("h.py", &handling("next(turns) % 2 == 0").replacen("import threading", "import itertools, threading\nturns = itertools.count()", 1)),
            ("left.py", &side("right")),
            ("right.py", &side("left")),
            ("base.py", "NUMBER = 0"),
        ]);
        let stop = AtomicBool::new(false);
        let answered = AtomicUsize::new(0);
        let saved = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let earliest = saved.load(Ordering::SeqCst);
                        let value = app.ask().value;
                        let number = value.strip_prefix("4 and 4 of [").and_then(|rest| rest.strip_suffix(']'));
                        let number: usize = number.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("mixed: {value}"));
                        assert!(number >= earliest, "{number} after {earliest} was saved");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let begin = Instant::now();
            let mut number = 0;
            while begin.elapsed() < CROSSING {
                number += 1;
                let before = answered.load(Ordering::Relaxed);
                // Half of the saves take away what was saved before.
                let how = if number % 2 == 0 { Save::Rename } else { Save::InPlace };
                app.save(how, "base.py", &format!("NUMBER = {number}"));
                saved.store(number, Ordering::SeqCst);
                wait_for("requests to go on", || (answered.load(Ordering::Relaxed) > before).then_some(()));
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
    }

    /// P4: a request of an old generation imports a module for the first time after it was edited: it must not see half
    /// of the new generation.
    [prefork, event]
    fn a_late_import_by_an_old_generation(mpm) {
        let head = "
import c
first = []
def late():
    if not first:
        first.append(1)
        return c.V
    import late_c
    return '%s%s' % (late_c.V, 'same' if late_c.c is c else 'other')
";
        let app = App::start_for_two(mpm, &[
            ("h.py", &handler(head, "late()")),
            ("late_c.py", "import c\nV = c.V"),
            ("c.py", "V = 'old'"),
        ]);
        let held = Held::start(&app);
        app.edit("c.py", "V = 'new'");
        assert_eq!(app.ask().value, "new");
        assert_eq!(app.ask().value, "newsame");
        assert_eq!(held.finish().value, "old then oldsame");
        for _ in 0..4 {
            assert!(["new", "newsame"].contains(&app.ask().value.as_str()));
        }
    }

    /// Case 64: after one edit all of 64 children show it.
    [prefork, event]
    fn case_64_every_child_converges(mpm) {
        let app = App::start_with(Httpd::builder(mpm).children(if mpm.threaded() { 4 } else { 64 }), &[
            ("h.py", &handler("import c, d", "'%s %s' % (c.V, d.V)")),
            ("c.py", "V = 1"),
            ("d.py", "from c import V"),
        ]);
        converge(&app, "1 1");
        for value in 2..4 {
            app.edit("c.py", &format!("V = {value}"));
            converge(&app, &format!("{value} {value}"));
        }
    }

    /// Case 65: a child that is forked after five edits starts with the fifth, though its siblings have lived through all.
    [prefork, event]
    fn case_65_a_child_forked_after_edits(mpm) {
        let app = App::start_with(Httpd::builder(mpm).children(2).threads(2), &[
            ("h.py", &handler("import c, d", "'%s %s' % (c.V, d.V)")),
            ("c.py", "V = 0"),
            ("d.py", "from c import V"),
        ]);
        for value in 0..=5 {
            app.edit("c.py", &format!("V = {value}"));
            converge(&app, &format!("{value} {value}"));
        }
        let old = app.httpd.child_pids();
        for pid in &old {
            app.httpd.kill_child(*pid);
        }
        let young = wait_for("new children", || {
            let pids = app.httpd.child_pids();
            (pids.len() == old.len() && pids.iter().all(|pid| !old.contains(pid))).then_some(pids)
        });
        converge(&app, "5 5");
        app.edit("c.py", "V = 6");
        converge(&app, "6 6");
        assert_eq!(app.httpd.child_pids(), young);
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
    }

    /// Case 65: a graceful restart while a body of the new code runs: its request is answered with the new code, the old child
    /// goes, and the new one serves.
    [prefork, event]
    fn case_65_a_graceful_restart_in_a_reload(mpm) {
        let mut app = App::start(mpm, &[
            ("h.py", &handler("import c, d", "'%s %s' % (c.V, d.V)")),
            ("c.py", "V = 1"),
            ("d.py", "from c import V"),
        ]);
        let before = app.expect("1 1");
        for value in [2, 3, 4] {
            let mut gate = Gate::new();
            let old = app.ask();
            app.edit("c.py", &format!("{}\nV = {value}", gate.wait_statement()));
            let mut connection = app.httpd.connect();
            connection.send_request("GET", "/", &[("Connection", "close")], None).expect("the request is sent");
            gate.arrival();
            app.httpd.graceful();
            // The next generation's children run the body without anybody in their way.
            drop(gate);
            let answer = Answer::of(&connection.read_response(false).expect("the request is answered"));
            assert_eq!((answer.pid, &*answer.value), (old.pid, &*format!("{value} {value}")));
            wait_for("the old child to go", || (!app.httpd.child_pids().contains(&old.pid)).then_some(()));
            // Nobody listens at the gate any more.
            app.edit("c.py", &format!("V = {value}"));
            assert_ne!(app.expect(&format!("{value} {value}")).pid, before.pid);
        }
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
        for bad in ["exit signal", "panicked", "AH00052"] {
            assert!(app.httpd.log_lines(bad).is_empty(), "{}", app.httpd.log());
        }
        let group = app.httpd.parent_pid();
        assert!(app.httpd.stop().success());
        assert!(group_members(group).is_empty(), "nothing is left");
    }

    /// P10: children are killed at random moments of a storm of edits and requests, also in the middle of taking events from
    /// the kernel: the server goes on, and no edit is lost for those that stay.
    [prefork]
    fn children_killed_in_a_storm(mpm) {
        let app = App::start_with(Httpd::builder(mpm).children(CHILDREN), &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 0"),
        ]);
        let stop = AtomicBool::new(false);
        let answered = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        // A child that is killed takes its connection with it; an answer that comes is a good one.
                        let Ok(mut connection) = crate::support::Connection::open(app.httpd.port()) else { continue };
                        if let Ok(response) = connection.request("GET", "/", &[("Connection", "close")], None) {
                            Answer::of(&response).value.parse::<u32>().expect("a whole value");
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            for round in 1..=150 {
                app.save(Save::Rename, "c.py", &format!("V = {round}"));
                if round % 3 == 0
                    && let Some(pid) = app.httpd.child_pids().get(round % CHILDREN)
                {
                    app.httpd.kill_child(*pid);
                }
                let before = answered.load(Ordering::Relaxed);
                wait_for("an answer", || (answered.load(Ordering::Relaxed) > before).then_some(()));
            }
            stop.store(true, Ordering::Relaxed);
        });
        wait_for("all children to be there", || (app.httpd.child_pids().len() == CHILDREN).then_some(()));
        for value in ["'after'", "'after that'"] {
            app.edit("c.py", &format!("V = {value}"));
            converge(&app, value.trim_matches('\''));
        }
    }

    /// Case 66: a handler that forks, and multiprocessing by fork, leave the parent's view of edits alone.
    [prefork, event]
    fn case_66_forks_in_a_handler(mpm) {
        let head = forked("late", "'%s%s' % (c.V, late.V)") + "import c";
        let app = App::start(mpm, &[
            ("h.py", &handler(&head, "forked() + ' ' + str(c.V)")),
            ("c.py", "V = 1"),
            ("late.py", "V = 'x'"),
        ]);
        for value in 1..8 {
            app.edit("c.py", &format!("V = {value}"));
            let answer = app.expect(&format!("{value}x {value}"));
            assert!(!answer.runs.contains(&"late".to_owned()), "what the copy loads is the copy's");
        }
    }

    /// Case 66: multiprocessing by fork, with a function of a managed module.
    [prefork, event]
    fn case_66_multiprocessing(mpm) {
        let head = "
import multiprocessing, work
def pooled():
    context = multiprocessing.get_context('fork')
    queue = context.SimpleQueue()
    process = context.Process(target=work.put, args=(queue, 20))
    process.start()
    value = queue.get()
    process.join()
    return '%s %s' % (value, process.exitcode)
";
        let body = |factor: u32| format!("import c\ndef put(queue, n):\n    queue.put(n * {factor} * c.V)");
        let app = App::start(mpm, &[("h.py", &handler(head, "pooled()")), ("work.py", &body(1)), ("c.py", "V = 1")]);
        app.expect("20 0");
        app.edit("work.py", &body(2));
        app.expect("40 0");
        app.edit("c.py", "V = 3");
        app.expect("120 0");
    }

    /// Case 66: a process is forked while another thread is in the middle of loading the module that the copy imports.
    [worker, event]
    fn case_66_a_fork_while_another_thread_loads(mpm) {
        let mut gate = Gate::new();
        let loaded = "import sys\nsys._server = os.getpid()\ndef loaded():\n    import slow\n    return slow.V";
        let head = forked("slow", "'in the copy ' + slow.V") + loaded;
        let handling = handler(&head, "loaded()")
            .replace("value = str(_value())\n", "value = forked() if req.args else str(_value())\n");
        let wait = gate.wait_statement().replace('\n', "\n    ");
        let slow = format!("import os, sys\nif os.getpid() == sys._server:\n    {wait}\nV = 'slow'");
        let app = App::start(mpm, &[("h.py", &handling), ("slow.py", &slow)]);
        let mut connection = app.httpd.connect();
        connection.send_request("GET", "/", &[("Connection", "close")], None).expect("the request is sent");
        gate.arrival();
        for _ in 0..5 {
            assert_eq!(app.ask_at("/?fork").value, "in the copy slow");
        }
        drop(gate);
        assert_eq!(Answer::of(&connection.read_response(false).expect("an answer")).value, "slow");
    }

    /// Case 66: processes are forked while other threads compare, build and publish; the copies import, and none hangs.
    [worker, event]
    fn case_66_forks_while_others_build(mpm) {
        let head = forked("late", "'%s %s' % (c.V, late.V)") + "import c";
        let app = App::start(mpm, &[
            ("h.py", &handler(&head, "forked()")),
            ("c.py", "V = 0"),
            ("late.py", "import c\nV = c.V"),
        ]);
        app.expect("0 0");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..40 {
                        let answer = app.ask().value;
                        let (first, second) = answer.split_once(' ').expect("two values");
                        assert_eq!(first, second, "a copy has one generation");
                    }
                });
            }
            for value in 1..=60 {
                app.edit("c.py", &format!("V = {value}"));
                app.expect(&format!("{value} {value}"));
            }
        });
    }
}
