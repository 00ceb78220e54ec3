//! What a published callable gets from the query and from forms.

use crate::{pages::Pages, support::mpm_tests};

const URLENCODED: &str = "application/x-www-form-urlencoded";

/// Functions of every signature; each shows its arguments.
const CODE: &str = "
import functools

def two(a, b):
    return repr((a, b))
def defaults(a='A', b='B'):
    return repr((a, b))
def with_request(req, a='A'):
    return '%s %r' % (req.uri, a)
def last_request(a, req):
    return '%s %r' % (req.uri, a)
def nothing():
    return 'nothing'
def any_names(**kw):
    kw.pop('req')
    return repr(sorted(kw.items()))
def some_and_any(req, a, **kw):
    return repr((a, sorted(kw)))
def any_places(*args):
    return repr(args)
def place_and_any(a, *args, **kw):
    return repr((a, args, sorted(kw)))
def keyword_only(*, a, b='B'):
    return repr((a, b))
def positional_only(a, b='B', /, c='C'):
    return repr((a, b, c))
class Things:
    def method(self, a, b='B'):
        return repr((type(self).__name__, a, b))
    @classmethod
    def of_class(cls, a):
        return repr((cls.__name__, a))
    @staticmethod
    def static(a):
        return repr(a)
    def __call__(self, req, a='A'):
        return repr(a)
things = Things()

def decorate(function):
    @functools.wraps(function)
    def wrapper(*args, **kw):
        return 'decorated ' + function(*args, **kw)
    return wrapper
@decorate
def decorated(a, b='B'):
    return repr((a, b))
@decorate
def decorated_request(req, a):
    return '%s %r' % (req.uri, a)
partial = functools.partial(two, b='given')
shortcut = lambda a: repr(a)
def returns_function():
    def inner(a='A'):
        return 'inner ' + a
    return inner
";

