//! Case 73: one course of edits gives the same answers however Python is set up and whatever it may write.

use std::{env, process::Command};

use crate::{
    app::{App, handler, module},
    mounts::{cannot_mount, mounted},
    support::{Builder, Httpd, Save, Site, mpm_tests},
};

/// The files of the application; a package, a leaf, and code that shows what optimization does to it.
fn files() -> [(&'static str, String); 4] {
    [
        ("h.py", handler("import pkg.user", "pkg.user.tell()")),
        ("pkg/__init__.py", String::new()),
        ("pkg/user.py", user(1)),
        ("leaf.py", "V = 1".to_owned()),
    ]
}

fn user(version: u32) -> String {
    format!(
        "\"\"\"Version {version}.\"\"\"\nimport leaf\ndef tell():\n    asserts = 'no'\n    try:\n        assert False\n    \
         except AssertionError:\n        asserts = 'yes'\n    \
         return '%s {version} %s %s %s' % (leaf.V, asserts, __debug__, __doc__)"
    )
}

/// The values of the application after each edit, where `optimized` is what Python makes of assert statements and texts.
fn course(app: &App, optimized: bool) {
    let expect = |leaf: u32, version: u32| {
        let rest = if optimized { "no False None".to_owned() } else { format!("yes True Version {version}.") };
        app.expect(&format!("{leaf} {version} {rest}"))
    };
    let first = expect(1, 1);
    let mtime = app.site.mtime("leaf.py");
    // Equal sizes within one second are what Python's own bytecode files take for no edit at all.
    app.edit("leaf.py", "V = 2");
    app.site.set_mtime("leaf.py", mtime);
    let second = expect(2, 1);
    assert_eq!(second.runs_after(&first), ["leaf", "pkg.user", "h"]);
    app.edit("pkg/user.py", &user(2));
    let third = expect(2, 2);
    assert_eq!(third.runs_after(&second), ["pkg.user", "h"]);
    app.edit("leaf.py", "V = (");
    expect(2, 2);
    assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
    app.save(Save::Rename, "leaf.py", "V = 3");
    let last = expect(3, 2);
    assert_eq!(last.runs_after(&third), ["leaf", "pkg.user", "h"]);
    assert_eq!(expect(3, 2).runs_after(&last), [""; 0]);
}

fn start(builder: Builder) -> App {
    App::start_with(builder, &files().each_ref().map(|(path, body)| (*path, body.as_str())))
}

/// Bytecode that Python takes for that of the file as it is, and that says something else.
const PLANT: &str = "
import os, py_compile, sys
path = sys.argv[1]
stat = os.stat(path)
def save(text):
    with open(path, 'w') as f:
        f.write(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
with open(path) as f:
    text = f.read()
save(text.replace('V = 1', 'V = 9'))
py_compile.compile(path, doraise=True)
save(text)
";

fn plant_stale_bytecode(site: &Site) {
    let python = env::var_os("PYO3_PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
    let done = Command::new(python).args(["-c", PLANT]).arg(site.path("leaf.py")).output().expect("Python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(site.path("__pycache__").is_dir());
}

mpm_tests! {
    [prefork, event]
    fn case_73_as_it_is(mpm) {
        course(&start(Httpd::builder(mpm)), false);
    }

    [prefork, event]
    fn case_73_optimized(mpm) {
        course(&start(Httpd::builder(mpm).conf("PythonOptimize On")), true);
    }

    [prefork, event]
    fn case_73_no_bytecode_is_written(mpm) {
        let app = start(Httpd::builder(mpm).env("PYTHONDONTWRITEBYTECODE", "1"));
        course(&app, false);
        assert!(!app.site.path("__pycache__").exists());
    }

    [prefork, event]
    fn case_73_a_pycache_prefix(mpm) {
        let elsewhere = Site::with(&[("empty", "")]);
        let app = start(Httpd::builder(mpm).env("PYTHONPYCACHEPREFIX", elsewhere.root().as_os_str()));
        course(&app, false);
    }

    /// What lies beside the sources is not what the sources say.
    [prefork, event]
    fn case_73_stale_bytecode_beside_the_sources(mpm) {
        let site = Site::new();
        for (path, body) in files() {
            site.write(path, module(&body));
        }
        plant_stale_bytecode(&site);
        let httpd = Httpd::builder(mpm).site(&site, "SetHandler mod_python\nPythonHandler h").start();
        course(&App { site, httpd }, false);
    }

    /// httpd sees the site through a read-only mount, and edits are made where it may be written to.
    [prefork, event]
    fn case_73_a_read_only_file_system(mpm) {
        let below = Site::new();
        for (path, body) in files() {
            below.write(path, module(&body));
        }
        let seen = Site::with(&[("empty", "")]);
        let (from, to) = (below.root().display(), seen.root().display());
        let script = format!("mount --bind {from} {to} && mount -o remount,bind,ro {to}");
        if let Some(reason) = cannot_mount(&script) {
            eprintln!("skipped: nothing can be mounted here: {reason}");
            return;
        }
        let httpd = Httpd::builder(mpm)
            .launcher(mounted(&script))
            .site(&seen, "SetHandler mod_python\nPythonHandler h")
            .start();
        course(&App { site: below, httpd }, false);
    }
}
