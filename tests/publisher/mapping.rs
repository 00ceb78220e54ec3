//! From a URL to a module and an object in it.

use crate::{
    pages::{PUBLISHER, Pages},
    support::{Httpd, Site, mpm_tests},
};

const INDEX: &str = "
def index():
    return 'index.index'
def hello():
    return 'index.hello'
";

const OTHER: &str = "
def index():
    return 'other.index'
def foo():
    return 'other.foo'
";

mpm_tests! {
    [prefork, event]
    fn the_table_of_urls(mpm) {
        let pages = Pages::start(mpm, &[("dir/index.py", INDEX), ("dir/other.py", OTHER), ("dir/sub/other.py", OTHER)]);
        for target in ["/dir/", "/dir/index", "/dir/index.py", "/dir/index.py/", "/dir/index/", "/dir/index/index"] {
            pages.expect(target, "index.index");
        }
        for target in [
            "/dir/hello",
            "/dir/hello/",
            "/dir/index/hello",
            "/dir/index.py/hello",
            "/dir/index/hello/",
            "/dir/hello.py",
        ] {
            pages.expect(target, "index.hello");
        }
        for target in ["/dir/other", "/dir/other/", "/dir/other.py", "/dir/other/index"] {
            pages.expect(target, "other.index");
        }
        for target in ["/dir/other/foo", "/dir/other.py/foo", "/dir/other/foo/", "/dir/sub/other/foo"] {
            pages.expect(target, "other.foo");
        }
        for target in ["/dir/nope", "/dir/other/nope", "/dir/other.txt", "/dir/sub/", "/dir/sub/nope", "/", "/nope"] {
            pages.refuse(target, 404);
        }
        let directory = pages.get("/dir/sub");
        assert_eq!(directory.status, 301);
        let location = String::from_utf8_lossy(directory.header("Location").expect("a redirect says where to"));
        assert!(location.ends_with("/dir/sub/"), "{location}");
    }

    [prefork, event]
    fn the_request_is_told_the_modules_file(mpm) {
        let code = "
def index(req):
    return req.filename
def path(req):
    return '%s %s' % (req.path_info, __name__)
";
        let pages = Pages::start(mpm, &[("index.py", code), ("deep/er/page.py", code)]);
        let file = |path: &str| pages.site.path(path).display().to_string();
        pages.expect("/", &file("index.py"));
        pages.expect("/index", &file("index.py"));
        pages.expect("/deep/er/page", &file("deep/er/page.py"));
        assert!(pages.get("/deep/er/page/path/").ok().starts_with("/path/ "));
    }

    [prefork, event]
    fn extensions_that_are_added(mpm) {
        let conf = "AddHandler mod_python .py .html .cms.x\nPythonHandler mod_python.publisher\nPythonDebug On";
        let pages = Pages::start_with(Httpd::builder(mpm), conf, &[("index.py", INDEX), ("other.py", OTHER)]);
        for target in ["/index.py", "/index.html"] {
            pages.expect(target, "index.index");
        }
        for target in ["/other.py/foo", "/other.html/foo"] {
            pages.expect(target, "other.foo");
        }
        pages.expect("/hello.html", "index.hello");
        // A URL without an extension is not the publisher's.
        pages.refuse("/other/foo", 404);
        pages.refuse("/hello", 404);
    }

    [prefork, event]
    fn the_extension_that_chose_the_handler(mpm) {
        let conf = "SetHandler mod_python\nPythonHandler mod_python.publisher | .page";
        let pages = Pages::start_with(Httpd::builder(mpm), conf, &[("other.py", OTHER)]);
        pages.expect("/other.page/foo", "other.foo");
        pages.refuse("/other.path/foo", 404);
    }

    [prefork, event]
    fn inside_a_location(mpm) {
        let site = Site::with(&[("app/index.py", INDEX), ("app/other.py", OTHER)]);
        let conf = format!("<Location /app>\n{PUBLISHER}\n</Location>");
        let httpd = Httpd::builder(mpm).site(&site, "").conf(&conf).start();
        for (target, text) in [
            ("/app/", "index.index"),
            ("/app/hello", "index.hello"),
            ("/app/other", "other.index"),
            ("/app/other/foo", "other.foo"),
        ] {
            assert_eq!(httpd.get(target).ok(), text, "{target}");
        }
        assert_eq!(httpd.get("/app/other/nope").status, 404);
        assert!(!httpd.log().contains("Module bug"), "{}", httpd.log());
    }

    [prefork, event]
    fn an_alias_and_a_directory_with_a_dot(mpm) {
        let site = Site::with(&[("v1.2/index.py", INDEX), ("v1.2/sub-dir/other.py", OTHER)]);
        let conf = format!("Alias /elsewhere \"{}\"", site.path("v1.2").display());
        let httpd = Httpd::builder(mpm).site(&site, PUBLISHER).conf(&conf).start();
        for prefix in ["/elsewhere", "/v1.2"] {
            assert_eq!(httpd.get(&format!("{prefix}/hello")).ok(), "index.hello");
            assert_eq!(httpd.get(&format!("{prefix}/sub-dir/other/foo")).ok(), "other.foo");
        }
    }

    [prefork, event]
    fn two_directories_with_modules_of_one_name(mpm) {
        let user = |text: &str| format!("from helper import TEXT\ndef index():\n    return TEXT + '{text}'\n");
        let pages = Pages::start(mpm, &[("helper.py", "TEXT = 'helper of '")]);
        pages.site.write("index.py", user("root"));
        pages.site.write("a/page.py", user("a"));
        pages.site.write("b/page.py", user("b"));
        pages.expect("/a/page", "helper of a");
        pages.expect("/b/page", "helper of b");
        pages.expect("/", "helper of root");
    }

    [prefork, event]
    fn an_edit_is_seen(mpm) {
        let pages = Pages::of_module(mpm, "def index():\n    return 'old'\n");
        pages.expect("/", "old");
        pages.site.write("index.py", "def index():\n    return 'new'\n");
        pages.expect("/", "new");
        pages.site.write("added.py", "def index():\n    return 'added'\n");
        pages.expect("/added", "added");
        pages.site.remove("added.py");
        pages.refuse("/added", 404);
    }

    [prefork, event]
    fn methods(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
def index(req):
    return req.method
",
        );
        let ask = |method: &str| pages.httpd.request(method, "/", &[], None);
        assert_eq!(ask("GET").ok(), "GET");
        assert_eq!(pages.post("/", "application/x-www-form-urlencoded", b"").ok(), "POST");
        let mut connection = pages.httpd.connect();
        for _ in 0..2 {
            let head = connection.request("HEAD", "/", &[], None).expect("an answer");
            assert_eq!((head.status, head.header("Content-Type")), (200, Some(&b"text/plain; charset=utf-8"[..])));
        }
        drop(connection);
        for method in ["PUT", "DELETE", "PATCH", "PROPFIND"] {
            let response = ask(method);
            assert_eq!(response.status, 405, "{method}");
            let allow =
                String::from_utf8_lossy(response.header("Allow").expect("405 says what is allowed")).into_owned();
            for allowed in ["GET", "HEAD", "POST"] {
                assert!(allow.contains(allowed), "{allowed} in {allow}");
            }
            assert!(!allow.contains(method), "{method} in {allow}");
        }
    }
}