mpm_tests! {
    [prefork, event]
    fn from_the_query(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        for (target, text) in [
            ("/two?a=1&b=2", "('1', '2')"),
            ("/two?b=2&a=1&c=3", "('1', '2')"),
            ("/two?a=1;b=2", "('1', '2')"),
            ("/two?a=&b", "('', '')"),
            ("/two?a=x+y%20z&b=%2B%26%3D", "('x y z', '+&=')"),
            ("/two?a=%C3%A9&b=b=c", "('\u{e9}', 'b=c')"),
            ("/two?a=1&a=2&b=3", "(['1', '2'], '3')"),
            ("/two?a=%zz&b=%4", "('%zz', '%4')"),
            ("/defaults", "('A', 'B')"),
            ("/defaults?b=2", "('A', '2')"),
            ("/with_request?a=1", "/with_request '1'"),
            ("/with_request", "/with_request 'A'"),
            ("/last_request?a=1", "/last_request '1'"),
            ("/nothing?a=1&b=2", "nothing"),
            ("/any_names?b=2&a=1&a=0", "[('a', ['1', '0']), ('b', '2')]"),
            ("/any_names", "[]"),
            ("/some_and_any?a=1&x=2&y=3", "('1', ['x', 'y'])"),
            ("/any_places?a=1", "()"),
            ("/place_and_any?a=1&b=2", "('1', (), ['b', 'req'])"),
            ("/keyword_only?a=1", "('1', 'B')"),
            ("/keyword_only?a=1&b=2", "('1', '2')"),
            ("/positional_only?a=1&c=3", "('1', 'B', '3')"),
            ("/positional_only?a=1&b=2", "('1', '2', 'C')"),
            ("/things/method?a=1", "('Things', '1', 'B')"),
            ("/things/of_class?a=1", "('Things', '1')"),
            ("/things/static?a=1", "'1'"),
            ("/things?a=1", "'1'"),
            ("/things?self=9", "'A'"),
            ("/things/method?self=9&a=1", "('Things', '1', 'B')"),
            ("/decorated?a=1&z=2", "decorated ('1', 'B')"),
            ("/decorated_request?a=1", "decorated /decorated_request '1'"),
            ("/partial?a=1", "('1', 'given')"),
            ("/shortcut?a=1", "'1'"),
            ("/returns_function?a=1", "inner 1"),
        ] {
            pages.expect(target, text);
        }
    }

    [prefork, event]
    fn a_field_named_req_does_not_take_the_requests_place(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        pages.expect("/with_request?req=evil&a=1", "/with_request '1'");
        pages.expect("/any_names?req=evil&a=1", "[('a', '1')]");
        pages.expect("/some_and_any?req=evil&a=1", "('1', [])");
        pages.expect("/decorated_request?req=evil&a=1", "decorated /decorated_request '1'");
        let response = pages.post("/with_request", URLENCODED, b"req=evil&a=1");
        assert_eq!(response.ok(), "/with_request '1'");
    }

    [prefork, event]
    fn a_missing_argument_is_the_clients_mistake(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        for target in [
            "/two",
            "/two?a=1",
            "/keyword_only",
            "/positional_only?b=1",
            "/things/method",
            "/decorated",
            "/partial",
            "/shortcut",
            "/last_request",
            "/place_and_any?b=1",
        ] {
            pages.refuse(target, 400);
        }
    }

    [prefork, event]
    fn an_error_of_the_function_itself_is_ours(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
def index(a='A'):
    return two(a)
def two(a, b):
    return a
",
        );
        let response = pages.get("/?a=1");
        assert_eq!(response.status, 500);
        assert!(response.text().contains("TypeError"), "{}", response.text());
    }

    [prefork, event]
    fn from_an_urlencoded_form(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        for (target, body, text) in [
            ("/two", "a=1&b=2", "('1', '2')"),
            ("/two", "a=%C3%A9+x&b=", "('\u{e9} x', '')"),
            ("/two", "a=1&a=2&b=3", "(['1', '2'], '3')"),
            ("/two?a=query", "b=form", "('query', 'form')"),
            ("/two?a=query", "a=form&b=1", "(['query', 'form'], '1')"),
            ("/any_names", "b=2&a=1", "[('a', '1'), ('b', '2')]"),
            ("/keyword_only", "a=1", "('1', 'B')"),
            ("/things/method", "a=1", "('Things', '1', 'B')"),
            ("/decorated", "a=1&z=2", "decorated ('1', 'B')"),
            ("/nothing", "", "nothing"),
        ] {
            assert_eq!(pages.post(target, URLENCODED, body.as_bytes()).ok(), text, "{target} {body}");
            let with_charset = format!("{URLENCODED}; charset=UTF-8");
            assert_eq!(pages.post(target, &with_charset, body.as_bytes()).ok(), text, "{target} {body}");
        }
        assert_eq!(pages.post("/two", URLENCODED, b"a=1").status, 400);
    }

    [prefork, event]
    fn from_a_chunked_form(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let headers = [("Content-Type", URLENCODED), ("Transfer-Encoding", "chunked")];
        let response = pages.httpd.request("POST", "/two", &headers, Some(b"5\r\na=1&b\r\n2\r\n=2\r\n0\r\n\r\n"));
        assert_eq!(response.ok(), "('1', '2')");
    }

    [prefork, event]
    fn bytes_that_are_no_text_do_no_harm(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        for field in ["a=%FF%FE", "a=%ED%A0%80", "a=%E2%82", "%FF=1&a=1", "a=\u{e9}"] {
            assert!(pages.get(&format!("/defaults?{field}")).ok().ends_with("'B')"), "{field}");
            let response = pages.post("/defaults", URLENCODED, field.as_bytes());
            assert!(response.ok().ends_with("'B')"), "{field}");
            pages.get(&format!("/any_names?{field}")).ok();
            pages.post("/any_names", URLENCODED, field.as_bytes()).ok();
        }
        let response = pages.post("/any_names", URLENCODED, b"a=\xff\xfe&\xff=1&\x00=\x00");
        response.ok();
        assert_eq!(pages.get("/defaults?a=1%00evil").ok(), "('1', 'B')");
    }
}
