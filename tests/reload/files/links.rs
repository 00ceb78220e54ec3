//! P1 and P6: links whose targets appear later, links that are turned, and search directories that are made later.

use std::fs;
use std::os::unix::fs::symlink;

use crate::{
    app::{App, Held, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests},
    zip::zip,
};

/// The head of a handler that does without the module `x` if there is none.
const PERHAPS: &str = "try:\n    from x import V\nexcept ImportError:\n    V = 'none'";

/// Replaces a link in one step.
fn turn(site: &Site, link: &str, target: &str) {
    symlink(target, site.path("turned")).expect("a link is made");
    fs::rename(site.path("turned"), site.path(link)).expect("the link is replaced");
}

fn served(mpm: Mpm, site: Site, conf: &str) -> App {
    let conf = format!("SetHandler mod_python\nPythonHandler h\n{conf}");
    let httpd = Httpd::builder(mpm).conf(&format!("DocumentRoot \"{}\"", site.path("app").display()));
    let httpd = httpd.directory(&site.path("app"), &conf).start();
    App { site, httpd }
}

/// Expects that a link without a target is an error, and no missing module: `except ImportError` does not hide it.
#[track_caller]
fn refuses(app: &App) {
    assert_eq!(app.httpd.get("/").status, 500);
    let errors = app.httpd.log_lines("FileNotFoundError");
    assert_eq!(errors.len(), 1, "{}", app.httpd.log());
    assert!(errors[0].contains("app/x.py"), "{errors:?}");
}

