//! Threads that handlers start.

use crate::support::{Served, group_members, mpm_tests, wait_for};

const CODE: &str = "
import atexit, concurrent.futures, time

def fine(req):
    passed(req)

def daemon(req):
    def work():
        while True:
            sum(range(1000))
    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    passed(req)

def waiting(req):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    passed(req)

def ending(req):
    def work():
        time.sleep(0.2)
        apache.log_error('the thread came to its end')
    # A thread of httpd counts as a daemon, and what it starts would too.
    threading.Thread(target=work, daemon=False).start()
    passed(req)

def endless(req):
    threading.Thread(target=threading.Event().wait, daemon=False).start()
    passed(req)

def at_exit(req):
    atexit.register(apache.log_error, 'atexit was run')
    apache.register_cleanup(apache.log_error, 'the cleanup of the child was run')
    passed(req)

def failing(req):
    def work():
        raise ValueError('in a thread')
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    passed(req)

local = threading.local()
def pool(req):
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        eq(list(executor.map(lambda n: n * n, range(100))), [n * n for n in range(100)])
    local.count = getattr(local, 'count', 0) + 1
    passed(req)
";

mpm_tests! {
    [prefork, worker, event]
    fn daemon_threads_do_not_hold_up_the_end(mpm) {
        let mut served = Served::start(mpm, CODE);
        served.check("/daemon");
        served.check("/waiting");
        for _ in 0..5 {
            served.check("/fine");
        }
        let parent = served.httpd.parent_pid();
        assert!(served.httpd.stop().success());
        assert_eq!(group_members(parent), []);
    }

    [prefork, worker, event]
    fn other_threads_are_waited_for_and_atexit_is_run(mpm) {
        let mut served = Served::start(mpm, CODE);
        served.check("/at_exit");
        served.check("/ending");
        assert!(served.httpd.graceful_stop().success());
        for line in ["the thread came to its end", "atexit was run", "the cleanup of the child was run"] {
            assert_eq!(served.httpd.log_lines(line).len(), 1, "{line}");
        }
    }

    [prefork, worker, event]
    fn a_thread_without_end_is_left_after_the_deadline(mpm) {
        let mut served = Served::start(mpm, CODE);
        served.check("/endless");
        served.check("/fine");
        let parent = served.httpd.parent_pid();
        assert!(served.httpd.stop().success());
        assert_eq!(group_members(parent), []);
    }

    [prefork, worker, event]
    fn threads_that_fail_and_pools_of_threads(mpm) {
        let served = Served::start(mpm, CODE);
        let children = served.httpd.child_pids();
        for _ in 0..3 {
            served.check("/failing");
            served.check("/pool");
        }
        wait_for("the report of the failing thread", || {
            served.httpd.output().contains("ValueError: in a thread").then_some(())
        });
        assert_eq!(served.httpd.child_pids(), children);
    }

    [prefork, worker, event]
    fn threads_of_python_survive_a_graceful_restart(mpm) {
        let mut served = Served::start(mpm, CODE);
        for _ in 0..3 {
            served.check("/daemon");
            served.httpd.graceful();
            served.check("/fine");
        }
    }
}
