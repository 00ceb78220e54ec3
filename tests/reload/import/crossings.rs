//! P7, P8 and P10: requests of different directories and applications that cross in one child.

use std::thread;

use crate::app::{App, handler, module};
use crate::support::{Httpd, Site, mpm_tests};

/// A handler that shows the value of `expression`.
fn page(head: &str, expression: &str) -> String {
    format!(
        "{head}\nfrom mod_python import apache\ndef handler(req):\n    req.content_type = 'text/plain'\n    \
         req.write(str({expression}))\n    return apache.OK\n"
    )
}

mpm_tests! {
    /// P7: one handler of httpd.conf serves two directories whose .htaccess files set different paths.
    [prefork, event]
    fn search_paths_of_htaccess_files_are_not_mixed_up(mpm) {
        let site = Site::new();
        for name in ["one", "two"] {
            site.write(&format!("lib{name}/h.py"), page("import util", "util.V"));
            site.write(&format!("lib{name}/util.py"), format!("V = '{name}'"));
            let library = site.path(&format!("lib{name}"));
            site.write(&format!("{name}/.htaccess"), format!("PythonPath \"['{}'] + sys.path\"\n", library.display()));
        }
        let conf = "SetHandler mod_python\nPythonHandler h\nAllowOverride All";
        let httpd = Httpd::builder(mpm).children(1).site(&site, conf).start();
        for _ in 0..200 {
            for name in ["one", "two"] {
                assert_eq!(httpd.get(&format!("/{name}/x")).ok(), name);
            }
        }
    }

    /// A .htaccess file names another function, and the module that has it is edited at the same time.
    [prefork, event]
    fn a_handler_of_htaccess_is_renamed_with_its_function(mpm) {
        let site = Site::new();
        let with = |name: &str| page("", "'text'").replace("def handler", &format!("def {name}")).replace("text", name);
        site.write("h.py", with("f"));
        site.write(".htaccess", "SetHandler mod_python\nPythonHandler h::f\n");
        let httpd = Httpd::builder(mpm).children(1).site(&site, "AllowOverride All").start();
        assert_eq!(httpd.get("/x").ok(), "f");
        site.write("h.py", with("g"));
        site.write(".htaccess", "SetHandler mod_python\nPythonHandler h::g\n");
        assert_eq!(httpd.get("/x").ok(), "g");
    }

    /// P10: an unmanaged and a managed module import each other, and two requests begin at opposite ends.
    [event, worker]
    fn crossing_imports_of_managed_and_unmanaged_code_end(mpm) {
        let app = App::start_configured(Httpd::builder(mpm), "AllowOverride All\nPythonReloadExclude libx.py", &[
            ("h.py", &handler("", "'up'")),
            ("one.py", &page("import time", "'%s' % __import__('libx').V")),
            ("two.py", &page("import time", "'%s' % __import__('settings1').V")),
            ("libx.py", "import time\ntime.sleep(0.2)\nimport settings1\nV = 'libx'"),
            ("settings1.py", "import time\ntime.sleep(0.2)\nimport libx\nV = 'settings1'"),
        ]);
        app.expect("up");
        let conf = |name: &str| format!("SetHandler mod_python\nPythonHandler {name}\n");
        for name in ["one", "two"] {
            app.site.write(&format!("{name}/.htaccess"), conf(&format!("{}/{name}.py", app.site.root().display())));
        }
        thread::scope(|scope| {
            for name in ["one", "two"] {
                let httpd = &app.httpd;
                scope.spawn(move || {
                    // Python itself may return a half-loaded module here, so only the arrival of an answer counts.
                    let status = httpd.get(&format!("/{name}/x")).status;
                    assert!(status == 200 || status == 500, "{status}");
                });
            }
        });
        app.expect("up");
    }

    /// P8: two applications have a module of one name. The classes of both can be pickled while their requests take turns.
    [prefork]
    fn pickle_in_two_applications_with_one_name(mpm) {
        let site = Site::new();
        for name in ["one", "two"] {
            site.write(&format!("{name}/h.py"), page("import pickle, util", "pickle.loads(pickle.dumps(util.C())).V"));
            site.write(&format!("{name}/util.py"), module(&format!("class C:\n    V = '{name}'")));
        }
        let conf = |name: &str| format!("<Directory \"{}\">\nPythonHandler h\n</Directory>\n", site.path(name).display());
        let both = format!("{}{}", conf("one"), conf("two"));
        let httpd = Httpd::builder(mpm).children(1).site(&site, "SetHandler mod_python").conf(&both).start();
        for _ in 0..3 {
            for name in ["one", "two"] {
                assert_eq!(httpd.get(&format!("/{name}/x")).ok(), name);
            }
        }
    }
}