mpm_tests! {
    /// P1, P6: a link without a target is an error. The target's appearance, edits and replacement are seen.
    [prefork, event]
    fn the_target_of_a_link_appears(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler(PERHAPS, "V")));
        site.write("away/near/unrelated", "");
        symlink("../away/near/target.py", site.path("app/x.py")).expect("a link is made");
        let app = served(mpm, site, "");
        refuses(&app);
        app.site.write("away/near/target.py", module("V = 'there'"));
        app.expect("there");
        app.site.write("away/near/target.py", module("V = 'edited'"));
        app.expect("edited");
        app.site.remove("away/near/target.py");
        app.site.write("away/near/target.py", module("V = 'again'"));
        app.expect("again");
    }

    /// P6: a body asks `find_spec` for a module before it imports it, at the top and in a package.
    [prefork, event]
    fn what_find_spec_was_asked_for_appears(mpm) {
        let head = "import importlib.util
names = [name for name in ('asked', 'asked_part.inner') if importlib.util.find_spec(name)]
V = ' '.join(importlib.import_module(name).V for name in names)";
        let app = App::start(mpm, &[("h.py", &handler(head, "V")), ("asked_part/__init__.py", "")]);
        app.expect("");
        app.edit_gives(&[
            ("asked.py", "V = 'there'", "there"),
            ("asked_part/inner.py", "V = 'inner'", "there inner"),
        ]);
        app.site.remove("asked.py");
        app.expect("inner");
        app.site.remove("asked_part/inner.py");
        app.expect("");
    }

    /// P1, P6: the same where the target's directory does not exist either.
    [prefork, event]
    fn the_target_of_a_link_appears_with_its_directory(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler(PERHAPS, "V")));
        symlink("../away/near/target.py", site.path("app/x.py")).expect("a link is made");
        let app = served(mpm, site, "");
        refuses(&app);
        app.site.write("away/near/target.py", module("V = 'there'"));
        app.expect("there");
    }

    /// P1, P6: a package is a link. Its directory appears later, is edited there, and is replaced by another one.
    [prefork, event]
    fn the_directory_of_a_linked_package_appears(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler("try:\n    from x.y import V\nexcept ImportError:\n    V = 'none'", "V")));
        symlink("../away/x", site.path("app/x")).expect("a link is made");
        let app = served(mpm, site, "");
        app.expect("none");
        app.site.write("staged/__init__.py", "");
        app.site.write("staged/y.py", module("V = 'there'"));
        fs::create_dir(app.site.path("away")).expect("a directory is made");
        fs::rename(app.site.path("staged"), app.site.path("away/x")).expect("the package is moved");
        app.expect("there");
        app.site.write("away/x/y.py", module("V = 'edited'"));
        app.expect("edited");
        app.site.write("other/__init__.py", "");
        app.site.write("other/y.py", module("V = 'other'"));
        turn(&app.site, "app/x", "../other");
        app.expect("other");
        app.site.write("other/y.py", module("V = 'other, edited'"));
        app.expect("other, edited");
    }

    /// P1: a module is reached through two links. The second one is turned, and its new target is edited.
    [prefork, event]
    fn a_chain_of_links_is_turned_in_the_middle(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler(PERHAPS, "V")));
        site.write("away/one.py", module("V = 'one'"));
        site.write("farther/two.py", module("V = 'two'"));
        site.write("middle/unrelated", "");
        symlink("../away/one.py", site.path("middle/m.py")).expect("a link is made");
        symlink("../middle/m.py", site.path("app/x.py")).expect("a link is made");
        let app = served(mpm, site, "");
        app.expect("one");
        turn(&app.site, "middle/m.py", "../farther/two.py");
        app.expect("two");
        app.site.write("farther/two.py", module("V = 'two, edited'"));
        app.expect("two, edited");
        turn(&app.site, "middle/m.py", "../farther/three.py");
        app.expect("two, edited");
        app.site.write("farther/three.py", module("V = 'three'"));
        app.expect("three");
        turn(&app.site, "middle/m.py", "../away/one.py");
        app.expect("one");
    }

    /// P1: the same with links to the directory of a package and to one of its ancestors.
    [prefork, event]
    fn a_chain_of_links_to_a_package_is_turned(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler("from x.y import V", "V")));
        for release in ["r1", "r2"] {
            site.write(&format!("{release}/lib/x/__init__.py"), "");
            site.write(&format!("{release}/lib/x/y.py"), module(&format!("V = '{release}'")));
        }
        symlink("r1", site.path("current")).expect("a link is made");
        symlink("current/lib", site.path("lib")).expect("a link is made");
        symlink("../lib/x", site.path("app/x")).expect("a link is made");
        let app = served(mpm, site, "");
        app.expect("r1");
        turn(&app.site, "current", "r2");
        app.expect("r2");
        app.site.write("r2/lib/x/y.py", module("V = 'r2, edited'"));
        app.expect("r2, edited");
        turn(&app.site, "current", "r1");
        app.expect("r1");
    }

    /// P1: a directory that `PythonPath` names is made after the first request.
    [prefork, event]
    fn a_directory_of_python_path_is_made_later(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler(PERHAPS, "V")));
        let (own, later) = (site.path("app"), site.path("later/lib"));
        let conf = format!("PythonPath \"['{}', '{}'] + sys.path\"", own.display(), later.display());
        let app = served(mpm, site, &conf);
        app.expect("none");
        app.site.write("later/lib/x.py", module("V = 'there'"));
        app.expect("there");
        app.site.write("later/lib/x.py", module("V = 'edited'"));
        app.expect("edited");
        fs::remove_dir_all(app.site.path("later")).expect("the directory is removed");
        app.expect("none");
        app.site.write("later/lib/x.py", module("V = 'again'"));
        app.expect("again");
    }

    /// P1: a reload root exists when httpd starts, is removed, and is made again after the first request.
    [prefork, event]
    fn a_reload_root_is_made_again(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler(PERHAPS, "V")));
        site.write("later/base/unrelated", "");
        let conf = format!("PythonReloadRoot \"{}\"", site.path("later/base").display());
        let app = served(mpm, site, &conf);
        fs::remove_dir_all(app.site.path("later")).expect("the root is removed");
        app.expect("none");
        app.site.write("later/base/x.py", module("V = 'there'"));
        app.expect("there");
        app.site.write("later/base/x.py", module("V = 'edited'"));
        app.expect("edited");
    }

    /// An archive that `PythonPath` names is made after the first request.
    [prefork, event]
    fn p6_an_archive_is_made_later(mpm) {
        let site = Site::new();
        site.write("app/h.py", module(&handler(PERHAPS, "V")));
        let (own, later) = (site.path("app"), site.path("later/lib.zip"));
        let conf = format!("PythonPath \"['{}', '{}'] + sys.path\"", own.display(), later.display());
        let app = served(mpm, site, &conf);
        app.expect("none");
        app.site.write("later/lib.zip", zip(&[("x.py", "V = 'there'")]));
        app.expect("there");
        app.site.write("later/lib.zip", zip(&[("x.py", "V = 'edited'")]));
        app.expect("edited");
    }

    /// P1: code of the application adds a directory to `sys.path` before the directory exists.
    [prefork, event]
    fn a_directory_that_code_adds_to_the_path_is_made_later(mpm) {
        let site = Site::new();
        let head = format!("import os, sys\nHERE = os.path.join(os.path.dirname(__file__), 'plugins')\n\
                            if HERE not in sys.path:\n    sys.path.append(HERE)\n{PERHAPS}");
        site.write("app/h.py", module(&handler(&head, "V")));
        let app = served(mpm, site, "");
        app.expect("none");
        app.site.write("app/plugins/x.py", module("V = 'there'"));
        app.expect("there");
        app.site.write("app/plugins/x.py", module("V = 'edited'"));
        app.expect("edited");
    }

    /// P1, P4: a submodule appears while a request runs that looks for it.
    [prefork, event]
    fn a_part_of_a_package_appears_within_a_request(mpm) {
        let part = "def part():\n    try:\n        import pkg.part as part\n    except ImportError:\n        return 'none'\n    return part.V";
        for package in ["pkg/__init__.py", "pkg/unrelated"] {
            let app = App::start(mpm, &[("h.py", &handler(part, "part()")), (package, "")]);
            let held = Held::start(&app);
            app.site.write("pkg/part.py", module("V = 'there'"));
            assert_eq!(held.finish().value, "none then none");
            app.expect("there");
            app.edit("pkg/part.py", "V = 'edited'");
            app.expect("edited");
        }
    }
}
