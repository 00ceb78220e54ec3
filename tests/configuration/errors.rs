//! Wrong lines: httpd does not start, names the directive and says what would be right.

use std::path::Path;

use crate::support::{Httpd, Mpm, Site, mpm_tests};

/// What httpd says about these lines of the main server's configuration.
fn refusal(mpm: Mpm, conf: &str) -> String {
    Httpd::builder(mpm).conf(conf).expect_start_failure()
}

/// Expects a refusal that names the directive and holds every one of these texts.
#[track_caller]
fn assert_refused(mpm: Mpm, conf: &str, texts: &[&str]) {
    let said = refusal(mpm, conf);
    let directive = conf.lines().find_map(|line| line.trim().strip_prefix("Python")).expect("a line is a directive");
    let directive = format!("Python{}", directive.split_whitespace().next().unwrap_or_default());
    assert!(said.contains(&directive), "{conf}: {directive} is not named in {said}");
    for text in texts {
        assert!(said.contains(text), "{conf}: no {text:?} in {said}");
    }
}

const LATER: [&str; 13] = [
    "PythonPostReadRequestHandler",
    "PythonTransHandler",
    "PythonInitHandler",
    "PythonHeaderParserHandler",
    "PythonAccessHandler",
    "PythonAuthenHandler",
    "PythonAuthzHandler",
    "PythonTypeHandler",
    "PythonFixupHandler",
    "PythonLogHandler",
    "PythonCleanupHandler",
    "PythonHandlerModule",
    "PythonConnectionHandler",
];

