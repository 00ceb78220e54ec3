//! `__auth__`, `__access__` and `__auth_realm__` at every level.

use crate::{
    pages::Pages,
    support::{Response, mpm_tests},
};
use base64_of::base64;

/// Just enough of Base64 for the credentials of the tests.
mod base64_of {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub fn base64(bytes: &[u8]) -> String {
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let number = (0..3).fold(0_u32, |sum, at| sum << 8 | u32::from(*group.get(at).unwrap_or(&0)));
            for at in 0..4 {
                let digit = DIGITS[(number >> (18 - 6 * at) & 63) as usize];
                text.push(if at <= group.len() { char::from(digit) } else { '=' });
            }
        }
        text
    }
}

/// Asks with credentials.
fn ask_as(pages: &Pages, target: &str, user: &[u8], password: &[u8]) -> Response {
    let credentials = format!("Basic {}", base64(&[user, b":", password].concat()));
    pages.httpd.request("GET", target, &[("Authorization", &credentials)], None)
}

#[track_caller]
fn assert_challenged(response: &Response, realm: &str) {
    assert_eq!(response.status, 401, "{}", String::from_utf8_lossy(&response.body));
    let challenge = response.header("WWW-Authenticate").expect("401 says how to authenticate");
    assert_eq!(String::from_utf8_lossy(challenge), format!("Basic realm=\"{realm}\""));
}

