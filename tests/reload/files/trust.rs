//! Files that everyone may write to are not run, unless `PythonReloadTrust` makes an exception ("Who may write").

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

use crate::{
    app::{App, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests, public_directory},
};

/// A handler that shows a leaf in a package below the search directory.
fn modules() -> [(&'static str, String); 3] {
    [("h.py", handler("import pkg.c", "pkg.c.V")), ("pkg/__init__.py", String::new()), ("pkg/c.py", "V = 1".to_owned())]
}

fn start(mpm: Mpm, conf: &str) -> App {
    let modules = modules();
    App::start_configured(Httpd::builder(mpm), conf, &modules.each_ref().map(|(path, body)| (*path, body.as_str())))
}

fn chmod(site: &Site, relative: &str, mode: u32) {
    fs::set_permissions(site.path(relative), Permissions::from_mode(mode)).expect("the mode is set");
}

/// The log names the refused path and says what to do.
#[track_caller]
fn assert_told(app: &App, relative: &str) {
    let path = app.site.path(relative);
    let shown = path.to_str().expect("a path in UTF-8").trim_end_matches('/');
    let told = app.httpd.log_lines("is writable by everyone");
    let is_told = |line: &String| {
        line.contains(&format!("{shown} is writable by everyone"))
            && line.contains(&format!("chmod o-w {shown}"))
            && line.contains("PythonReloadTrust")
    };
    assert!(told.iter().any(is_told), "{shown} in {told:#?}");
}

mpm_tests! {
    /// A first load returns 500 and says why, for a writable file, a writable directory above it and a writable search
    /// directory.
    [prefork, event]
    fn a_first_load_of_untrusted_files_is_refused(mpm) {
        for (relative, mode, usual) in [
            ("pkg/c.py", 0o646, 0o644),
            ("pkg", 0o757, 0o755),
            ("pkg", 0o1777, 0o755),
            ("", 0o757, 0o755),
            ("h.py", 0o666, 0o644),
        ] {
            let app = start(mpm, "PythonDebug On");
            chmod(&app.site, relative, mode);
            for _ in 0..2 {
                let response = app.httpd.get("/");
                assert_eq!(response.status, 500, "{relative}");
                assert!(response.text().contains("PermissionError"), "{}", response.text());
            }
            assert_told(&app, relative);
            chmod(&app.site, relative, usual);
            app.expect("1");
        }
    }

    /// `except ImportError` around the import does not hide the refusal.
    [prefork, event]
    fn a_tried_import_does_not_hide_the_refusal(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("try:\n    import c\nexcept ImportError:\n    c = None", "c and c.V")),
            ("c.py", "V = 1"),
        ]);
        chmod(&app.site, "c.py", 0o666);
        assert_eq!(app.httpd.get("/").status, 500);
        assert_told(&app, "c.py");
    }

    /// A refused edit fails: the last good code serves, and one line of the log says why.
    [prefork, event]
    fn p3_an_untrusted_edit_is_refused(mpm) {
        let app = start(mpm, "");
        app.expect("1");
        for (relative, mode, usual) in [("pkg/c.py", 0o666, 0o644), ("pkg", 0o777, 0o755), ("", 0o1777, 0o755)] {
            let before = app.failures().len();
            app.edit("pkg/c.py", "V = 'edited'");
            chmod(&app.site, relative, mode);
            // There was no request in between.
            app.expect("1");
            app.expect("1");
            assert_eq!(app.failures().len(), before + 1, "{relative}: {:#?}", app.failures());
            assert_told(&app, relative);
            chmod(&app.site, relative, usual);
            app.expect("edited");
            app.edit("pkg/c.py", "V = 1");
            app.expect("1");
        }
    }

    /// For a symbolic link its target counts: the file and the file's directory.
    [prefork, event]
    fn links_to_untrusted_files_are_refused(mpm) {
        let elsewhere = public_directory("elsewhere-");
        let target = elsewhere.path().join("c.py");
        fs::write(&target, module("V = 'linked'")).expect("the target is written");
        fs::set_permissions(&target, Permissions::from_mode(0o644)).expect("its mode is set");
        let app = start(mpm, "");
        app.site.remove("pkg/c.py");
        symlink(&target, app.site.path("pkg/c.py")).expect("the link is made");
        fs::set_permissions(elsewhere.path(), Permissions::from_mode(0o777)).expect("its mode is set");
        assert_eq!(app.httpd.get("/").status, 500);
        let told = app.httpd.log_lines("is writable by everyone");
        assert!(told.iter().any(|line| line.contains(elsewhere.path().to_str().expect("UTF-8"))), "{told:#?}");
        fs::set_permissions(elsewhere.path(), Permissions::from_mode(0o755)).expect("its mode is set");
        app.expect("linked");
    }

    /// `PythonReloadTrust` trusts everything, or a directory and what lies below it.
    [prefork, event]
    fn python_reload_trust_makes_exceptions(mpm) {
        let open = |app: &App| {
            chmod(&app.site, "pkg", 0o777);
            chmod(&app.site, "pkg/c.py", 0o666);
        };
        for word in ["all", "On"] {
            let app = start(mpm, &format!("PythonReloadTrust {word}"));
            open(&app);
            chmod(&app.site, "", 0o1777);
            app.expect("1");
            app.edit("pkg/c.py", "V = 2");
            chmod(&app.site, "pkg/c.py", 0o666);
            app.expect("2");
        }
        let site = Site::new();
        for (path, body) in modules() {
            site.write(path, module(&body));
        }
        let conf = |words: &str| format!("SetHandler mod_python\nPythonHandler h\nPythonReloadTrust {words}");
        let trusted = conf(&format!("/nowhere \"{}\"", site.path("pkg").display()));
        let httpd = Httpd::builder(mpm).site(&site, &trusted).start();
        let app = App { site, httpd };
        open(&app);
        app.expect("1");
        // A directory beside the trusted one is not trusted.
        chmod(&app.site, "h.py", 0o666);
        let httpd = Httpd::builder(mpm).site(&app.site, &trusted).start();
        assert_eq!(httpd.get("/").status, 500);
        let httpd = Httpd::builder(mpm).site(&app.site, &conf("none")).start();
        assert_eq!(httpd.get("/").status, 500);
    }
}
