//! `PythonHandler ... | .ext`.

use crate::{
    show::{builder, path, site},
    support::{Httpd, mpm_tests},
};

#[track_caller]
fn expect(httpd: &Httpd, target: &str, text: &str) {
    assert_eq!(httpd.get(target).ok(), text, "{target}");
}

mpm_tests! {
    [prefork, event]
    fn an_extension_list_and_a_bare_list(mpm) {
        let site = site();
        let httpd = builder(mpm, &site, "PythonHandler shown::a | .x\nPythonHandler shown::b").start();
        expect(&httpd, "/foo.x", "a '.x' ");
        expect(&httpd, "/foo.y", "b None ");
        expect(&httpd, "/a.b.x", "b None ");
        expect(&httpd, "/foo.X", "b None ");
        expect(&httpd, "/foo", "b '' ");
        expect(&httpd, "/foo/info.x", "b '' ");
        expect(&httpd, "/.x", "a '.x' ");
    }

    [prefork, event]
    fn several_extensions_and_several_handlers(mpm) {
        let site = site();
        let conf = "PythonHandler shown::a shown::b|.y.z .w\nPythonHandler shown::c | .w\nPythonHandler shown::c |";
        let httpd = builder(mpm, &site, conf).start();
        expect(&httpd, "/foo.y.z", "a '.y.z' b '.y.z' ");
        expect(&httpd, "/foo.w", "a '.w' b '.w' c '.w' ");
        expect(&httpd, "/foo.z", "c None ");
        expect(&httpd, "/foo", "c '' ");
    }

    [prefork, event]
    fn without_a_bare_list_other_files_are_httpds(mpm) {
        let site = site();
        site.write("note.txt", "plain text");
        site.write("note.x", "not served");
        let httpd = builder(mpm, &site, "PythonHandler shown::a | .x").start();
        expect(&httpd, "/note.x", "a '.x' ");
        expect(&httpd, "/note.txt", "plain text");
        assert_eq!(httpd.get("/foo.y").status, 404);
    }

    [prefork, event]
    fn an_outer_extension_list_wins_over_an_inner_bare_one(mpm) {
        let site = site();
        site.write("inner/file", "");
        site.write("other/file", "");
        let httpd =
            builder(mpm, &site, &format!("PythonHandler shown::a | .x\nPythonHandler shown::b\n{}", path(&site)))
                .directory(&site.path("inner"), "PythonHandler shown::c")
                .directory(&site.path("other"), "PythonHandler shown::c | .x")
                .start();
        expect(&httpd, "/inner/foo.x", "a '.x' ");
        expect(&httpd, "/inner/foo.y", "c None ");
        expect(&httpd, "/other/foo.x", "c '.x' ");
        expect(&httpd, "/other/foo.y", "b None ");
    }
}
