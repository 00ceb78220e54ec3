//! Several handlers on one request, and the ways to name them.

use crate::support::{Httpd, Mpm, Site, module, mpm_tests, wait_for};

/// Serves a module with these lines of configuration.
fn serve(mpm: Mpm, conf: &str, code: &str) -> (Site, Httpd) {
    let site = Site::with(&[("tested.py", &module(code)), ("note.txt", "plain text")]);
    let httpd = Httpd::builder(mpm).site(&site, &format!("SetHandler mod_python\n{conf}")).start();
    (site, httpd)
}

/// Each handler leaves a mark, and ends as its name says.
const MARKS: &str = "
def mark(result):
    def handler(req):
        req.write('%s(%s) ' % (req.hlist.handler.split('::')[1], req.phase), 0)
        if isinstance(result, BaseException):
            raise result
        return result
    return handler
a = mark(apache.OK)
b = mark(apache.OK)
done = mark(apache.DONE)
forbid = mark(apache.HTTP_FORBIDDEN)
decline = mark(apache.DECLINED)
raise_ok = mark(apache.SERVER_RETURN(apache.OK))
raise_done = mark(apache.SERVER_RETURN(apache.DONE))
";

const A: &str = "a(PythonHandler) ";
const B: &str = "b(PythonHandler) ";

