//! P3, P6, P7 and P8: zip archives on the search path.

use std::{fs, path::Path};

use crate::{
    app::{App, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests},
    zip::zip,
};

/// Replaces an archive by an atomic rename.
fn replace(path: &Path, members: &[(&str, &str)]) {
    let beside = path.with_extension("new");
    fs::write(&beside, zip(members)).expect("the archive is written");
    fs::rename(beside, path).expect("a rename within the site");
}

/// An application with `lib.zip` of its site on its path.
fn start(mpm: Mpm, expression: &str, members: &[(&str, &str)]) -> App {
    let site = Site::new();
    let head = "import mod\nfrom pkg import part\nimport pkg.other";
    site.write("app/h.py", module(&handler(head, expression)));
    fs::write(site.path("lib.zip"), zip(members)).expect("the archive is written");
    let root = site.root().display();
    let path = format!("PythonPath \"['{root}/app', '{root}/lib.zip'] + sys.path\"");
    App::serve(Httpd::builder(mpm), site, &path)
}

mpm_tests! {
    [prefork, event]
    fn p6_an_archive_is_replaced(mpm) {
        let members = |value: &str, part: &str| [
            ("mod.py".to_owned(), module(&format!("import pkg.other\nV = '{value}' + pkg.other.V"))),
            ("pkg/__init__.py".to_owned(), module("")),
            ("pkg/part.py".to_owned(), module(&format!("V = '{part}'"))),
            ("pkg/other.py".to_owned(), module("V = 'o'")),
        ];
        let of = |all: &[(String, String); 4]| zip(&all.each_ref().map(|(name, text)| (name.as_str(), text.as_str())));
        let first_members = members("a", "1");
        let borrowed = first_members.each_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        let app = start(mpm, "'%s %s %s' % (mod.V, part.V, id(pkg.other))", &borrowed);
        let first = app.ask();
        let (values, id) = first.value.rsplit_once(' ').expect("three parts");
        assert_eq!(values, "ao 1");
        // Two members change at once, and both are served.
        let path = app.site.path("lib.zip");
        let beside = app.site.path("lib.new");
        fs::write(&beside, of(&members("b", "2"))).expect("the archive is written");
        fs::rename(&beside, &path).expect("a rename within the site");
        let second = app.expect(&format!("bo 2 {id}"));
        assert_eq!(second.sorted_runs_after(&first), ["h", "mod", "pkg.part"]);
        // In place, with one member that differs.
        fs::write(&path, of(&members("b", "3"))).expect("the archive is written");
        let third = app.expect(&format!("bo 3 {id}"));
        assert_eq!(third.sorted_runs_after(&second), ["h", "pkg.part"]);
        // The same content in another file.
        fs::write(&beside, of(&members("b", "3"))).expect("the archive is written");
        fs::rename(&beside, &path).expect("a rename within the site");
        let fourth = app.expect(&format!("bo 3 {id}"));
        assert!(fourth.runs_after(&third).is_empty());
    }

    [prefork, event]
    fn p3_a_broken_archive_and_a_broken_module_keep_the_last_good_generation(mpm) {
        let app = start(mpm, "mod.V + part.V", &[
            ("mod.py", "V = 'a'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", "V = '1'"),
            ("pkg/other.py", ""),
        ]);
        app.expect("a1");
        let path = app.site.path("lib.zip");
        let good = zip(&[
            ("mod.py", "V = 'b'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", "V = '2'"),
            ("pkg/other.py", ""),
        ]);
        fs::write(&path, &good[..good.len() - 30]).expect("half an archive is written");
        app.expect("a1");
        app.expect("a1");
        assert_eq!(app.failures().len(), 1, "one line for one failing content:\n{}", app.httpd.log());
        assert!(app.failures()[0].contains("lib.zip"), "{}", app.httpd.log());
        fs::write(&path, &good).expect("the archive is written");
        app.expect("b2");
        replace(&path, &[
            ("mod.py", "V = 'c'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", "V = 1 / 0"),
            ("pkg/other.py", ""),
        ]);
        app.expect("b2");
        fs::remove_file(&path).expect("the archive is removed");
        app.expect("b2");
        replace(&path, &[
            ("mod.py", "V = 'd'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", "V = '4'"),
            ("pkg/other.py", ""),
        ]);
        app.expect("d4");
    }

    /// Python's own finder loads the excluded members, and programs still see the archive on `sys.path`.
    [prefork, event]
    fn p7_excluded_members_are_left_to_python(mpm) {
        let site = Site::new();
        let head = "import left, mod, pkgutil, sys\n\
                    NAMES = lambda: [m.name for m in pkgutil.iter_modules([p for p in sys.path if p.endswith('lib.zip')])]";
        site.write("app/h.py", module(&handler(head, "' '.join([left.V, mod.V, *NAMES()])")));
        fs::write(site.path("lib.zip"), zip(&[("left.py", "V = 'l'"), ("mod.py", "V = 'm'")])).expect("the archive is written");
        let root = site.root().display();
        let conf = format!(
            "PythonReloadExclude {root}/lib.zip/left.py\n\
             PythonPath \"['{root}/app', '{root}/lib.zip'] + sys.path\""
        );
        let app = App::serve(Httpd::builder(mpm), site, &conf);
        app.expect("l m left mod");
        app.expect("l m left mod");
        replace(&app.site.path("lib.zip"), &[("left.py", "V = 'x'"), ("mod.py", "V = 'n'")]);
        app.expect("l n left mod");
    }

    [prefork, event]
    fn p6_modules_and_members_come_and_go(mpm) {
        let app = start(mpm, "mod.V", &[
            ("mod.py", "try:\n    import extra\n    V = extra.V\nexcept ImportError:\n    V = 'none'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", ""),
            ("pkg/other.py", ""),
        ]);
        app.expect("none");
        let mut members = vec![
            ("mod.py", "try:\n    import extra\n    V = extra.V\nexcept ImportError:\n    V = 'none'"),
            ("pkg/__init__.py", ""),
            ("pkg/part.py", ""),
            ("pkg/other.py", ""),
            ("extra/__init__.py", "from .deep import V"),
            ("extra/deep.py", "V = 'extra'"),
        ];
        replace(&app.site.path("lib.zip"), &members);
        app.expect("extra");
        members.truncate(4);
        replace(&app.site.path("lib.zip"), &members);
        app.expect("none");
        // A file in front of it shadows the archive's.
        app.site.write("app/mod.py", "V = 'shadow'");
        app.expect("shadow");
        app.site.remove("app/mod.py");
        app.expect("none");
    }

    /// inspect, tracebacks, pkgutil and importlib.resources read from the archive, before and after an edit.
    [prefork, event]
    fn p8_sources_and_resources_are_read_from_archives(mpm) {
        const MOD: &str = "import inspect, pkgutil, traceback, pkg, pkg.other
from importlib import resources
def fail():
    1 / 0  # VERSION
DATA = pkgutil.get_data('pkg', 'data.txt').decode()
TEXT = resources.files(pkg).joinpath('text.txt').read_text()
NAMES = ','.join(sorted(p.name for p in resources.files(pkg).iterdir() if p.name.endswith('.txt')))
MODULES = ','.join(m.name for m in pkgutil.iter_modules(pkg.__path__))
def look():
    try:
        fail()
    except ZeroDivisionError:
        trace = traceback.format_exc()
    return ' '.join([DATA, TEXT, NAMES, MODULES, trace.split('# ')[1].split()[0],
        inspect.getsource(fail).split('# ')[1].strip(), '/'.join(__file__.split('/')[-2:])])";
        let version = |version: &str| MOD.replace("VERSION", version);
        let members = |code: &'static str, data: &'static str| {
            vec![
                ("mod.py".to_owned(), module(&version(code))),
                ("pkg/__init__.py".to_owned(), module("")),
                ("pkg/part.py".to_owned(), String::new()),
                ("pkg/other.py".to_owned(), String::new()),
                ("pkg/data.txt".to_owned(), data.to_owned()),
                ("pkg/text.txt".to_owned(), "text".to_owned()),
            ]
        };
        let start_with = members("one", "d1");
        let borrowed: Vec<(&str, &str)> = start_with.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        let app = start(mpm, "mod.look()", &borrowed);
        let first = app.expect("d1 text data.txt,text.txt other,part one one lib.zip/mod.py");
        for (code, data, expected) in [
            ("two", "d1", "d1 text data.txt,text.txt other,part two two lib.zip/mod.py"),
            // Only data differs, and the body has read it.
            ("two", "d2", "d2 text data.txt,text.txt other,part two two lib.zip/mod.py"),
        ] {
            let next = members(code, data);
            let borrowed: Vec<(&str, &str)> = next.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
            replace(&app.site.path("lib.zip"), &borrowed);
            let now = app.expect(expected);
            assert!(now.runs_after(&first).contains(&"mod"));
            assert!(!now.runs_after(&first).contains(&"pkg"));
        }
    }

    /// A body adds an archive to the path, and one that does not exist yet.
    [prefork, event]
    fn p6_archives_that_a_body_adds_are_followed(mpm) {
        let head = "import os, sys
for name in ['lib.zip', 'later.zip']:
    name = os.path.join(os.path.dirname(__file__), name)
    if name not in sys.path: sys.path.append(name)
import added_part.m
def late():
    try:
        import added_late
        return added_late.V
    except ImportError:
        return None";
        let site = Site::new();
        let members = |value: u32| [("added_part/__init__.py", String::new()), ("added_part/m.py", format!("V = {value}"))];
        let write = |name: &str, members: &[(&str, String)]| {
            let members: Vec<(&str, &str)> = members.iter().map(|(path, text)| (*path, text.as_str())).collect();
            replace(&site.path(name), &members);
        };
        write("lib.zip", &members(1));
        site.write("h.py", module(&handler(head, "'%s %s' % (added_part.m.V, late())")));
        let httpd = Httpd::builder(mpm).site(&site, "SetHandler mod_python\nPythonHandler h").start();
        let ask = || crate::app::Answer::of(&httpd.get("/")).value;
        assert_eq!(ask(), "1 None");
        write("lib.zip", &members(2));
        assert_eq!(ask(), "2 None");
        write("later.zip", &[("added_late.py", "V = 3".to_owned())]);
        assert_eq!(ask(), "2 3");
        write("later.zip", &[("added_late.py", "V = 4".to_owned())]);
        assert_eq!(ask(), "2 4");
    }
}
