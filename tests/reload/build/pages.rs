//! The publisher: a page and what it imports are as fresh as any handler.

use crate::support::{Httpd, Mpm, Site, mpm_tests};

const CONF: &str = "SetHandler mod_python\nPythonHandler mod_python.publisher";

struct Pages {
    site: Site,
    httpd: Httpd,
}

impl Pages {
    fn start(mpm: Mpm, files: &[(&str, &str)]) -> Self {
        let site = Site::with(files);
        let httpd = Httpd::builder(mpm).module("dir").site(&site, CONF).start();
        Self { site, httpd }
    }

    #[track_caller]
    fn expect(&self, target: &str, text: &str) {
        assert_eq!(self.httpd.get(target).ok(), text, "{target}");
    }

    #[track_caller]
    fn refuse(&self, target: &str, status: u16) {
        assert_eq!(self.httpd.get(target).status, status, "{target}");
    }
}

fn page(import: &str, value: &str) -> String {
    format!("{import}\ndef f():\n    return str({value})\n")
}

mpm_tests! {
    /// P1: an edited page, an edited helper, and a helper of a helper.
    [prefork, event]
    fn pages_and_helpers_are_fresh(mpm) {
        let pages = Pages::start(mpm, &[
            ("p.py", &page("import helper", "helper.V")),
            ("helper.py", "from deep import V"),
            ("deep.py", "V = 1"),
        ]);
        pages.expect("/p/f", "1");
        pages.site.write("p.py", page("import helper", "helper.V * 10"));
        pages.expect("/p/f", "10");
        pages.site.write("helper.py", "from deep import V as U\nV = U + 1");
        pages.expect("/p/f", "20");
        pages.site.replace("deep.py", "V = 4");
        pages.expect("/p/f", "50");
        pages.site.write("p.py", "def g():\n    return 'g'\n");
        pages.expect("/p/g", "g");
        pages.refuse("/p/f", 404);
    }

    /// A new page is served, a deleted page is not found, and the other pages stay fresh.
    [prefork, event]
    fn pages_come_and_go(mpm) {
        let pages = Pages::start(mpm, &[("p.py", &page("", "1")), ("q.py", &page("", "1"))]);
        pages.refuse("/r/f", 404);
        pages.site.write("r.py", page("import q", "q.f() + 'r'"));
        pages.expect("/r/f", "1r");
        pages.expect("/p/f", "1");
        pages.site.remove("p.py");
        pages.refuse("/p/f", 404);
        pages.refuse("/p/f", 404);
        pages.site.write("q.py", page("", "2"));
        pages.expect("/q/f", "2");
        pages.expect("/r/f", "2r");
        pages.refuse("/p/f", 404);
        pages.site.write("p.py", page("", "'back'"));
        pages.expect("/p/f", "back");
        pages.site.write("p.py", page("", "'edited'"));
        pages.expect("/p/f", "edited");
        let failures = pages.httpd.log_lines("reload failed");
        assert!(failures.is_empty(), "{failures:#?}");
    }

    /// P3: a broken page keeps its last good code, does not hold up the other pages for ever, and its repair is seen.
    [prefork, event]
    fn a_broken_page_is_last_good(mpm) {
        let pages = Pages::start(mpm, &[("p.py", &page("", "1")), ("q.py", &page("", "1"))]);
        pages.expect("/p/f", "1");
        pages.expect("/q/f", "1");
        pages.site.write("p.py", "def f(:\n");
        pages.expect("/p/f", "1");
        pages.expect("/q/f", "1");
        assert_eq!(pages.httpd.log_lines("reload failed").len(), 1);
        pages.site.write("p.py", page("", "2"));
        pages.expect("/p/f", "2");
        pages.site.write("q.py", page("", "2"));
        pages.expect("/q/f", "2");
        assert_eq!(pages.httpd.log_lines("reload failed").len(), 1);
    }

    /// A page that was broken from the start returns 500, the others do not. After its repair it is served.
    [prefork, event]
    fn a_page_that_never_worked(mpm) {
        let pages = Pages::start(mpm, &[("p.py", "1 / 0"), ("q.py", &page("", "1"))]);
        pages.refuse("/p/f", 500);
        pages.expect("/q/f", "1");
        pages.site.write("q.py", page("", "2"));
        pages.expect("/q/f", "2");
        pages.refuse("/p/f", 500);
        pages.site.write("p.py", page("import q", "q.f()"));
        pages.expect("/p/f", "2");
    }

    /// P7: a page in a plain subdirectory imports the helper beside it.
    [prefork, event]
    fn subdirectories_have_their_own_helpers(mpm) {
        let pages = Pages::start(mpm, &[
            ("one/p.py", &page("import helper", "helper.V")),
            ("one/helper.py", "V = 'one'"),
            ("two/p.py", &page("import helper", "helper.V")),
            ("two/helper.py", "V = 'two'"),
            ("top.py", &page("", "'top'")),
        ]);
        pages.expect("/one/p/f", "one");
        pages.expect("/two/p/f", "two");
        pages.expect("/top/f", "top");
        pages.site.write("one/helper.py", "V = 'one, edited'");
        pages.expect("/one/p/f", "one, edited");
        pages.expect("/two/p/f", "two");
        pages.site.replace("two/helper.py", "V = 'two, edited'");
        pages.expect("/two/p/f", "two, edited");
        pages.expect("/one/p/f", "one, edited");
        pages.site.write("one/p.py", page("import helper", "helper.V.upper()"));
        pages.expect("/one/p/f", "ONE, EDITED");
        let failures = pages.httpd.log_lines("reload failed");
        assert!(failures.is_empty(), "{failures:#?}");
    }

    /// A page fails whose helper does not exist yet, and is served after the helper has appeared.
    [prefork, event]
    fn a_missing_helper_is_added(mpm) {
        let pages = Pages::start(mpm, &[("sub/p.py", &page("import helper", "helper.V"))]);
        pages.refuse("/sub/p/f", 500);
        pages.site.write("sub/helper.py", "V = 1");
        pages.expect("/sub/p/f", "1");
        pages.site.write("sub/helper.py", "V = 2");
        pages.expect("/sub/p/f", "2");
    }

    /// Pages appear in a directory that did not exist when httpd started.
    [prefork, event]
    fn a_directory_is_added(mpm) {
        let pages = Pages::start(mpm, &[("p.py", &page("", "1"))]);
        pages.expect("/p/f", "1");
        pages.refuse("/new/p/f", 404);
        pages.site.write("new/p.py", page("import helper", "helper.V"));
        pages.site.write("new/helper.py", "V = 'new'");
        pages.expect("/new/p/f", "new");
        pages.site.write("new/helper.py", "V = 'edited'");
        pages.expect("/new/p/f", "edited");
        std::fs::remove_dir_all(pages.site.path("new")).expect("the directory is removed");
        pages.refuse("/new/p/f", 404);
        pages.site.write("p.py", page("", "2"));
        pages.expect("/p/f", "2");
    }
}
