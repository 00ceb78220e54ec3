//! What an inner section inherits from an outer one.

use crate::{
    show::{builder, path, site},
    support::{Httpd, Response, mpm_tests},
};

#[track_caller]
fn text(response: &Response) -> &str {
    response.ok()
}

mpm_tests! {
    [prefork, event]
    fn a_nested_directory_replaces_the_list(mpm) {
        let site = site();
        site.write("inner/deep/file", "");
        site.write("quiet/file", "");
        let httpd = builder(mpm, &site, &format!("PythonHandler shown::a\nPythonHandler shown::b\n{}", path(&site)))
            .directory(&site.path("inner"), "PythonHandler shown::c")
            .directory(&site.path("quiet"), "PythonOption key value")
            .start();
        assert_eq!(text(&httpd.get("/x")), "a '' b '' ");
        assert_eq!(text(&httpd.get("/inner/x")), "c '' ");
        assert_eq!(text(&httpd.get("/inner/deep/x")), "c '' ");
        assert_eq!(text(&httpd.get("/quiet/x")), "a '' b '' ");
    }

    [prefork, event]
    fn options_are_overlaid_key_by_key(mpm) {
        let site = site();
        for directory in ["same", "changed", "removed", "again/deep"] {
            site.write(&format!("{directory}/file"), "");
        }
        let httpd = builder(
            mpm,
            &site,
            &format!("PythonHandler shown\nPythonOption A 1\nPythonOption b 2\nPythonOption c 3\n{}", path(&site)),
        )
        .directory(&site.path("changed"), "PythonOption a one\nPythonOption D 4")
        .directory(&site.path("removed"), "PythonOption A\nPythonOption B \"\"")
        .directory(&site.path("again"), "PythonOption a")
        .directory(&site.path("again/deep"), "PythonOption a back")
        .start();
        let options = |directory: &str| {
            let target = format!("/{directory}/x?sorted((k.lower(),v)for+k,v+in+req.get_options().items())");
            httpd.get(&target).ok().to_owned()
        };
        for _ in 0..2 {
            assert_eq!(options("same"), "[('a', '1'), ('b', '2'), ('c', '3')]");
            assert_eq!(options("changed"), "[('a', 'one'), ('b', '2'), ('c', '3'), ('d', '4')]");
            assert_eq!(options("removed"), "[('c', '3')]");
            assert_eq!(options("again"), "[('b', '2'), ('c', '3')]");
            assert_eq!(options("again/deep"), "[('a', 'back'), ('b', '2'), ('c', '3')]");
        }
    }

    [prefork, event]
    fn settings_of_the_innermost_section_win(mpm) {
        let site = site();
        site.write("inner/file", "");
        let outer = "PythonHandler shown\nPythonInterpreter outer\nPythonReloadTimeout 3";
        let httpd = builder(mpm, &site, &format!("{outer}\n{}", path(&site)))
            .directory(&site.path("inner"), "PythonInterpreter inner\nPythonDebug Off")
            .start();
        let settings = |directory: &str| {
            let target = format!(
                "/{directory}x?req.interpreter,req.get_config()['PythonDebug'],req.get_config()['PythonReloadTimeout']"
            );
            httpd.get(&target).ok().to_owned()
        };
        assert_eq!(settings(""), "('outer', '1', '3')");
        assert_eq!(settings("inner/"), "('inner', '0', '3')");
    }

    [prefork, event]
    fn interpreters_of_one_name_share_modules(mpm) {
        let site = site();
        for directory in ["a", "b", "c"] {
            site.write(&format!("{directory}/file"), "");
        }
        let httpd = builder(mpm, &site, &format!("PythonHandler shown\n{}", path(&site)))
            .directory(&site.path("a"), "PythonInterpreter one")
            .directory(&site.path("b"), "PythonInterpreter one")
            .directory(&site.path("c"), "PythonInterpreter two")
            .start();
        httpd.get("/a/x?globals().__setitem__('mark',5)").ok();
        assert_eq!(httpd.get("/a/x?mark").ok(), "5");
        assert_eq!(httpd.get("/b/x?mark").ok(), "5");
        assert_eq!(httpd.get("/c/x?globals().get('mark')").ok(), "None");
        assert_eq!(httpd.get("/x?globals().get('mark'),req.interpreter").ok(), "(None, 'localhost')");
    }

    [prefork, event]
    fn debug_belongs_to_its_section(mpm) {
        let site = site();
        site.write("quiet/file", "");
        let httpd = builder(mpm, &site, &format!("PythonHandler shown\n{}", path(&site)))
            .directory(&site.path("quiet"), "PythonDebug Off")
            .start();
        let shown = httpd.get("/x?no_such_name");
        assert_eq!(shown.status, 500);
        assert!(shown.text().contains("NameError"), "{}", shown.text());
        let quiet = httpd.get("/quiet/x?no_such_name");
        assert_eq!(quiet.status, 500);
        assert!(!quiet.text().contains("NameError"), "{}", quiet.text());
        assert!(httpd.log_lines("NameError").len() >= 2);
    }

    [prefork, event]
    fn debug_escapes_what_it_shows(mpm) {
        let site = site();
        let httpd: Httpd = builder(mpm, &site, "PythonHandler shown").start();
        let shown = httpd.get("/x?1/0+if+'<script>'+else+0");
        assert!(shown.text().contains("ZeroDivisionError"), "{}", shown.text());
        let raised = httpd.get("/x?int('<script>&')");
        assert_eq!(raised.status, 500);
        assert!(!raised.text().contains("<script>"), "{}", raised.text());
        assert!(raised.text().contains("&lt;script&gt;"), "{}", raised.text());
    }
}
