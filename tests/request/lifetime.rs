//! `register_cleanup`, of requests, servers and children.

use crate::support::{Served, mpm_tests, wait_for};

mpm_tests! {
    [prefork, event]
    fn cleanups_run_last_first_after_the_response(mpm) {
        let served = Served::start(
            mpm,
            "
seen = []
def page(req):
    req.register_cleanup(seen.append, 1)
    req.register_cleanup(lambda *given: seen.append(given), (2, 3))
    req.register_cleanup(lambda given: seen.append(given))
    req.register_cleanup(1 .__truediv__, 0)
    req.register_cleanup(callable=later, data=req)
    for wrong in (5, None, 'x'):
        raises(ValueError, req.register_cleanup, wrong)
    passed(req)
def later(req):
    seen.append((req.uri, req.phase, req.mine))
    req.register_cleanup(seen.append, 'nested')
    raises(OSError, req.write, 'x')
    eq(req.read(), b'')
def registering(req):
    req.mine = 'kept'
    return page(req)
def result(req):
    req.write(repr(seen), 0)
    seen.clear()
",
        );
        for _ in 0..2 {
            assert_eq!(served.get("/registering").ok(), "passed");
            let expected = "[('/registering', None, 'kept'), 'nested', None, (2, 3), 1]";
            let mut last = String::new();
            wait_for("all the cleanups", || {
                last.push_str(served.get("/result").ok());
                last = last.replace("][", ", ").replace("[, ", "[").replace(", ]", "]");
                (last == expected || last == format!("[]{expected}")).then_some(())
            });
        }
        assert_eq!(served.httpd.log_lines("ZeroDivisionError").len(), 2, "{}", served.httpd.log());
    }

    [prefork, event]
    fn a_failed_request_is_cleaned_up_too(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.register_cleanup(apache.log_error, 'the cleanup of the failed request')
    raise ValueError('on purpose')
",
        );
        assert_eq!(served.get("/page").status, 500);
        wait_for("the cleanup", || {
            (served.httpd.log_lines("the cleanup of the failed request").len() == 1).then_some(())
        });
    }

    [prefork, event]
    fn cleanups_of_the_child_run_at_its_end(mpm) {
        let mut served = Served::start(
            mpm,
            "
def page(req):
    apache.register_cleanup(apache.log_error, 'the child ends')
    apache.register_cleanup(lambda: apache.log_error('never called like this'), 5)
    req.server.register_cleanup(req, apache.log_error, 'the server ends')
    raises(ValueError, apache.register_cleanup, 5)
    raises(ValueError, req.server.register_cleanup, 5, print)
    raises(ValueError, req.server.register_cleanup, req, 5)
    passed(req)
",
        );
        served.check("/page");
        assert!(served.httpd.log_lines("the child ends").is_empty());
        assert!(served.httpd.stop().success());
        for line in ["the child ends", "the server ends", "TypeError"] {
            assert!(!served.httpd.log_lines(line).is_empty(), "{line}: {}", served.httpd.log());
        }
        assert!(served.httpd.log_lines("never called like this").is_empty());
    }

    [prefork, event]
    fn a_cleanup_keeps_what_it_needs_alive(mpm) {
        let served = Served::start(
            mpm,
            "
class Tracked:
    def __del__(self):
        apache.log_error('the tracked object is gone')
def page(req):
    tracked = Tracked()
    req.register_cleanup(lambda: apache.log_error('cleanup with %s' % type(tracked).__name__), ())
    passed(req)
",
        );
        served.check("/page");
        wait_for("the object's end", || {
            (!served.httpd.log_lines("the tracked object is gone").is_empty()).then_some(())
        });
        let log = served.httpd.log();
        let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text} in {log}"));
        assert!(at("cleanup with Tracked") < at("the tracked object is gone"));
    }
}
