//! `PythonPath`, and handlers that are given as files.

use crate::{
    show::{CODE, builder, site},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    [prefork, event]
    fn python_path_is_the_search_path(mpm) {
        let site =
            Site::with(&[("lib/shown.py", CODE), ("lib/helper.py", "V = 'of lib'"), ("helper.py", "V = 'beside'")]);
        let lib = site.path("lib").display().to_string();
        let httpd =
            builder(mpm, &site, &format!("PythonHandler shown\nPythonPath \"[os.path.join('{lib}')] + sys.path\""))
                .start();
        assert_eq!(httpd.get("/?__import__('helper').V").ok(), "of lib");
        assert_eq!(httpd.get("/?__file__").ok(), format!("{lib}/shown.py"));
    }

    [prefork, event]
    fn two_sections_have_two_paths(mpm) {
        let site = Site::with(&[
            ("one/shown.py", CODE),
            ("one/helper.py", "V = 'one'"),
            ("two/shown.py", CODE),
            ("two/helper.py", "V = 'two'"),
            ("a/file", ""),
            ("b/file", ""),
        ]);
        let line = |name: &str| format!("PythonPath \"['{}'] + sys.path\"", site.path(name).display());
        let httpd = builder(mpm, &site, "PythonHandler shown")
            .directory(&site.path("a"), &line("one"))
            .directory(&site.path("b"), &line("two"))
            .start();
        for _ in 0..3 {
            assert_eq!(httpd.get("/a/x?__import__('helper').V").ok(), "one");
            assert_eq!(httpd.get("/b/x?__import__('helper').V").ok(), "two");
        }
    }

    [prefork, event]
    fn an_expression_that_fails_is_the_requests_error(mpm) {
        let site = site();
        for directory in ["syntax", "raises", "number", "fine"] {
            site.write(&format!("{directory}/file"), "");
        }
        let httpd = builder(mpm, &site, "PythonHandler shown")
            .directory(&site.path("syntax"), "PythonPath \"[\"")
            .directory(&site.path("raises"), "PythonPath \"[no_such_name]\"")
            .directory(&site.path("number"), "PythonPath \"5\"")
            .directory(&site.path("fine"), &crate::show::path(&site))
            .start();
        for (directory, error) in [("syntax", "SyntaxError"), ("raises", "NameError"), ("number", "TypeError")] {
            for _ in 0..2 {
                let response = httpd.get(&format!("/{directory}/x"));
                assert_eq!(response.status, 500, "{directory}");
            }
            assert!(!httpd.log_lines(error).is_empty(), "{error} in {}", httpd.log());
        }
        assert_eq!(httpd.get("/fine/x").ok(), "shown");
    }

    [prefork, event]
    fn without_python_path_the_sections_directory_comes_first(mpm) {
        let site = site();
        site.write("json.py", "V = 'mine'");
        site.write("inner/json.py", "V = 'inner'");
        site.write("inner/shown.py", CODE);
        let httpd =
            builder(mpm, &site, "PythonHandler shown").directory(&site.path("inner"), "PythonHandler shown").start();
        assert_eq!(httpd.get("/?__import__('json').V").ok(), "mine");
        assert_eq!(httpd.get("/inner/x?__import__('json').V").ok(), "inner");
        assert_eq!(httpd.get("/?__import__('json').V").ok(), "mine");
    }

    [prefork, event]
    fn handlers_given_as_files(mpm) {
        let site = Site::with(&[
            ("lib/absolute.py", CODE),
            ("beside.py", CODE),
            ("sub/below.py", CODE),
            ("sub/helper.py", "V = 'of sub'"),
            ("inner/file", ""),
        ]);
        let absolute = site.path("lib/absolute").display().to_string();
        for directory in ["b", "c", "d", "e"] {
            site.write(&format!("{directory}/file"), "");
        }
        site.write("d/own.py", CODE);
        let httpd = builder(mpm, &site, &format!("PythonHandler {absolute}.py"))
            .directory(&site.path("b"), &format!("PythonHandler {absolute}::a"))
            .directory(&site.path("c"), &format!("PythonHandler {}/sub/below.py", site.root().display()))
            .directory(&site.path("d"), "PythonHandler ./own.py::b")
            .directory(&site.path("e"), "PythonHandler ~/absent.py")
            .start();
        assert_eq!(httpd.get("/?__file__").ok(), format!("{absolute}.py"));
        assert_eq!(httpd.get("/b/x").ok(), "a '' ");
        assert_eq!(httpd.get("/c/x?__import__('helper').V").ok(), "of sub");
        assert_eq!(httpd.get("/d/x").ok(), "b '' ");
        assert_eq!(httpd.get("/e/x").status, 500);
        assert!(!httpd.log_lines("absent").is_empty(), "{}", httpd.log());

        let httpd = builder(mpm, &site, "PythonHandler ~/sub/below").start();
        assert_eq!(httpd.get("/inner/x?__import__('helper').V").ok(), "of sub");
        assert_eq!(httpd.get("/?__file__").ok(), site.path("sub/below.py").display().to_string());

        // An edit of such a file is seen too.
        site.write("sub/below.py", CODE.replace("'shown'", "'edited'"));
        assert_eq!(httpd.get("/").ok(), "edited");
    }

    [prefork, event]
    fn a_package_as_a_handler(mpm) {
        let site = Site::with(&[
            ("package/__init__.py", ""),
            ("package/views/__init__.py", CODE),
            ("package/views/page.py", CODE),
        ]);
        let httpd = builder(mpm, &site, "PythonHandler package.views.page::a package.views::b").start();
        assert_eq!(httpd.get("/").ok(), "a '' b '' ");
    }

    [prefork, event]
    fn import_module_finds_what_an_import_finds(mpm) {
        let site = site();
        site.write("helper.py", "V = 'first'");
        site.write("package/__init__.py", "");
        site.write("package/part.py", "V = 'part'");
        let httpd = builder(mpm, &site, "PythonHandler shown").start();
        assert_eq!(httpd.get("/?apache.import_module('helper').V").ok(), "first");
        assert_eq!(httpd.get("/?apache.import_module('helper')+is+__import__('helper')").ok(), "True");
        assert_eq!(httpd.get("/?apache.import_module('package.part',autoreload=1,log=0).V").ok(), "part");
        assert_eq!(httpd.get("/?apache.import_module('no_such_module')").status, 500);
        site.write("helper.py", "V = 'second'");
        assert_eq!(httpd.get("/?apache.import_module('helper').V").ok(), "second");
    }

    [prefork, event]
    fn what_every_interpreter_finds(mpm) {
        let site = site();
        let httpd: Httpd = builder(mpm, &site, "PythonHandler shown").start();
        assert_eq!(httpd.get("/?sys.argv").ok(), "['mod_python']");
        assert_eq!(httpd.get("/?apache.interpreter").ok(), "main_interpreter");
        assert_eq!(httpd.get("/?__import__('mod_python').mp_version").ok(), env!("CARGO_PKG_VERSION"));
    }
}
