//! Handlers that fork.

use crate::support::{Served, group_members, mpm_tests, wait_for};

const CODE: &str = "
import multiprocessing, subprocess

def fine(req):
    passed(req)

def with_exit(req):
    child = os.fork()
    if child == 0:
        os._exit(7)
    eq(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
    passed(req)

def falling_back(req):
    req.write('before ', 0)
    child = os.fork()
    if child == 0:
        req.write('by the copy', 0)
        return apache.OK
    os.waitpid(child, 0)
    req.write('after', 0)

def flushing_copy(req):
    req.write('before ')
    child = os.fork()
    if child == 0:
        raise ValueError('in the copy')
    os.waitpid(child, 0)
    req.write('after', 0)

def leaving_copy(req):
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    passed(req)

def cleanup_in_copy(req):
    req.register_cleanup(apache.log_error, 'the cleanup of the request')
    child = os.fork()
    if child == 0:
        return apache.OK
    os.waitpid(child, 0)
    passed(req)

def program(req):
    eq(subprocess.run(['/bin/echo', 'text'], stdout=subprocess.PIPE).stdout, b'text\\n')
    eq(os.system('true'), 0)
    passed(req)

def processes(req):
    process = multiprocessing.get_context('fork').Process(target=os.getpid)
    process.start()
    process.join()
    eq(process.exitcode, 0)
    passed(req)
";

mpm_tests! {
    [prefork, worker, event]
    fn a_copy_never_answers_in_place_of_the_child(mpm) {
        let served = Served::start(mpm, CODE);
        let children = served.httpd.child_pids();
        for _ in 0..3 {
            served.check("/with_exit");
            served.check("/leaving_copy");
            assert_eq!(served.get("/falling_back").ok(), "before after");
            assert_eq!(served.get("/flushing_copy").ok(), "before after");
            served.check("/cleanup_in_copy");
            served.check("/fine");
        }
        assert_eq!(served.httpd.child_pids(), children);
        wait_for("the copies to be gone", || {
            (group_members(served.httpd.parent_pid()).len() == children.len() + 1).then_some(())
        });
        assert_eq!(served.httpd.log_lines("the cleanup of the request").len(), 3);
    }

    [prefork, worker, event]
    fn other_programs_and_processes(mpm) {
        let mut served = Served::start(mpm, CODE);
        let children = served.httpd.child_pids();
        for _ in 0..3 {
            served.check("/program");
            served.check("/processes");
        }
        assert_eq!(served.httpd.child_pids(), children);
        let parent = served.httpd.parent_pid();
        served.httpd.stop();
        assert_eq!(group_members(parent), []);
    }
}
