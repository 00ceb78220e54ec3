//! P1 and P8: the same edits give the same responses however Python is configured and whatever it may write.

use std::{env, process::Command};

use crate::{
    app::{App, handler, module},
    mounts::{cannot_mount, mounted},
    support::{Builder, Httpd, Save, Site, mpm_tests, skip},
};

/// The files of the application: a package, a leaf, and code that shows whether Python optimizes.
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

/// Makes the edits. `optimized` says whether Python drops assert statements and docstrings.
fn course(app: &App, optimized: bool) {
    let expect = |leaf: u32, version: u32| {
        let rest = if optimized { "no False None".to_owned() } else { format!("yes True Version {version}.") };
        app.expect(&format!("{leaf} {version} {rest}"))
    };
    let first = expect(1, 1);
    let mtime = app.site.mtime("leaf.py");
    // Python's own bytecode check sees no edit in equal sizes within one second.
    app.edit("leaf.py", "V = 2");
    app.site.set_mtime("leaf.py", mtime);
    let second = expect(2, 1);
    assert_eq!(second.runs_after(&first), ["leaf", "pkg.user", "h"]);
    app.edit("pkg/user.py", &user(2));
    let third = expect(2, 2);
    assert_eq!(third.runs_after(&second), ["pkg.user", "h"]);
    app.edit("leaf.py", "V = (");
    expect(2, 2);
    app.expect_failures(1);
    app.save(Save::Rename, "leaf.py", "V = 3");
    let last = expect(3, 2);
    assert_eq!(last.runs_after(&third), ["leaf", "pkg.user", "h"]);
    assert_eq!(expect(3, 2).runs_after(&last), [""; 0]);
}

fn start(builder: Builder) -> App {
    App::start_with(builder, &files().each_ref().map(|(path, body)| (*path, body.as_str())))
}

/// Writes bytecode that Python accepts as valid for the file, but that was compiled from another text.
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
    fn p8_edits_are_seen_as_python_is(mpm) {
        course(&start(Httpd::builder(mpm)), false);
    }

    [prefork, event]
    fn p8_edits_are_seen_where_python_optimizes(mpm) {
        course(&start(Httpd::builder(mpm).conf("PythonOptimize On")), true);
    }

    [prefork, event]
    fn p8_edits_are_seen_where_no_bytecode_is_written(mpm) {
        let app = start(Httpd::builder(mpm).env("PYTHONDONTWRITEBYTECODE", "1"));
        course(&app, false);
        assert!(!app.site.path("__pycache__").exists());
    }

    [prefork, event]
    fn p8_edits_are_seen_with_a_pycache_prefix(mpm) {
        let elsewhere = Site::with(&[("empty", "")]);
        let app = start(Httpd::builder(mpm).env("PYTHONPYCACHEPREFIX", elsewhere.root().as_os_str()));
        course(&app, false);
    }

    /// The engine compiles the source, although the bytecode beside it has the source's size and time.
    [prefork, event]
    fn p1_stale_bytecode_beside_the_sources_is_not_run(mpm) {
        let site = Site::new();
        for (path, body) in files() {
            site.write(path, module(&body));
        }
        plant_stale_bytecode(&site);
        course(&App::serve(Httpd::builder(mpm), site, ""), false);
    }

    /// httpd sees the site through a read-only mount. The edits are made through a writable path.
    [prefork, event]
    fn p8_edits_are_seen_on_a_read_only_file_system(mpm) {
        let below = Site::new();
        for (path, body) in files() {
            below.write(path, module(&body));
        }
        let seen = Site::with(&[("empty", "")]);
        let (from, to) = (below.root().display(), seen.root().display());
        let script = format!("mount --bind {from} {to} && mount -o remount,bind,ro {to}");
        if let Some(reason) = cannot_mount(&script) {
            return skip(&format!("nothing can be mounted: {reason}"));
        }
        let httpd = Httpd::builder(mpm)
            .launcher(mounted(&script))
            .site(&seen, "SetHandler mod_python\nPythonHandler h")
            .start();
        course(&App { site: below, httpd }, false);
    }
}
