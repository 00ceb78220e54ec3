//! P1, P6 and P7: the directories that managed modules come from, and the applications that they belong to.

use crate::{
    app::{Answer, App, handler, module},
    support::{Httpd, Site, mpm_tests},
};

/// A directory of the site in quotes that both Python and httpd.conf accept.
fn quoted(site: &Site, directory: &str) -> String {
    format!("'{}'", site.path(directory).display())
}

/// An application with these files, and with lines of configuration that depend on the site.
fn configured(mpm: crate::support::Mpm, files: &[(&str, &str)], conf: impl FnOnce(&Site) -> String) -> App {
    let site = Site::new();
    for (path, body) in files {
        site.write(path, module(body));
    }
    let conf = format!("SetHandler mod_python\n{}", conf(&site));
    // A directory `app` is served alone if there is one.
    let app = Some(site.path("app")).filter(|app| app.is_dir()).unwrap_or_else(|| site.root().to_owned());
    let lines = format!("DocumentRoot \"{}\"", app.display());
    let httpd = Httpd::builder(mpm).directory(&app, &conf).conf(&lines).start();
    App { site, httpd }
}

mpm_tests! {
    /// P1: a directory that `PythonPath` adds is a reload root.
    [prefork, event]
    fn python_path_directories_are_managed(mpm) {
        let app = configured(mpm, &[
            ("app/h.py", &handler("import shared", "shared.V")),
            ("lib/shared.py", "from deep import V"),
            ("lib/deep.py", "V = 1"),
        ], |site| format!(
            "PythonHandler h\nPythonPath \"[{}, {}] + sys.path\"", quoted(site, "app"), quoted(site, "lib")
        ));
        let first = app.expect("1");
        app.edit_runs(&first, &[("lib/deep.py", "V = 2", "2", &["deep", "shared", "h"])]);
    }

    /// P6: a file in an earlier entry of `PythonPath` takes the place of one in a later entry, until it goes.
    [prefork, event]
    fn an_earlier_entry_shadows_a_later_one(mpm) {
        let app = configured(mpm, &[
            ("app/h.py", &handler("import shared", "shared.V")),
            ("lib/shared.py", "V = 'late'"),
            ("early/unrelated.py", ""),
        ], |site| format!(
            "PythonHandler h\nPythonPath \"[{}, {}, {}] + sys.path\"",
            quoted(site, "app"), quoted(site, "early"), quoted(site, "lib")
        ));
        app.expect("late");
        app.edit_gives(&[
            ("early/shared.py", "V = 'early'", "early"),
            ("early/shared.py", "V = 'early and edited'", "early and edited"),
            ("early/shared/__init__.py", "V = 'package'", "package"),
        ]);
        std::fs::remove_dir_all(app.site.path("early/shared")).expect("the package is removed");
        app.expect("early and edited");
        app.site.remove("early/shared.py");
        app.expect("late");
        app.edit("lib/shared.py", "V = 'late and edited'");
        app.expect("late and edited");
        app.expect_failures(0);
    }

    /// A namespace package has a portion in each entry of `PythonPath`, and gets another one later.
    [prefork, event]
    fn p6_a_portion_of_a_namespace_is_added(mpm) {
        let app = configured(mpm, &[
            ("app/h.py", &handler("import ns.one\ntry:\n    from ns import two\nexcept ImportError:\n    two = ns.one",
                "'%s %s' % (ns.one.V, two.V)")),
            ("lib/ns/one.py", "V = 1"),
            ("other/unrelated.py", ""),
        ], |site| format!(
            "PythonHandler h\nPythonPath \"[{}, {}, {}] + sys.path\"",
            quoted(site, "app"), quoted(site, "other"), quoted(site, "lib")
        ));
        app.expect("1 1");
        app.edit_gives(&[
            ("other/ns/two.py", "V = 2", "1 2"),
            ("other/ns/two.py", "V = 3", "1 3"),
            ("lib/ns/one.py", "V = 4", "4 3"),
        ]);
    }

    /// P6: a package that appears in an earlier entry brings its own submodules, although a later entry has the same names.
    [prefork, event]
    fn an_earlier_package_brings_its_submodules(mpm) {
        let app = configured(mpm, &[
            ("app/h.py", &handler("import pkg.sub\nfrom pkg.user import W", "pkg.sub.V + ' ' + W")),
            ("lib/pkg/__init__.py", ""),
            ("lib/pkg/sub.py", "V = 'late'"),
            ("lib/pkg/user.py", "from .sub import V as W"),
            ("early/unrelated.py", ""),
        ], |site| format!(
            "PythonHandler h\nPythonPath \"[{}, {}, {}] + sys.path\"",
            quoted(site, "app"), quoted(site, "early"), quoted(site, "lib")
        ));
        app.expect("late late");
        app.edit("early/pkg/sub.py", "V = 'early'");
        app.edit("early/pkg/user.py", "from .sub import V as W");
        app.edit_gives(&[
            ("early/pkg/__init__.py", "", "early early"),
            ("early/pkg/sub.py", "V = 'edited'", "edited edited"),
        ]);
        std::fs::remove_dir_all(app.site.path("early/pkg")).expect("the package is removed");
        app.expect("late late");
    }

    /// P1: `PythonReloadRoot` makes a directory managed and importable.
    [prefork, event]
    fn a_reload_root_is_managed(mpm) {
        let app = configured(mpm, &[
            ("app/h.py", &handler("import shared", "shared.V")),
            ("lib/shared.py", "V = 1"),
        ], |site| format!("PythonHandler h\nPythonReloadRoot {}", quoted(site, "lib")));
        let first = app.expect("1");
        app.edit_runs(&first, &[("lib/shared.py", "V = 2", "2", &["shared", "h"])]);
    }

    /// P7: `PythonReloadExclude`: a module that matches is loaded once, and the others are reloaded.
    [prefork, event]
    fn excluded_modules_are_not_reloaded(mpm) {
        let app = configured(mpm, &[
            ("h.py", &handler("import c, settings_local, vendor.lib", "'%s %s %s' % (c.V, settings_local.V, vendor.lib.V)")),
            ("c.py", "V = 1"),
            ("settings_local.py", "V = 1"),
            ("vendor/__init__.py", ""),
            ("vendor/lib.py", "V = 1"),
        ], |_| "PythonHandler h\nPythonReloadExclude */vendor/* *_local.py".to_owned());
        let first = app.expect("1 1 1");
        app.edit("settings_local.py", "V = 2");
        app.edit("vendor/lib.py", "V = 2");
        let same = app.expect("1 1 1");
        assert!(same.runs_after(&first).is_empty());
        app.edit_runs(&first, &[("c.py", "V = 2", "2 1 1", &["c", "h"])]);
    }

    /// Two directories have a `util.py` each, in one interpreter.
    [prefork, event]
    fn p7_equal_names_in_two_directories_are_two_modules(mpm) {
        let site = Site::new();
        for (app, value) in [("app1", "one"), ("app2", "two")] {
            site.write(&format!("{app}/h.py"), module(&handler("import util", "util.V")));
            site.write(&format!("{app}/util.py"), module(&format!("V = '{value}'")));
        }
        let conf = "SetHandler mod_python\nPythonHandler h\nPythonInterpreter main";
        let httpd = Httpd::builder(mpm)
            .directory(&site.path("app1"), conf)
            .directory(&site.path("app2"), conf)
            .conf(&format!("DocumentRoot \"{}\"", site.root().display()))
            .start();
        let app = App { site, httpd };
        assert_eq!(app.ask_at("/app1/").value, "one");
        let first = app.ask_at("/app2/");
        assert_eq!(first.value, "two");
        app.edit("app1/util.py", "V = 'edited'");
        let second = app.ask_at("/app2/");
        assert_eq!(second.value, "two");
        assert!(second.runs_after(&first).is_empty(), "the other application was touched");
        let third = app.ask_at("/app1/");
        assert_eq!(third.value, "edited");
        assert_eq!(third.runs_after(&first), ["util", "h"]);
        assert_eq!(app.ask_at("/app2/").value, "two");
    }

    /// Two virtual hosts with the same directory do not share modules, and both see an edit.
    [prefork, event]
    fn p7_virtual_hosts_are_apart(mpm) {
        let site = Site::with(&[
            ("h.py", &module(&handler("import c\ncount = [0]", "'%s %d' % (c.V, c.next())"))),
            ("c.py", &module("V = 1\nn = 0\ndef next():\n    global n\n    n += 1\n    return n")),
        ]);
        let conf = "SetHandler mod_python\nPythonHandler h";
        let mut lines = String::new();
        for name in ["one.example", "two.example"] {
            lines += &format!("<VirtualHost *:*>\nServerName {name}\nDocumentRoot \"{}\"\n</VirtualHost>\n", site.root().display());
        }
        let httpd = Httpd::builder(mpm).directory(site.root(), conf).conf(&lines).start();
        let app = App { site, httpd };
        let ask = |host: &str| Answer::of(&app.httpd.request("GET", "/", &[("Host", host)], None)).value;
        assert_eq!(ask("one.example"), "1 1");
        assert_eq!(ask("one.example"), "1 2");
        assert_eq!(ask("two.example"), "1 1");
        assert_eq!(ask("one.example"), "1 3");
        app.edit("c.py", "V = 2\nn = 0\ndef next():\n    global n\n    n += 1\n    return n");
        assert_eq!(ask("two.example"), "2 1");
        assert_eq!(ask("two.example"), "2 2");
        assert_eq!(ask("one.example"), "2 1");
    }

    /// Two interpreters of `PythonInterpreter` share the path of `util`. Each has its own `util`, and both see an edit, a
    /// broken one too.
    [prefork, event]
    fn p7_interpreters_that_share_a_path_are_apart(mpm) {
        let util = |value: &str| format!("import itertools\nturns = itertools.count(1)\nV = {value}");
        let files = [
            ("one/h.py", handler("import util", "'one %s %d' % (util.V, next(util.turns))")),
            ("two/h.py", handler("import util", "'two %s %d' % (util.V, next(util.turns))")),
            ("shared/util.py", util("1")),
        ];
        let site = Site::new();
        for (path, body) in &files {
            site.write(path, module(body));
        }
        let section = |name: &str| {
            format!(
                "<Directory {}>\nSetHandler mod_python\nPythonHandler h\nPythonInterpreter {name}\n\
                 PythonPath \"['{}', '{}'] + sys.path\"\n</Directory>\n",
                quoted(&site, name),
                site.path(name).display(),
                site.path("shared").display(),
            )
        };
        let conf = section("one") + &section("two");
        let httpd = Httpd::builder(mpm).site(&site, "").conf(&conf).start();
        let app = App { site, httpd };
        let expect = |name: &str, value: u32, turn: u32| {
            let answer = app.ask_at(&format!("/{name}/"));
            assert_eq!(answer.value, format!("{name} {value} {turn}"));
            answer
        };
        expect("one", 1, 1);
        expect("one", 1, 2);
        let first = expect("two", 1, 1);
        app.edit("shared/util.py", &util("2"));
        let second = expect("one", 2, 1);
        assert_eq!(second.runs_after(&first), ["util", "h"]);
        assert_eq!(expect("two", 2, 1).runs_after(&second), ["util", "h"]);
        app.edit("shared/util.py", &util("1 / 0"));
        expect("two", 2, 2);
        expect("one", 2, 2);
        app.edit("shared/util.py", &util("3"));
        expect("one", 3, 1);
        expect("two", 3, 1);
        expect("two", 3, 2);
    }

    /// P7: a file of the application has the name of a standard module. Only the application gets it. The standard library
    /// keeps its own module, also where that is imported for the first time later.
    [prefork, event]
    fn a_standard_name_is_shadowed_for_managed_code_alone(mpm) {
        let head = "
import bisect, json, user
import statistics
outside = {'__name__': 'outside'}
exec('import json, bisect', outside)
";
        let value = "'%s %s %s %s %s' % (json.V, user.V, bisect.V, outside['json'].loads('[1]'), statistics.median([3, 1, 2]))";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, &format!("{value} + ' %s' % hasattr(outside['bisect'], 'insort')"))),
            ("user.py", "from json import V"),
            ("json.py", "V = 'mine'"),
            ("bisect.py", "V = 1"),
        ]);
        app.expect("mine mine 1 [1] 2 True");
        app.edit_gives(&[
            ("json.py", "V = 'edited'", "edited edited 1 [1] 2 True"),
            ("bisect.py", "V = 2", "edited edited 2 [1] 2 True"),
        ]);
    }

    /// P7: the same for a file that appears while the server runs, and goes away again.
    [prefork, event]
    fn a_standard_name_is_shadowed_later(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import colorsys, json\nimport statistics", "getattr(colorsys, 'V', 'standard')")),
        ]);
        app.expect("standard");
        app.edit("colorsys.py", "V = 'mine'");
        let value = app.ask().value;
        assert!(["mine", "standard"].contains(&value.as_str()), "one policy or the other: {value}");
        // A later importer and every other request get the same module.
        app.edit("h.py", &handler("import colorsys, other", "getattr(colorsys, 'V', 'standard') + ' ' + other.V"));
        app.edit("other.py", "import colorsys\nV = getattr(colorsys, 'V', 'standard')");
        app.expect(&format!("{value} {value}"));
        app.site.remove("colorsys.py");
        app.expect("standard standard");
        app.expect_failures(0);
    }
}
