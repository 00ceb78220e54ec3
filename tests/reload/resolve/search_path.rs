//! P1 and P7: directories that code adds to `sys.path`, and names that two applications share.

use std::{fs, os::unix::fs::symlink};

use crate::{
    app::{Answer, App, handler, module},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    /// P1: a body adds a directory of the application to `sys.path`, and what it imports from there is fresh.
    [prefork, event]
    fn a_directory_that_a_body_puts_on_the_path(mpm) {
        let path = "import os, sys\n\
                    lib = os.path.join(os.path.dirname(__file__), 'lib')\n\
                    if lib not in sys.path: sys.path.insert(0, lib)\n\
                    from outside_part import V";
        let app = App::start(mpm, &[("h.py", &handler(path, "V")), ("lib/outside_part.py", "V = 1")]);
        app.expect("1");
        for value in ["2", "3"] {
            app.edit("lib/outside_part.py", &format!("V = {value}"));
            app.expect(value);
        }
        app.edit_gives(&[
            ("lib/outside_part.py", "V =", "3"),
            ("lib/outside_part.py", "V = 4", "4"),
        ]);
    }

    /// Portions of a namespace package appear in directories that a body adds to `sys.path`, and an earlier directory shadows a
    /// later one.
    [prefork, event]
    fn p6_portions_appear_in_directories_that_a_body_adds(mpm) {
        let head = "import os, sys
for lib in ['lib1', 'lib2']:
    lib = os.path.join(os.path.dirname(__file__), lib)
    if lib not in sys.path: sys.path.append(lib)
import outside_space.x
def late():
    try:
        import outside_space.y
        return outside_space.y.V
    except ImportError:
        return None";
        let value = "'%s %s' % (outside_space.x.V, late())";
        let app = App::start(mpm, &[("h.py", &handler(head, value)), ("lib2/outside_space/x.py", "V = 1")]);
        app.expect("1 None");
        app.edit_gives(&[
            ("lib1/outside_space/y.py", "V = 2", "1 2"),
            ("lib1/outside_space/y.py", "V = 3", "1 3"),
            ("lib1/outside_space/x.py", "V = 4", "4 3"),
        ]);
        app.site.remove("lib1/outside_space/x.py");
        app.expect("1 3");
        app.edit("lib2/outside_space/__init__.py", "");
        app.expect("1 None");
    }

    /// A body adds a release to `sys.path` by its link.
    [prefork, event]
    fn p1_a_linked_directory_that_a_body_adds_is_turned(mpm) {
        let path = "import os, sys\n\
                    lib = os.path.join(os.path.dirname(__file__), 'current')\n\
                    if lib not in sys.path: sys.path.insert(0, lib)\n\
                    import outside_whole, outside_same";
        let site = Site::new();
        for release in ["one", "two"] {
            site.write(&format!("{release}/outside_part.py"), module(&format!("V = '{release}'")));
            site.write(&format!("{release}/outside_whole.py"), module("from outside_part import V"));
            site.write(&format!("{release}/outside_same.py"), module("import outside_part"));
        }
        let value = "'%s %s' % (outside_whole.V, outside_same.outside_part.V)";
        site.write("h.py", module(&handler(path, value)));
        symlink("one", site.path("current")).expect("a link is made");
        let app = App::serve(Httpd::builder(mpm), site, "");
        app.expect("one one");
        for release in ["two", "one", "two"] {
            symlink(release, app.site.path("next")).expect("a link is made");
            fs::rename(app.site.path("next"), app.site.path("current")).expect("the link is replaced");
            app.expect(&format!("{release} {release}"));
        }
        app.edit("two/outside_part.py", "V = 'new'");
        app.expect("new new");
    }

    /// P7: the standard library imports for the application that calls it.
    [prefork, event]
    fn names_that_the_standard_library_imports(mpm) {
        let site = Site::new();
        let mut builder = Httpd::builder(mpm);
        for directory in ["one", "two"] {
            let head = "import pkgutil";
            site.write(&format!("{directory}/h.py"), module(&handler(head, "pkgutil.resolve_name('util:V')")));
            site.write(&format!("{directory}/util.py"), module(&format!("V = '{directory}'")));
            let conf = "SetHandler mod_python\nPythonHandler h";
            builder = builder.directory(&site.root().join(directory), conf);
        }
        let httpd = builder.site(&site, "").start();
        let app = App { site, httpd };
        for _ in 0..2 {
            assert_eq!(app.ask_at("/one/").value, "one");
            assert_eq!(app.ask_at("/two/").value, "two");
        }
        app.edit("two/util.py", "V = 'edited'");
        assert_eq!(app.ask_at("/one/").value, "one");
        assert_eq!(app.ask_at("/two/").value, "edited");
    }

    /// P7: a page in a plain subdirectory imports the helper beside it, although another application has a module of that name.
    [prefork, event]
    fn neighbours_with_names_of_other_applications(mpm) {
        let site = Site::new();
        site.write("one/h.py", module(&handler("import outside_helper", "outside_helper.V")));
        site.write("one/outside_helper.py", module("V = 'of one'"));
        site.write("two/sub/page.py", "def f(req):\n    import outside_helper\n    return outside_helper.V");
        site.write("two/sub/outside_helper.py", "V = 'of two'");
        let httpd = Httpd::builder(mpm)
            .directory(&site.path("one"), "SetHandler mod_python\nPythonHandler h")
            .directory(&site.path("two"), "SetHandler mod_python\nPythonHandler mod_python.publisher")
            .site(&site, "")
            .start();
        assert_eq!(Answer::of(&httpd.get("/one/")).value, "of one");
        assert_eq!(httpd.get("/two/sub/page/f").ok(), "of two");
        assert_eq!(Answer::of(&httpd.get("/one/")).value, "of one");
    }
}
