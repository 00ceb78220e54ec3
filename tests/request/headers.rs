//! Headers of the response, and no injection through them.

use crate::support::{Served, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn headers_of_the_response(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.headers_out.add('X-Two', '1')
    req.headers_out.add('X-Two', '2')
    req.headers_out['X-Replaced'] = 'old'
    req.headers_out['x-replaced'] = 'new'
    req.headers_out['X-Gone'] = 'x'
    del req.headers_out['X-GONE']
    req.headers_out['X-Latin'] = 'J\\xf6rg'
    req.headers_out['X-Utf'] = '\\u20ac'
    req.headers_out['X-Bytes'] = b'\\xff\\x80'
    req.status = 201
    passed(req)
",
        );
        let response = served.get("/page");
        assert_eq!((response.status, response.text()), (201, "passed"));
        assert_eq!(response.headers_named("X-Two"), [b"1", b"2"]);
        assert_eq!(response.headers_named("X-Replaced"), [b"new"]);
        assert_eq!(response.header("X-Gone"), None);
        assert_eq!(response.header("X-Latin"), Some(&b"J\xf6rg"[..]));
        assert_eq!(response.header("X-Utf"), Some("\u{20ac}".as_bytes()));
        assert_eq!(response.header("X-Bytes"), Some(&b"\xff\x80"[..]));
    }

    [prefork, event]
    fn line_ends_inject_nothing(mpm) {
        let served = Served::start(
            mpm,
            "
def value(req):
    req.headers_out['X-A'] = 'a\\r\\nX-Injected: 1'
    req.write('x')
def name(req):
    req.headers_out['X-A: b\\r\\nX-Injected'] = '1'
    req.write('x')
def error(req):
    req.err_headers_out['X-A'] = 'a\\nX-Injected: 1'
    return apache.HTTP_NOT_FOUND
def kind(req):
    req.content_type = 'text/plain\\r\\nX-Injected: 1'
    req.write('x')
def line(req):
    req.status_line = '200 OK\\r\\nX-Injected: 1'
    req.write('x')
",
        );
        for target in ["/value", "/name", "/error", "/kind", "/line"] {
            let mut connection = served.connect();
            let close = [("Connection", "close")];
            connection.send_request("GET", target, &close, None).expect("sent");
            let bytes = connection.read_to_end().expect("an answer");
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("\nX-Injected"), "{target}: {text}");
        }
    }
}
