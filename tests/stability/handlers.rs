//! Handlers that fail in every way that Python knows.

use crate::support::{Served, mpm_tests, wait_for};

const CODE: &str = "
import gc, signal, socket, stat
from mod_python import apache

def fine(req):
    passed(req)
def error(req):
    raise ValueError('on purpose')
def leave(req):
    sys.exit(3)
def leave_text(req):
    sys.exit('good bye')
def interrupt(req):
    raise KeyboardInterrupt
def out_of_memory(req):
    raise MemoryError
def generator_exit(req):
    raise GeneratorExit
class Own(BaseException):
    def __str__(self):
        raise RuntimeError('no text')
def own(req):
    raise Own
def endless(req):
    return endless(req)
class Deep:
    def __getattr__(self, name):
        return getattr(self, name + 'x')
def endless_lookup(req):
    return Deep().x
def wrong_type(req):
    return 'OK'
def unprintable(req):
    raise ValueError('\\ud800\\x00' * 100000)
def unflushed(req):
    req.write('not seen', 0)
    raise ValueError('on purpose')
def stop_iteration(req):
    raise StopIteration(5)
def cause(req):
    try:
        raise KeyError('first')
    except KeyError as error:
        raise ValueError('second') from error
def cyclic(req):
    error = ValueError('cyclic')
    error.__cause__ = error.__context__ = error
    raise error
";

/// The functions whose response is a 500.
const FAILING: [&str; 15] = [
    "error",
    "leave",
    "leave_text",
    "interrupt",
    "out_of_memory",
    "generator_exit",
    "own",
    "endless",
    "endless_lookup",
    "wrong_type",
    "unprintable",
    "unflushed",
    "stop_iteration",
    "cause",
    "cyclic",
];

mpm_tests! {
    [prefork, worker, event]
    fn no_exception_ends_a_child(mpm) {
        for debug in ["On", "Off"] {
            let served = Served::start_with(crate::support::Httpd::builder(mpm), &format!("PythonDebug {debug}"), CODE);
            let children = served.httpd.child_pids();
            for name in FAILING {
                let response = served.get(&format!("/{name}"));
                assert_eq!(response.status, 500, "{name} with PythonDebug {debug}");
                assert!(!String::from_utf8_lossy(&response.body).contains("not seen"));
                served.check("/fine");
            }
            assert_eq!(served.httpd.child_pids(), children);
        }
    }

    [prefork, worker, event]
    fn a_handler_may_close_what_is_not_its_own(mpm) {
        let served = Served::start(
            mpm,
            "
import socket
def fine(req):
    passed(req)
def standard(req):
    for number in (0, 1, 2):
        os.close(number)
    passed(req)
def own_socket(req):
    address = req.connection.client_addr
    for name in os.listdir('/proc/self/fd'):
        try:
            with socket.socket(fileno=os.dup(int(name))) as candidate:
                if candidate.getpeername() == address:
                    os.close(int(name))
        except OSError:
            pass
    req.write('nobody gets this')
",
        );
        let children = served.httpd.child_pids();
        served.check("/standard");
        for _ in 0..3 {
            // In a child with threads another connection may get the descriptor's number at once, and the response with it.
            let mut connection = served.connect();
            let response = connection.get("/own_socket");
            assert!(response.is_err() || mpm.threaded(), "an answer came through a closed socket: {response:?}");
            drop(connection);
            wait_for("an answer", || {
                let close = [("Connection", "close")];
                let response = served.connect().request("GET", "/fine", &close, None);
                response.is_ok_and(|response| response.body == b"passed").then_some(())
            });
        }
        served.check("/fine");
        // A prefork child may end by itself when its connection is closed under it, but no child ends by a signal.
        if mpm.threaded() {
            assert_eq!(served.httpd.child_pids(), children);
        }
    }

    [prefork, worker, event]
    fn a_killed_child_is_replaced(mpm) {
        let served = Served::start(
            mpm,
            "
import signal
def fine(req):
    passed(req)
def kill(req):
    os.kill(os.getpid(), signal.SIGKILL)
",
        );
        for _ in 0..2 {
            let before = served.httpd.child_pids();
            let mut connection = served.connect();
            assert!(connection.get("/kill").is_err(), "a killed child answered");
            wait_for("another child", || {
                let now = served.httpd.child_pids();
                (!now.is_empty() && now.iter().all(|pid| !before.contains(pid))).then_some(())
            });
            served.check("/fine");
        }
    }

    [prefork, worker, event]
    fn cycles_with_the_request_are_collected(mpm) {
        let served = Served::start(
            mpm,
            "
import gc, weakref
class X:
    pass
seen = []
def cycle(req):
    x = X()
    x.req, req.x = req, x
    seen.append(weakref.ref(x))
    passed(req)
def collected(req):
    gc.collect()
    eq(len(seen), 5)
    req.write(str(sum(reference() is not None for reference in seen)), 0)
",
        );
        for _ in 0..5 {
            served.check("/cycle");
        }
        // The last request may still be ending when its client has the response.
        wait_for("all requests to be collected", || (served.get("/collected").ok() == "0").then_some(()));
    }
}
