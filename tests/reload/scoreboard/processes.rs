//! P1 and P10: many children, and children that start and end.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crate::{
    app::{Answer, App, Gate, handler},
    support::{Connection, Httpd, Save, group_members, mpm_tests, wait_for},
};

/// How many children the storm has.
const CHILDREN: usize = 8;

/// Asks until every live child has given this value.
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

mpm_tests! {
    /// After one edit all of 64 children show it.
    [prefork, event]
    fn p1_every_child_converges(mpm) {
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

    /// A child that is forked after five edits serves the fifth, as its siblings do that have seen all of them.
    [prefork, event]
    fn p1_a_child_forked_after_edits_starts_with_the_last(mpm) {
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
        app.expect_failures(0);
    }

    /// httpd restarts gracefully while a body of the new code runs. The request gets the new code, the old child ends, and the
    /// new child serves.
    [prefork, event]
    fn p10_a_graceful_restart_meets_a_reload(mpm) {
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
            // The new child runs the body too, and must not wait at the gate.
            drop(gate);
            let answer = Answer::of(&connection.read_response(false).expect("the request is answered"));
            assert_eq!((answer.pid, &*answer.value), (old.pid, &*format!("{value} {value}")));
            wait_for("the old child to go", || (!app.httpd.child_pids().contains(&old.pid)).then_some(()));
            // The gate is gone, so the body must not connect to it any more.
            app.edit("c.py", &format!("V = {value}"));
            assert_ne!(app.expect(&format!("{value} {value}")).pid, before.pid);
        }
        app.expect_failures(0);
        for bad in ["exit signal", "panicked", "AH00052"] {
            assert!(app.httpd.log_lines(bad).is_empty(), "{}", app.httpd.log());
        }
        let group = app.httpd.parent_pid();
        assert!(app.httpd.stop().success());
        assert!(group_members(group).is_empty(), "nothing is left");
    }

    /// P10: children are killed at random moments of a storm of edits and requests, also while they read events from the
    /// kernel. The server goes on, and the other children lose no edit.
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
                        // A killed child breaks its connection. Each answer that arrives is whole.
                        let Ok(mut connection) = Connection::open(app.httpd.port()) else { continue };
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
}