mpm_tests! {
    [prefork, event]
    fn every_handler_of_the_list_runs(mpm) {
        let (_site, httpd) = serve(mpm, "PythonHandler tested::a tested::b\nPythonHandler tested::a", MARKS);
        assert_eq!(httpd.get("/").ok(), format!("{A}{B}{A}"));
    }

    [prefork, event]
    fn server_return_of_ok_goes_on(mpm) {
        let (_site, httpd) = serve(mpm, "PythonHandler tested::a tested::raise_ok tested::b", MARKS);
        assert_eq!(httpd.get("/").ok(), format!("{A}raise_ok(PythonHandler) {B}"));
    }

    [prefork, event]
    fn done_ends_the_list(mpm) {
        let (_site, httpd) = serve(mpm, "PythonHandler tested::a tested::done tested::b", MARKS);
        assert_eq!(httpd.get("/").ok(), format!("{A}done(PythonHandler) "));
        let (_site, httpd) = serve(mpm, "PythonHandler tested::raise_done tested::b", MARKS);
        assert_eq!(httpd.get("/").ok(), "raise_done(PythonHandler) ");
    }

    [prefork, event]
    fn an_error_ends_the_list_and_takes_the_output_back(mpm) {
        let (_site, httpd) = serve(mpm, "PythonHandler tested::a tested::forbid tested::b", MARKS);
        let response = httpd.get("/");
        assert_eq!(response.status, 403);
        assert!(!response.text().contains("PythonHandler"), "{}", response.text());
    }

    [prefork, event]
    fn a_handler_that_declines_ends_the_list_and_httpd_serves_the_file(mpm) {
        let (_site, httpd) = serve(
            mpm,
            "PythonHandler tested::quiet tested::b",
            "
quiet = lambda req: apache.DECLINED
def b(req):
    raise RuntimeError('the second handler ran')
",
        );
        assert_eq!(httpd.get("/note.txt").ok(), "plain text");
        assert!(!httpd.log().contains("the second handler ran"));
    }

    [prefork, event]
    fn a_phase_is_what_it_was_after_another_request_ran_inside_it(mpm) {
        let code = "
def shown(req):
    return (req.phase, req.hlist.handler, req.hlist.directory is not None, req.extension, req.interpreter)
def first(req):
    return apache.OK
def second(req):
    before, hlist = shown(req), req.hlist
    eq(before[:2], ('PythonHandler', 'tested::second'))
    eq(before[3], '.out')
    req.internal_redirect('/inner.in')
    eq(shown(req), before)
    assert req.hlist is hlist
    return apache.OK
def third(req):
    eq(shown(req)[:2], ('PythonHandler', 'tested::third'))
    req.log_error('the third handler has its own phase')
    return apache.OK
def inner(req):
    eq(shown(req)[:2], ('PythonHandler', 'tested::inner'))
    eq(shown(req)[3], '.in')
    outer = req.prev
    eq(shown(outer)[:2], ('PythonHandler', 'tested::second'))
    eq(shown(outer)[3], '.out')
    req.write('inner', 0)
    return apache.OK
";
        let lines = "PythonHandler tested::first tested::second tested::third | .out\nPythonHandler tested::inner | .in";
        let (_site, httpd) = serve(mpm, lines, code);
        assert_eq!(httpd.get("/page.out").ok(), "inner");
        // The inner request ends the response, so what runs after it can only be seen in the log.
        let lines = || httpd.log_lines("the third handler has its own phase");
        wait_for("the third handler", || Some(lines()).filter(|lines| !lines.is_empty()));
    }

    [prefork, event]
    fn objects_of_every_kind(mpm) {
        let code = "
import functools
def write(req, text):
    req.write(text + ' ', 0)
    return apache.OK
class Instance:
    def __call__(self, req):
        return write(req, 'instance')
    def method(self, req):
        return write(req, 'bound')
instance = Instance()
shortcut = lambda req: write(req, 'lambda')
partial = functools.partial(write, text='partial')
class K:
    def __init__(self, req):
        self.req = req
    def method(self, req):
        assert self.req is req
        return write(req, 'K')
    class N:
        def __init__(self, req):
            self.req = req
        def method(self, req):
            assert self.req is req
            return write(req, 'K.N')
    @staticmethod
    def static(req):
        return write(req, 'static')
    @classmethod
    def of_class(cls, req):
        return write(req, cls.__name__)
def handler(req):
    return write(req, 'default')
";
        let names = "tested tested::instance tested::instance.method tested::shortcut tested::partial tested::K.method \
                     tested::K.N.method tested::K.static tested::K.of_class";
        let (_site, httpd) = serve(mpm, &format!("PythonHandler {names}\nPythonDebug On"), code);
        assert_eq!(httpd.get("/").ok(), "default instance bound lambda partial K K.N static K ");
    }

    [prefork, event]
    fn a_class_itself_is_no_handler(mpm) {
        let (_site, httpd) = serve(
            mpm,
            "PythonHandler tested::K",
            "
class K:
    def __init__(self, req):
        pass
",
        );
        assert_eq!(httpd.get("/").status, 500);
        assert!(!httpd.log_lines("not K").is_empty(), "{}", httpd.log());
    }

    [prefork, event]
    fn python_program_is_an_older_name(mpm) {
        let site = Site::with(&[("tested.py", &module(MARKS))]);
        let httpd = Httpd::builder(mpm).site(&site, "SetHandler python-program\nPythonHandler tested::a").start();
        assert_eq!(httpd.get("/").ok(), A);
    }

    [prefork, event]
    fn set_handler_without_a_handler_leaves_files_to_httpd(mpm) {
        let (_site, httpd) = serve(mpm, "", "");
        assert_eq!(httpd.get("/note.txt").ok(), "plain text");
        assert_eq!(httpd.get("/nothing").status, 404);
    }

    [prefork, event]
    fn the_handler_list_tells_what_runs(mpm) {
        let (site, httpd) = serve(
            mpm,
            "PythonHandler tested::first tested::second\nPythonDebug On",
            "
def first(req):
    hlist = req.hlist
    eq((hlist.handler, hlist.directory, hlist.is_location, hlist.silent),
       ('tested::first', req.document_root() + '/', False, False))
    assert 'tested::first' in repr(hlist)
    return apache.OK
def second(req):
    hlist = req.hlist
    eq(hlist.handler, 'tested::second')
    hlist.next()
    eq((hlist.handler, hlist.directory), (None, None))
    hlist.next()
    eq(hlist.handler, None)
    raises(AttributeError, setattr, hlist, 'handler', 'x')
    passed(req)
    return apache.OK
",
        );
        assert_eq!(httpd.get("/").ok(), "passed", "{}", site.root().display());
    }
}
