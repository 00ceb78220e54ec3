//! P1, P4 and P10: copies of a child: a handler that forks, and multiprocessing.

use std::thread;

use crate::{
    app::{Answer, App, Gate, handler},
    support::mpm_tests,
};

/// The function `forked`: it forks, the copy imports a module, and the function returns what the copy says.
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
    /// A handler forks. The copy has the handler's generation, and the parent still sees edits.
    [prefork, event]
    fn p4_forks_in_a_handler_have_its_generation(mpm) {
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

    /// multiprocessing forks and calls a function of a managed module.
    [prefork, event]
    fn p1_multiprocessing_runs_what_was_saved(mpm) {
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
        app.edit_gives(&[
            ("work.py", &body(2), "40 0"),
            ("c.py", "V = 3", "120 0"),
        ]);
    }

    /// A process is forked while another thread loads the module that the copy imports.
    [worker, event]
    fn p10_a_fork_does_not_wait_for_a_thread_that_loads(mpm) {
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

    /// P10: processes are forked while other threads compare, build and publish. The copies import, and none hangs.
    [worker, event]
    fn p4_forks_while_others_build_have_one_generation(mpm) {
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
