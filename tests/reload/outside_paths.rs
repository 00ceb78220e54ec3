//! P1 and P7: directories that code puts on `sys.path` itself, and names that two applications have.

use crate::{
    app::{App, handler, module},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    /// What a body finds through a directory of the application that it has put on `sys.path` is fresh.
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
        app.edit("lib/outside_part.py", "V =");
        app.expect("3");
        app.edit("lib/outside_part.py", "V = 4");
        app.expect("4");
    }

    /// Case 16, by way of the standard library: it imports for the application that asks.
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
}