mpm_tests! {
    [prefork, event]
    fn a_function_of_the_module(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
__auth_realm__ = 'the \"inner\" circle'
def __auth__(req, user, password):
    return user == 'J\\xf6rg' and password == 'se:cr\\xe9t'
def __access__(req, user):
    return req.args != 'closed'
def index(req):
    return 'hello ' + req.user
",
        );
        assert_challenged(&pages.get("/"), "the \\\"inner\\\" circle");
        assert_challenged(&ask_as(&pages, "/", b"other", b"x"), "the \\\"inner\\\" circle");
        let utf8 = ["J\u{f6}rg", "se:cr\u{e9}t"];
        assert_eq!(ask_as(&pages, "/", utf8[0].as_bytes(), utf8[1].as_bytes()).ok(), "hello J\u{f6}rg");
        assert_eq!(ask_as(&pages, "/", b"J\xf6rg", b"se:cr\xe9t").ok(), "hello J\u{f6}rg");
        assert_eq!(ask_as(&pages, "/?closed", b"J\xf6rg", b"se:cr\xe9t").status, 403);
        assert_eq!(ask_as(&pages, "/nope", b"J\xf6rg", b"se:cr\xe9t").status, 404);
        assert_challenged(&pages.get("/nope"), "the \\\"inner\\\" circle");
        for wrong in ["Basic", "Basic ", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer token", "x"] {
            let response = pages.httpd.request("GET", "/", &[("Authorization", wrong)], None);
            assert_eq!(response.status, 400, "{wrong}");
        }
    }

    [prefork, event]
    fn a_dict_or_a_constant_of_the_module(mpm) {
        let pages = Pages::start(
            mpm,
            &[
                ("by_dict.py", "__auth__ = {'anna': 'pass', 'ben': ''}\ndef index(req):\n    return req.user\n"),
                ("always.py", "__auth__ = True\ndef index():\n    return 'in'\n"),
                ("never.py", "__auth__ = 0\ndef index():\n    return 'in'\n"),
                ("open.py", "def index():\n    return 'in'\n"),
            ],
        );
        assert_eq!(ask_as(&pages, "/by_dict", b"anna", b"pass").ok(), "anna");
        assert_eq!(ask_as(&pages, "/by_dict", b"ben", b"").ok(), "ben");
        assert_challenged(&ask_as(&pages, "/by_dict", b"anna", b"wrong"), "unknown");
        assert_challenged(&ask_as(&pages, "/by_dict", b"nobody", b"pass"), "unknown");
        assert_challenged(&pages.get("/by_dict"), "unknown");
        assert_eq!(ask_as(&pages, "/always", b"a", b"b").ok(), "in");
        assert_challenged(&pages.get("/always"), "unknown");
        assert_challenged(&ask_as(&pages, "/never", b"a", b"b"), "unknown");
        let response = pages.httpd.request("GET", "/open", &[("Authorization", "nonsense")], None);
        assert_eq!(response.ok(), "in");
    }

    [prefork, event]
    fn access_of_every_kind(mpm) {
        let pages = Pages::start(
            mpm,
            &[
                ("listed.py", "__auth__ = True\n__access__ = ['anna', 'ben']\ndef index(req):\n    return req.user\n"),
                ("pair.py", "__auth__ = True\n__access__ = ('anna',)\ndef index(req):\n    return req.user\n"),
                ("closed.py", "__access__ = 0\ndef index():\n    return 'in'\n"),
                ("open.py", "__access__ = 1\ndef index():\n    return 'in'\n"),
                ("asked.py", "def __access__(req, user):\n    return user is None\ndef index():\n    return 'in'\n"),
            ],
        );
        for target in ["/listed", "/pair"] {
            assert_eq!(ask_as(&pages, target, b"anna", b"x").ok(), "anna");
            assert_eq!(ask_as(&pages, target, b"carl", b"x").status, 403);
            assert_challenged(&pages.get(target), "unknown");
        }
        pages.refuse("/closed", 403);
        pages.expect("/open", "in");
        pages.expect("/asked", "in");
        assert_eq!(ask_as(&pages, "/asked", b"anna", b"x").status, 403);
    }

    [prefork, event]
    fn classes_instances_and_functions(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
__auth_realm__ = 'module'
class Guarded:
    __auth_realm__ = 'class'
    __auth__ = {'anna': 'pass'}
    value = 'guarded value'
    def method(self):
        return 'guarded method'
guarded = Guarded()
class Outer:
    inner = Guarded()
    value = 'open value'
outer = Outer()
def attribute():
    return 'by attribute'
attribute.__auth__ = {'anna': 'pass'}
attribute.__auth_realm__ = 'function'
attribute.__access__ = ['anna', 'ben']
def open():
    return 'open'
",
        );
        for (target, realm) in [
            ("/guarded", "class"),
            ("/guarded/value", "class"),
            ("/guarded/method", "class"),
            ("/outer/inner/value", "class"),
            ("/attribute", "function"),
        ] {
            assert_challenged(&pages.get(target), realm);
            assert_challenged(&ask_as(&pages, target, b"anna", b"wrong"), realm);
        }
        assert_eq!(ask_as(&pages, "/guarded/value", b"anna", b"pass").ok(), "guarded value");
        assert_eq!(ask_as(&pages, "/guarded/method", b"anna", b"pass").ok(), "guarded method");
        assert_eq!(ask_as(&pages, "/outer/inner/value", b"anna", b"pass").ok(), "guarded value");
        assert_eq!(ask_as(&pages, "/attribute", b"anna", b"pass").ok(), "by attribute");
        pages.expect("/open", "open");
        pages.expect("/outer/value", "open value");
    }

    [prefork, event]
    fn inside_functions_and_methods(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
def nested(req):
    __auth_realm__ = 'nested'
    def __auth__(req, user, password):
        return (user, password) == ('anna', 'pass')
    def __access__(req, user):
        return req.args != 'closed'
    return 'in'
def constants():
    __auth__ = True
    __access__ = 0
    return 'in'
def unclear(req):
    __auth__ = {'anna': 'pass'}
    return 'in'
class K:
    def method(self, req):
        __auth_realm__ = 'method'
        def __auth__(req, user, password):
            return user == 'anna'
        return 'in'
k = K()
",
        );
        assert_challenged(&pages.get("/nested"), "nested");
        assert_challenged(&ask_as(&pages, "/nested", b"ben", b"pass"), "nested");
        assert_eq!(ask_as(&pages, "/nested", b"anna", b"pass").ok(), "in");
        assert_eq!(ask_as(&pages, "/nested?closed", b"anna", b"pass").status, 403);
        assert_challenged(&pages.get("/constants"), "unknown");
        assert_eq!(ask_as(&pages, "/constants", b"anna", b"x").status, 403);
        assert_challenged(&pages.get("/k/method"), "method");
        assert_eq!(ask_as(&pages, "/k/method", b"anna", b"x").ok(), "in");
        assert_eq!(ask_as(&pages, "/k/method", b"ben", b"x").status, 401);
        // A rule that cannot be read without running the function must refuse access.
        assert_eq!(ask_as(&pages, "/unclear", b"anna", b"pass").status, 500);
    }

    [prefork, event]
    fn an_exception_lets_nobody_in(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
def __auth__(req, user, password):
    raise ValueError('cannot tell')
def index():
    return 'in'
",
        );
        assert_eq!(ask_as(&pages, "/", b"anna", b"x").status, 500);
        assert_challenged(&pages.get("/"), "unknown");
    }
}