mpm_tests! {
    [prefork, event]
    fn handlers(mpm) {
        for (conf, texts) in [
            ("PythonHandler", ["names no handler", "MODULE"]),
            ("PythonHandler | .py", ["names no handler", "MODULE"]),
            ("PythonHandler ::handler", ["`::handler`", "MODULE::OBJECT"]),
            ("PythonHandler module::", ["`module::`", "MODULE::OBJECT"]),
            ("PythonHandler module::a..b", ["`module::a..b`", "MODULE::OBJECT"]),
            ("PythonHandler a..b", ["`a..b`", "single dots"]),
            ("PythonHandler .module", ["`.module`", "single dots"]),
            ("PythonHandler dir/module.py", ["`dir/module.py`", "./beside"]),
            ("PythonHandler ../module.py", ["`../module.py`", "./beside"]),
            ("PythonHandler module | py", ["`py`", "| .py"]),
            ("PythonHandler module | .py html", ["`html`", "| .py"]),
        ] {
            assert_refused(mpm, conf, &texts);
        }
    }

    [prefork, event]
    fn values(mpm) {
        for (conf, texts) in [
            ("PythonDebug maybe", ["On", "Off"]),
            ("PythonAutoReload 1", ["On", "Off"]),
            ("PythonOptimize", ["On", "Off"]),
            ("PythonOption", ["1-2 arguments", "key"]),
            ("PythonOption a b c", ["1-2 arguments", "key"]),
            ("PythonPath", ["one argument", "search path"]),
            ("PythonPath a b", ["one argument", "search path"]),
            ("PythonPath \"\"", ["one argument", "search path"]),
            ("PythonPath \" \"", ["empty", "sys.path"]),
            ("PythonInterpreter", ["one argument", "name"]),
            ("PythonInterpreter \"\"", ["one argument", "name"]),
            ("PythonReload later", ["`later`", "sync or async"]),
            ("PythonReloadTrust some", ["`some`", "none, all, or absolute"]),
            ("PythonReloadTrust", ["at least one argument", "everyone may write"]),
            ("PythonReloadConsistency always", ["`always`", "child or server"]),
            ("PythonReloadOnError explode", ["`explode`", "last-good or fail"]),
            ("PythonReloadTimeout soon", ["`soon`", "seconds"]),
            ("PythonReloadTimeout 0", ["`0`", "above 0"]),
            ("PythonReloadTimeout -1", ["`-1`", "above 0"]),
            ("PythonReloadTimeout nan", ["`nan`", "above 0"]),
            ("PythonReloadTimeout inf", ["`inf`", "up to 3600"]),
            ("PythonReloadTimeout 3601", ["`3601`", "up to 3600"]),
            ("PythonReloadWatch often", ["`often`", "auto, inotify or stat"]),
            ("PythonReloadInterval soon", ["`soon`", "seconds"]),
            ("PythonReloadInterval -1", ["`-1`", "from 0 to 3600"]),
            ("PythonReloadInterval nan", ["`nan`", "from 0 to 3600"]),
            ("PythonReloadTrigger reload", ["`reload`", "absolute"]),
            ("PythonReloadTrigger /", ["`/`", "a file"]),
            ("PythonReloadTrigger /no/such/directory/reload", ["`/no/such/directory/reload`", "directory"]),
            ("PythonReloadRoot relative", ["`relative`", "absolute"]),
            ("PythonReloadRoot /no/such/directory", ["`/no/such/directory`", "absolute"]),
            ("PythonReloadRoot", ["at least one argument", "Directories"]),
            ("PythonReloadExclude", ["at least one argument", "Patterns"]),
        ] {
            assert_refused(mpm, conf, &texts);
        }
    }

    [prefork, event]
    fn directives_of_later_phases(mpm) {
        for name in LATER {
            assert_refused(mpm, &format!("{name} module"), &["not available yet", "take the line out"]);
        }
        for conf in
            ["PythonInputFilter module NAME", "PythonOutputFilter module NAME", "PythonImport module interpreter"]
        {
            assert_refused(mpm, conf, &["not available yet", "take the line out"]);
        }
        for name in ["PythonInterpPerDirectory", "PythonInterpPerDirective", "PythonEnablePdb"] {
            assert_refused(mpm, &format!("{name} On"), &["not available yet", "Off"]);
        }
        for section in ["<Directory />", "<Location />", "<Files x>"] {
            let end = section.split_whitespace().next().unwrap_or_default().replace('<', "</");
            let conf = format!("{section}\nPythonAuthenHandler module\n{end}>");
            assert_refused(mpm, &conf, &["not available yet", "take the line out"]);
        }
    }

    [prefork, event]
    fn places_that_are_wrong(mpm) {
        for conf in [
            "<Location />\nPythonOptimize On\n</Location>",
            "<Directory />\nPythonHome /usr\n</Directory>",
            "<Location />\nPythonTransHandler module\n</Location>",
            "<Location />\nPythonImport module interpreter\n</Location>",
            "<Location />\nPythonConnectionHandler module\n</Location>",
        ] {
            assert_refused(mpm, conf, &["not allowed in"]);
        }
        for line in [
            "PythonHome /usr",
            "PythonOptimize On",
            "PythonReloadWatch stat",
            "PythonReloadInterval 1",
            "PythonReloadTrigger /tmp/reload",
        ] {
            assert_refused(
                mpm,
                &format!("<VirtualHost *:1>\n{line}\n</VirtualHost>"),
                &["virtual host", "main server"],
            );
        }
    }

    [prefork, event]
    fn a_home_that_is_none(mpm) {
        let site = Site::with(&[("empty/x", ""), ("other/pyvenv.cfg", "home = /usr/bin\nversion = 2.7.18\n")]);
        let line = |path: &Path| format!("PythonHome \"{}\"", path.display());
        assert_refused(mpm, "PythonHome relative/venv", &["`relative/venv`", "absolute"]);
        assert_refused(mpm, &line(&site.path("absent")), &["not a directory", "-m venv"]);
        assert_refused(mpm, &line(&site.path("empty")), &["neither a virtual environment", "pyvenv.cfg", "-m venv"]);
        assert_refused(mpm, &line(&site.path("other")), &["another Python", "2.7.18", "make PYTHON="]);
    }

    [prefork, event]
    fn flags_of_later_phases_may_be_off(mpm) {
        let site = crate::show::site();
        let conf = "PythonHandler shown\nPythonInterpPerDirectory Off\nPythonInterpPerDirective Off\nPythonEnablePdb Off\n\
                    PythonAutoReload On\nPythonReload SYNC\nPythonReloadOnError Last-Good\nPythonReloadTimeout 0.5\n\
                    PythonReloadExclude */a/* */b/*\nPythonReloadRoot";
        let conf = format!("{conf} \"{}\"", site.root().display());
        let httpd = crate::show::builder(mpm, &site, &conf).conf("PythonOptimize Off").start();
        assert_eq!(httpd.get("/").ok(), "shown");
    }

    [prefork, event]
    fn a_wrong_line_in_htaccess_is_that_directorys_error(mpm) {
        let site = crate::show::site();
        site.write("a/.htaccess", "PythonHandler a..b\n");
        site.write("b/.htaccess", "PythonReloadRoot /usr\n");
        site.write("c/.htaccess", "PythonAuthenHandler x\n");
        site.write("d/.htaccess", "PythonOption key value\n");
        let conf = format!("AllowOverride All\nPythonHandler shown\n{}", crate::show::path(&site));
        let httpd = crate::show::builder(mpm, &site, &conf).start();
        for (target, text) in
            [("/a/x", "single dots"), ("/b/x", "PythonReloadRoot not allowed here"), ("/c/x", "not available yet")]
        {
            assert_eq!(httpd.get(target).status, 500, "{target}");
            assert!(!httpd.log_lines(text).is_empty(), "{text} in {}", httpd.log());
        }
        assert_eq!(httpd.get("/d/x").ok(), "shown");
    }
}
