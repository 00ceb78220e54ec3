//! P1: packages that are installed in place. Their code lies below a `PythonReloadRoot`, and Python finds it by what the
//! installer left in site-packages.

use std::{env, path::PathBuf, process::Command};

use crate::{
    app::{App, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests},
};

/// A finder that maps names to directories, as installers generate it.
const FINDER: &str = "import sys
from importlib.util import spec_from_file_location
from pathlib import Path
MAPPING = {'inplace': 'SRC/inplace', 'single': 'SRC/single', 'outside': 'OTHER/outside'}
class Finder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname not in MAPPING:
            return None
        base = Path(MAPPING[fullname])
        for file in (base / '__init__.py', base.with_suffix('.py')):
            if file.is_file():
                return spec_from_file_location(fullname, file)
def install():
    sys.meta_path.append(Finder)
";

/// The Python that the module was built for.
fn python() -> PathBuf {
    env::var_os("PYO3_PYTHON").map_or_else(|| PathBuf::from("/usr/bin/python3"), PathBuf::from)
}

/// Serves `h.py` of a site with these files by a virtual environment with `installed` in its site-packages. `SITE` in these
/// stands for the site's root. The directory `src` is a reload root.
fn start(mpm: Mpm, files: &[(&str, &str)], installed: &[(&str, &str)]) -> App {
    let site = Site::new();
    let venv = site.path("venv");
    let made = Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(&venv).status();
    assert!(made.expect("Python runs").success(), "the environment is made");
    let found = Command::new(venv.join("bin/python3"))
        .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        .output()
        .expect("the environment's Python runs");
    let packages = String::from_utf8(found.stdout).expect("a path");
    let packages = packages.trim().strip_prefix(&format!("{}/", site.root().display())).expect("it lies in the site");
    let root = site.root().display().to_string();
    for (name, text) in installed {
        site.write(&format!("{packages}/{name}"), text.replace("SITE", &root));
    }
    for (path, text) in files {
        site.write(path, module(text));
    }
    let conf = format!("SetHandler mod_python\nPythonHandler h\nPythonReloadRoot {root}/src");
    let builder = Httpd::builder(mpm).conf(&format!("PythonHome \"{}\"", venv.display()));
    let httpd = builder.directory(&site.path("app"), &conf).conf(&format!("DocumentRoot \"{root}/app\"")).start();
    App { site, httpd }
}

mpm_tests! {
    [prefork, event]
    fn p1_a_directory_that_a_pth_file_names_is_followed(mpm) {
        let app = start(
            mpm,
            &[
                ("app/h.py", &handler("import inplace.part, aside", "inplace.part.V")),
                ("src/inplace/__init__.py", ""),
                ("src/inplace/part.py", "V = 1"),
                ("src/aside.py", ""),
            ],
            &[("inplace.pth", "SITE/src\n")],
        );
        let first = app.expect("1");
        app.edit_runs(&first, &[("src/inplace/part.py", "V = 2", "2", &["inplace.part", "h"])]);
    }

    [prefork, event]
    fn p1_a_finder_with_a_mapping_is_followed(mpm) {
        let finder = FINDER.replace("SRC", "SITE/src/deep").replace("OTHER", "SITE/other");
        let app = start(
            mpm,
            &[
                (
                    "app/h.py",
                    &handler(
                        "import inplace.part, single, outside, inspect",
                        "'%s %s %s' % (inplace.part.V, single.V, outside.V)",
                    ),
                ),
                ("src/deep/inplace/__init__.py", ""),
                ("src/deep/inplace/part.py", "import inplace.more\nV = inplace.more.V"),
                ("src/deep/inplace/more.py", "V = 1"),
                ("src/deep/single.py", "V = 's'"),
                ("other/outside/__init__.py", "V = 'o'"),
            ],
            &[
                ("__editable___inplace_finder.py", &finder),
                ("__editable__.inplace.pth", "import __editable___inplace_finder; __editable___inplace_finder.install()\n"),
            ],
        );
        let first = app.expect("1 s o");
        app.edit_runs(&first, &[
            ("src/deep/inplace/more.py", "V = 2", "2 s o", &["inplace.more", "inplace.part", "h"]),
            ("src/deep/single.py", "V = 'S'", "2 S o", &["single", "h"]),
        ]);
        app.edit("src/deep/single.py", "V = ");
        app.expect("2 S o");
        app.site.remove("src/deep/single.py");
        app.expect("2 S o");
        app.edit("src/deep/single.py", "V = 'again'");
        app.expect("2 again o");
        // This module lies below no reload root.
        app.edit("other/outside/__init__.py", "V = 'edited'");
        let last = app.expect("2 again o");
        // A file in front of it shadows what the finder knows.
        app.edit_runs(&last, &[("app/single.py", "V = 'shadow'", "2 shadow o", &["single", "h"])]);
    }
}
