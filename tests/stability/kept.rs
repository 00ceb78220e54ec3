//! Requests that code keeps beyond their end, or passes to another thread.

use crate::support::{Served, mpm_tests, wait_for};

const CODE: &str = "
import queue

kept = []

# What the methods of a request need at least.
ARGUMENTS = {
    'add_input_filter': ('name',), 'add_output_filter': ('name',), 'allow_methods': (['GET'],), 'construct_url': ('/x',),
    'internal_redirect': ('/x',), 'log_error': ('x',), 'register_cleanup': (print,), 'sendfile': ('/etc/passwd',),
    'set_content_length': (5,), 'ssl_var_lookup': ('HTTPS',), 'update_mtime': (1.0,), 'write': ('x',),
}

def refused(req):
    # The client may be back before httpd has put the old request away; then another thread is refused.
    message = str(raises(RuntimeError, lambda: req.uri))
    return 'ended' in message or 'thread' in message

def keep(req):
    req.mine = 5
    kept[:] = [req, req.headers_in, req.connection, req.finfo, req.server, req.hlist, iter(req.headers_in), req.get_options(),
               req.write, req.notes]
    passed(req)

def use(req):
    old, headers, connection, finfo, server, hlist, iterator, options, write, notes = kept
    assert refused(old)
    eq(old.mine, 5)
    for name in dir(type(old)):
        if name.startswith('__') or name == 'form':
            continue
        # Complete arguments: the call must get as far as the lease, and no other error counts as a refusal.
        try:
            value = getattr(old, name)
            if callable(value):
                value(*ARGUMENTS.get(name, ()))
        except RuntimeError as error:
            assert 'ended' in str(error) or 'thread' in str(error), (name, error)
            continue
        raise AssertionError('%s works after the end of its request' % name)
    assert ARGUMENTS.keys() <= set(dir(type(old)))
    for action in (
        lambda: old.write('x'), lambda: old.write('x', 0), lambda: write(b'x'), old.read, old.readline, old.flush,
        lambda: old.sendfile('/etc/passwd'), lambda: old.register_cleanup(print), lambda: setattr(old, 'user', 'x'),
        lambda: setattr(old, 'finfo', finfo), lambda: old.internal_redirect('/x'), lambda: old.log_error('x'),
        lambda: headers['a'], lambda: headers.get('a'), lambda: len(headers), lambda: list(headers), lambda: next(iterator),
        lambda: headers.add('a', 'b'), lambda: headers.copy(), lambda: dict(headers), lambda: notes.clear(), lambda: repr(headers),
        lambda: connection.client_ip, lambda: setattr(connection, 'keepalive', 1), lambda: connection.notes['x'], lambda: finfo.size,
    ):
        raises(RuntimeError, action)
    server.server_hostname, hlist.handler, options.items(), repr(old), hash(old), old == req
    assert old is not req
    kept.clear()
    passed(req)

def in_thread(req):
    answers = queue.Queue()
    def work():
        for action in (lambda: req.uri, lambda: req.write('x'), lambda: req.headers_in['host'], lambda: req.read(),
                       lambda: req.connection, lambda: req.register_cleanup(print)):
            try:
                answers.put(('no error', action()))
            except RuntimeError as error:
                answers.put((None, str(error)))
            except BaseException as error:
                answers.put(('wrong error', error))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    while not answers.empty():
        problem, detail = answers.get()
        assert problem is None and 'thread' in detail, (problem, detail)
    passed(req)

released = threading.Event()
results = queue.Queue()
def give_away(req):
    def work():
        released.wait()
        for action in (lambda: req.uri, lambda: req.write('x'), lambda: req.headers_in['host']):
            try:
                results.put('%r' % action())
            except RuntimeError as error:
                results.put(error)
        results.put(None)
    released.clear()
    threading.Thread(target=work, daemon=True).start()
    passed(req)
def fetch(req):
    released.set()
    errors = list(iter(lambda: results.get(timeout=30), None))
    assert len(errors) == 3 and all(isinstance(error, RuntimeError) for error in errors), errors
    passed(req)

def suspended(req):
    def parts():
        try:
            yield 1
        finally:
            results.put(refused(req))
    generator = parts()
    next(generator)
    kept[:] = [generator]
    passed(req)
def resume(req):
    kept.clear()
    assert results.get(timeout=30)
    passed(req)

class Holder:
    def __del__(self):
        try:
            results.put(self.req.uri)
        except RuntimeError:
            results.put('ended')
def finalizer(req):
    holder = Holder()
    holder.req = req
    req.holder = holder
    passed(req)
def finalized(req):
    import gc
    gc.collect()
    try:
        req.write(results.get_nowait(), 0)
    except queue.Empty:
        req.write('not yet', 0)
";

mpm_tests! {
    [prefork, worker, event]
    fn a_request_in_a_global_is_refused_and_harmless(mpm) {
        let served = Served::start(mpm, CODE);
        for _ in 0..3 {
            served.check("/keep");
            served.check("/use");
        }
    }

    [prefork, worker, event]
    fn a_request_belongs_to_its_thread(mpm) {
        let served = Served::start(mpm, CODE);
        for _ in 0..3 {
            served.check("/in_thread");
            served.check("/give_away");
            served.check("/fetch");
        }
    }

    [prefork, worker, event]
    fn generators_and_finalizers_that_outlive_the_request(mpm) {
        let served = Served::start(mpm, CODE);
        for _ in 0..3 {
            served.check("/suspended");
            served.check("/resume");
            served.check("/finalizer");
            // The request may still be ending, and cannot be collected before.
            let seen = wait_for("the finalizer", || {
                Some(served.get("/finalized")).filter(|response| response.ok() != "not yet")
            });
            assert!(["/finalizer", "ended"].contains(&seen.text()), "{}", seen.text());
        }
    }
}
