//! P2 and P5: one edit, and many requests at the same moment.

use std::{collections::BTreeMap, sync::Barrier, thread};

use crate::{
    app::{Answer, App, handler},
    support::{Httpd, mpm_tests, wait_for},
};

/// The number of requests that run at once.
const REQUESTS: usize = 200;

/// Has every child answer once, and returns their answers by process id.
fn warm(app: &App) -> BTreeMap<i32, Answer> {
    let children = app.httpd.child_pids();
    // A child with an open connection leaves the next one to another child, at once (prefork) or soon (event).
    let mut open = Vec::new();
    let mut answers = BTreeMap::new();
    wait_for("every child to answer", || {
        let mut connection = app.httpd.connect();
        let answer = Answer::of(&connection.get("/").expect("the handler answers"));
        open.push(connection);
        answers.entry(answer.pid).or_insert(answer);
        (answers.len() == children.len()).then_some(())
    });
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), children);
    answers
}

mpm_tests! {
    [prefork, event]
    fn p5_one_edit_runs_once_for_two_hundred_parallel_requests(mpm) {
        let builder = if mpm.threaded() {
            Httpd::builder(mpm).children(2).threads(16)
        } else {
            Httpd::builder(mpm).children(4)
        };
        let app = App::start_with(builder, &[
            ("h.py", &handler("import a, b, base", "'%d %d %d' % (base.V, a.V, b.V)")),
            ("a.py", "from base import V"),
            ("b.py", "from base import V"),
            ("base.py", "V = 1"),
        ]);
        let before = warm(&app);
        assert!(before.values().all(|answer| answer.value == "1 1 1"));

        app.edit("base.py", "V = 2");
        let barrier = Barrier::new(REQUESTS);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let requests: Vec<_> = (0..REQUESTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut connection = app.httpd.connect();
                        barrier.wait();
                        let close = [("Connection", "close")];
                        connection.request("GET", "/", &close, None)
                    })
                })
                .collect();
            requests
                .into_iter()
                .map(|request| {
                    let response = request.join().expect("the client does not panic");
                    Answer::of(&response.expect("the handler answers"))
                })
                .collect()
        });

        for answer in &answers {
            assert_eq!(answer.value, "2 2 2");
            let earlier = before.get(&answer.pid).expect("no child was replaced");
            assert_eq!(answer.sorted_runs_after(earlier), ["a", "b", "base", "h"]);
        }
        assert_eq!(app.httpd.child_pids(), before.keys().copied().collect::<Vec<_>>());
    }
}
