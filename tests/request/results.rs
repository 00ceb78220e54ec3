//! What a handler returns or raises, and what the client gets.

use crate::support::{Httpd, Response, Served, Site, mpm_tests};

/// Whether the response is one of httpd's own error pages.
fn is_error_page(response: &Response, status: u16) -> bool {
    response.status == status && response.text().contains(&format!("<title>{status} "))
}

/// Each function is a handler itself, so that httpd gets its result directly.
fn serve_directly(mpm: crate::support::Mpm, code: &str) -> Served {
    let served = Site::new();
    served.write("tested.py", crate::support::module(code));
    let names = code.lines().filter_map(|line| line.strip_prefix("def ")?.split('(').next());
    let sections: String =
        names.map(|name| format!("<Location /{name}>\nPythonHandler tested::{name}\n</Location>\n")).collect();
    let path = format!("PythonPath \"['{}'] + sys.path\"\n", served.root().display());
    let httpd = Httpd::builder(mpm).site(&served, "SetHandler mod_python").conf(&path).conf(&sections).start();
    Served { site: served, httpd }
}

mpm_tests! {
    [prefork, event]
    fn plain_results(mpm) {
        let served = serve_directly(
            mpm,
            "
def silent(req):
    return apache.OK
def done(req):
    req.write('as written', 0)
    return apache.DONE
def forbidden(req):
    req.write('not seen', 0)
    return apache.HTTP_FORBIDDEN
def locked(req):
    return apache.HTTP_LOCKED
def own_page(req):
    req.status = apache.HTTP_NOT_FOUND
    req.write('my own 404')
    return apache.OK
def after_flush(req):
    req.write('kept')
    return apache.HTTP_NOT_FOUND
def created(req):
    req.status = 201
    return apache.OK
",
        );
        assert_eq!(served.get("/silent").ok(), "");
        assert_eq!(served.get("/done").ok(), "as written");
        let forbidden = served.get("/forbidden");
        assert!(is_error_page(&forbidden, 403), "{forbidden:?}");
        assert!(!forbidden.text().contains("not seen"));
        assert!(is_error_page(&served.get("/locked"), 423));
        let own = served.get("/own_page");
        assert_eq!((own.status, own.text()), (404, "my own 404"));
        let kept = served.get("/after_flush");
        assert!(kept.ok().starts_with("kept<!DOCTYPE") && kept.text().contains("404 Not Found"), "{}", kept.text());
        assert_eq!(served.get("/created").status, 201);
    }

    [prefork, event]
    fn results_that_are_no_ints(mpm) {
        let served = serve_directly(
            mpm,
            "
import enum
class Code(enum.IntEnum):
    OK = 0
def none(req):
    pass
def true(req):
    return True
def text(req):
    req.write('not seen', 0)
    return 'OK'
def member(req):
    return Code.OK
def huge(req):
    return 1 << 80
",
        );
        for (target, kind) in [("/none", "NoneType"), ("/true", "bool"), ("/text", "str"), ("/member", "Code")] {
            let response = served.get(target);
            assert!(is_error_page(&response, 500), "{target}: {response:?}");
            assert!(!response.text().contains("not seen"));
            assert!(!served.httpd.log_lines(&format!("not {kind}")).is_empty(), "{kind} in {}", served.httpd.log());
        }
        assert!(is_error_page(&served.get("/huge"), 500));
        assert!(served.httpd.log().contains("OverflowError"), "{}", served.httpd.log());
    }

    [prefork, event]
    fn server_return(mpm) {
        let served = serve_directly(
            mpm,
            "
def code(req):
    raise apache.SERVER_RETURN(apache.HTTP_GONE)
def positional(req):
    raise apache.SERVER_RETURN(apache.DONE, apache.HTTP_NOT_FOUND)
def zero(req):
    raise apache.SERVER_RETURN(apache.DONE, 0)
def ok(req):
    req.write('written', 0)
    raise apache.SERVER_RETURN(apache.OK)
def empty(req):
    raise apache.SERVER_RETURN()
def the_class(req):
    raise apache.SERVER_RETURN
def text(req):
    raise apache.SERVER_RETURN('404')
def pair(req):
    raise apache.SERVER_RETURN((apache.OK, 200))
def nested(req):
    try:
        raise apache.SERVER_RETURN(404)
    except Exception as error:
        assert type(error).__mro__[1] is Exception
        raise
",
        );
        assert!(is_error_page(&served.get("/code"), 410));
        let positional = served.get("/positional");
        assert_eq!((positional.status, positional.text()), (404, ""));
        assert_eq!(served.get("/zero").ok(), "");
        assert_eq!(served.get("/ok").ok(), "written");
        for target in ["/empty", "/the_class", "/text", "/pair"] {
            assert!(is_error_page(&served.get(target), 500), "{target}");
        }
        assert!(is_error_page(&served.get("/nested"), 404));
    }

    [prefork, event]
    fn exceptions_answer_500_and_are_logged(mpm) {
        let served = serve_directly(
            mpm,
            "
def fail(req):
    req.content_type = 'text/x-lost'
    req.write('not seen', 0)
    raise ValueError('an unlucky <value>')
",
        );
        let response = served.get("/fail");
        assert!(is_error_page(&response, 500), "{response:?}");
        assert!(!response.text().contains("unlucky") && !response.text().contains("not seen"));
        let logged = served.httpd.log_lines("an unlucky <value>");
        assert_eq!(logged.len(), 2, "the line of code and the exception: {logged:#?}");
        assert!(logged.iter().all(|line| line.contains("PythonHandler tested::fail: ")), "{logged:#?}");
        assert!(served.httpd.log().contains("Traceback (most recent call last)"));
        assert!(served.httpd.log().contains("tested.py\", line "));
    }

    [prefork, event]
    fn debug_shows_the_traceback_escaped(mpm) {
        let served = Served::start_with(
            Httpd::builder(mpm),
            "
<Files quiet>
PythonDebug Off
</Files>",
            "
def fail(req):
    req.content_type = 'text/plain'
    req.write('not seen', 0)
    raise ValueError('an unlucky <value> & more')
quiet = fail
",
        );
        let response = served.get("/fail");
        assert_eq!(response.status, 500);
        assert_eq!(response.header("Content-Type"), Some(&b"text/html; charset=utf-8"[..]));
        let text = response.text();
        assert!(text.contains("Mod_python error: \"PythonHandler tested\""), "{text}");
        assert!(text.contains("ValueError: an unlucky &lt;value&gt; &amp; more"), "{text}");
        assert!(!text.contains("<value>") && !text.contains("not seen"), "{text}");
        let quiet = served.get("/quiet");
        assert!(is_error_page(&quiet, 500), "{quiet:?}");
        assert!(!quiet.text().contains("Traceback"));
    }

    [prefork, event]
    fn a_missing_object_or_module_is_named_in_the_log(mpm) {
        let site = Site::with(&[("there.py", ""), ("broken.py", "import no_such_module")]);
        let httpd = Httpd::builder(mpm)
            .site(&site, "SetHandler mod_python\nPythonHandler there")
            .directory(&site.path("a"), "PythonHandler absent_module")
            .directory(
                &site.path("b"),
                &format!("PythonHandler broken\nPythonPath \"['{}']+sys.path\"", site.root().display()),
            )
            .directory(
                &site.path("c"),
                &format!("PythonHandler there::K.m\nPythonPath \"['{}']+sys.path\"", site.root().display()),
            );
        site.write("a/x", "");
        site.write("b/x", "");
        site.write("c/x", "");
        let httpd = httpd.start();
        for (target, reasons) in [
            ("/", ["there", "handler"]),
            ("/a/x", ["ModuleNotFoundError", "absent_module"]),
            ("/b/x", ["ModuleNotFoundError", "no_such_module"]),
            ("/c/x", ["AttributeError", "K"]),
        ] {
            let before = httpd.log().len();
            let response = httpd.get(target);
            assert!(is_error_page(&response, 500), "{target}: {response:?}");
            let log = httpd.log()[before..].to_owned();
            for reason in reasons {
                assert!(log.contains(reason), "{target}: {reason} in {log}");
            }
        }
    }

    [prefork, event]
    fn declining_leaves_the_file_to_httpd(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    return apache.DECLINED
globals()['note.txt'] = page
",
        );
        served.site.write("note.txt", "plain text");
        assert_eq!(served.get("/note.txt").ok(), "plain text");
        assert_eq!(served.get("/page").status, 404);
        assert!(is_error_page(&served.get("/page"), 404));
    }

    [prefork, event]
    fn error_headers_survive_an_error_and_others_do_not(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.headers_out['X-Lost'] = '1'
    req.err_headers_out['X-Kept'] = '2'
    return apache.HTTP_NOT_FOUND
def fine(req):
    req.headers_out['X-Lost'] = '1'
    req.err_headers_out['X-Kept'] = '2'
",
        );
        let response = served.get("/page");
        assert_eq!(
            (response.status, response.header("X-Lost"), response.header("X-Kept")),
            (404, None, Some(&b"2"[..]))
        );
        let response = served.get("/fine");
        assert_eq!((response.header("X-Lost"), response.header("X-Kept")), (Some(&b"1"[..]), Some(&b"2"[..])));
    }
}
