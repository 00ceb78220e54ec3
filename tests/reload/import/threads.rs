//! P4, P5 and P10: requests and threads that import at the same moment.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    app::{Answer, App, Held, handler},
    support::{Httpd, Save, mpm_tests, wait_for},
};

/// How long requests cross each other's imports.
const CROSSING: Duration = Duration::from_secs(4);

mpm_tests! {
    /// P5: twenty requests import a module at once that is not loaded yet. Its body runs once.
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

    /// Requests import in opposite orders, again and again, while edits go on.
    [event, worker]
    fn p10_late_imports_that_cross_end(mpm) {
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
            // The handler is edited too, so that the imports in its function have not run yet.
            app.edit("h.py", &handler(&format!("{head}\nROUND = {round}"), "both(next_order())"));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| app.expect(&format!("({round}, {round})")));
                }
            });
        }
    }

    /// For several seconds requests import in opposite orders, in bodies, in functions and in their own threads, while one edit
    /// follows the other. Every request is answered, with one generation.
    [prefork, worker, event]
    fn p10_imports_in_opposite_orders_end(mpm) {
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
            // The number of the request decides the order of the imports.
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
                // Every other save replaces the file by a rename.
                let how = if number % 2 == 0 { Save::Rename } else { Save::InPlace };
                app.save(how, "base.py", &format!("NUMBER = {number}"));
                saved.store(number, Ordering::SeqCst);
                wait_for("requests to go on", || (answered.load(Ordering::Relaxed) > before).then_some(()));
            }
            stop.store(true, Ordering::Relaxed);
        });
        app.expect_failures(0);
    }

    /// P4: a request of an old generation imports a module for the first time after its edit. It sees no part of the new
    /// generation.
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
}
