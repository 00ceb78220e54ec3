//! `PythonHome` and `PythonOptimize`.

use std::{env, path::PathBuf, process::Command};

use crate::{
    show::{builder, site},
    support::mpm_tests,
};

/// The Python that the module was built for.
fn python() -> PathBuf {
    env::var_os("PYO3_PYTHON").map_or_else(|| PathBuf::from("/usr/bin/python3"), PathBuf::from)
}

mpm_tests! {
    [prefork, event]
    fn a_virtual_environment(mpm) {
        let site = site();
        let venv = site.path("venv");
        let made = Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(&venv).status();
        assert!(made.expect("Python runs").success(), "the environment is made");
        let found = Command::new(venv.join("bin/python3"))
            .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
            .output()
            .expect("the environment's Python runs");
        let packages = String::from_utf8(found.stdout).expect("a path").trim().to_owned();
        let relative =
            packages.strip_prefix(&format!("{}/", site.root().display())).expect("it lies in the site").to_owned();
        site.write(&format!("{relative}/only_there.py"), "V = 'found'");

        let httpd =
            builder(mpm, &site, "PythonHandler shown").conf(&format!("PythonHome \"{}\"", venv.display())).start();
        assert_eq!(httpd.get("/?sys.prefix").ok(), venv.display().to_string());
        assert_eq!(httpd.get("/?__import__('only_there').V").ok(), "found");
        assert_eq!(httpd.get("/?sys.prefix!=sys.base_prefix").ok(), "True");

        // The module belongs to the environment, so it is not reloaded.
        site.write(&format!("{relative}/only_there.py"), "V = 'edited'");
        assert_eq!(httpd.get("/?__import__('only_there').V").ok(), "found");
    }

    [prefork, event]
    fn an_installation(mpm) {
        let site = site();
        let found =
            Command::new(python()).args(["-c", "import sys; print(sys.base_prefix)"]).output().expect("Python runs");
        let prefix = String::from_utf8(found.stdout).expect("a path").trim().to_owned();
        let httpd = builder(mpm, &site, "PythonHandler shown").conf(&format!("PythonHome {prefix}")).start();
        assert_eq!(httpd.get("/?sys.prefix").ok(), prefix);
    }

    [prefork, event]
    fn optimize(mpm) {
        let site = site();
        let httpd = builder(mpm, &site, "PythonHandler shown").conf("PythonOptimize On").start();
        assert_eq!(httpd.get("/?sys.flags.optimize").ok(), "2");
        let httpd = builder(mpm, &site, "PythonHandler shown").start();
        assert_eq!(httpd.get("/?sys.flags.optimize").ok(), "0");
    }
}
