//! P1 and P9: changes are found by inotify, by polling, or by both.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crate::{
    app::{App, handler},
    mounts::{bind, cannot_mount, mounted, unmount},
    support::{Builder, Httpd, Mpm, Save, Site, mpm_tests, skip, wait_for},
};

/// Whether a child of this httpd has an inotify instance.
fn has_inotify(httpd: &Httpd) -> bool {
    let pid = httpd.child_pids()[0];
    fs::read_dir(format!("/proc/{pid}/fd")).expect("the child lives").any(|entry| {
        let target = fs::read_link(entry.expect("an entry of /proc").path()).unwrap_or_default();
        target.to_string_lossy().contains("inotify")
    })
}

fn stat(mpm: Mpm, lines: &str) -> Builder {
    Httpd::builder(mpm).conf(&format!("PythonReloadWatch stat\n{lines}"))
}

/// Stops another thread's work when it is dropped, so that a failed assertion does not wait for it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A handler that shows the value of a leaf, and the leaf.
fn leaf(builder: Builder) -> App {
    App::start_with(builder, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")])
}

mpm_tests! {
    /// P9: the background sweep compares once more what requests have looked at right after a save. No request does that, and
    /// no save makes a request look at all files.
    [prefork, event]
    fn sweeps_after_saves_leave_requests_alone(mpm) {
        for how in [Save::Rename, Save::InPlace] {
            let app = leaf(Httpd::builder(mpm).conf("PythonReloadInterval 0.1\nLogLevel debug"));
            app.expect("1");
            let mut value = 1;
            wait_for("sweeps to compare what was saved", || {
                value += 1;
                app.save(how, "c.py", &format!("V = {value}"));
                app.expect(&value.to_string());
                (app.httpd.log_lines("a sweep has compared").len() >= 3).then_some(())
            });
            let looks = app.httpd.log_lines("all files are looked at");
            assert!(looks.is_empty(), "{how:?}: {looks:#?}");
        }
    }

    /// P1 with `PythonReloadWatch stat`: with an interval of 0 every request looks at the files.
    [prefork, event]
    fn stat_at_every_request(mpm) {
        let app = leaf(stat(mpm, "PythonReloadInterval 0"));
        let first = app.expect("1");
        assert!(!has_inotify(&app.httpd), "stat asks the kernel for nothing");
        for value in ["2", "3", "4", "5"] {
            app.edit("c.py", &format!("V = {value}"));
            app.expect(value);
        }
        app.site.touch("c.py");
        let last = app.expect("5");
        assert_eq!(last.runs_after(&first).len(), 8, "four edits of two modules");
        assert!(app.httpd.log_lines(":warn]").is_empty(), "{:#?}", app.httpd.log_lines(":warn]"));
    }

    /// P1 with `PythonReloadWatch stat`: a file that is replaced again and again without a pause is fresh.
    [prefork, event]
    fn stat_without_a_pause(mpm) {
        let app = leaf(stat(mpm, "PythonReloadInterval 0"));
        app.expect("1");
        let stop = AtomicBool::new(false);
        let saved = AtomicUsize::new(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let number = saved.load(Ordering::SeqCst) + 1;
                    app.save(Save::Rename, "c.py", &format!("V = {number}"));
                    saved.store(number, Ordering::SeqCst);
                }
            });
            let _stopped = Stop(&stop);
            for _ in 0..3 {
                let earliest = saved.load(Ordering::SeqCst);
                let served: usize = app.ask().value.parse().expect("a whole value");
                assert!(served >= earliest, "{served} after {earliest} was saved");
            }
        });
    }

    /// `PythonReloadWatch stat` finds edits within the default interval and within one that is set.
    [prefork, event]
    fn stat_within_an_interval(mpm) {
        for lines in ["", "PythonReloadInterval 0.2"] {
            let app = leaf(stat(mpm, lines));
            app.expect("1");
            for value in ["2", "3"] {
                app.edit("c.py", &format!("V = {value}"));
                wait_for("the edit to be seen", || (app.ask().value == value).then_some(()));
            }
        }
    }

    /// No request looks at files before a long interval is over.
    [prefork, event]
    fn stat_looks_no_sooner_than_it_is_told(mpm) {
        let app = leaf(stat(mpm, "PythonReloadInterval 3600"));
        app.expect("1");
        app.edit("c.py", "V = 2");
        for _ in 0..20 {
            app.expect("1");
        }
    }

    /// `PythonReloadWatch inotify` and `auto` find edits by inotify, without polling.
    [prefork, event]
    fn inotify_and_auto_announce(mpm) {
        for mode in ["inotify", "auto"] {
            let app = leaf(Httpd::builder(mpm).conf(&format!("PythonReloadWatch {mode}\nPythonReloadInterval 3600")));
            app.expect("1");
            assert!(has_inotify(&app.httpd));
            app.edit("c.py", "V = 2");
            app.expect("2");
        }
    }

    /// Polling finds an edit in the lower layer of an overlay, of which inotify reports nothing.
    [prefork, event]
    fn p1_an_edit_below_an_overlay_is_found(mpm) {
        let layers = Site::with(&[("lower/c.py", "V = 1\n"), ("upper/empty", ""), ("work/empty", "")]);
        layers.remove("work/empty");
        let path = |name: &str| layers.path(name).display().to_string();
        let app_site = Site::with(&[("h.py", &handler("import c", "c.V")), ("lib/empty", "")]);
        let script = format!(
            "mount -t overlay overlay -o lowerdir={},upperdir={},workdir={} {}",
            path("lower"),
            path("upper"),
            path("work"),
            app_site.path("lib").display()
        );
        if let Some(reason) = cannot_mount(&script) {
            return skip(&format!("no overlay can be mounted: {reason}"));
        }
        let conf = format!(
            "PythonPath \"['{}', '{}'] + sys.path\"",
            app_site.root().display(),
            app_site.path("lib").display()
        );
        let head = "import sys as _s\n_s.__dict__.setdefault('_runs', [])\nimport c";
        app_site.write("h.py", handler(head, "c.V"));
        let builder = Httpd::builder(mpm).conf("LogLevel info").launcher(mounted(&script));
        let app = App::serve(builder, app_site, &conf);
        app.expect("1");
        layers.write("lower/c.py", "V = 2\n");
        wait_for("the edit below the overlay to be found", || (app.ask().value == "2").then_some(()));
        let said = app.httpd.log_lines("overlayfs");
        assert_eq!(said.len(), 1, "it is said once:\n{}", app.httpd.log());
    }

    /// A file system is mounted over a directory and unmounted again.
    [prefork, event]
    fn a_directory_is_mounted_over_and_unmounted(mpm) {
        let app_site = Site::with(&[("lib/__init__.py", ""), ("lib/c.py", "V = 'below'\n"), ("other/__init__.py", "")]);
        app_site.write("other/c.py", "V = 'mounted'\n");
        let head = "import sys as _s\n_s.__dict__.setdefault('_runs', [])\nfrom lib import c";
        app_site.write("h.py", handler(head, "c.V"));
        let lib = app_site.path("lib").display().to_string();
        let other = app_site.path("other").display().to_string();
        if let Some(reason) = cannot_mount(&format!("mount --bind {other} {lib}")) {
            return skip(&format!("nothing can be mounted: {reason}"));
        }
        let launcher = mounted(&format!("mount -t tmpfs -o mode=755 none {lib} && cp {other}/* {lib}"));
        let app = App::serve(Httpd::builder(mpm).launcher(launcher), app_site, "");
        app.expect("mounted");
        unmount(app.httpd.parent_pid(), &lib);
        app.expect("below");
        app.site.write("lib/c.py", "V = 'edited'\n");
        app.expect("edited");
        bind(app.httpd.parent_pid(), &other, &lib);
        wait_for("the sweep to see the other directory", || (app.ask().value == "mounted").then_some(()));
        app.site.write("other/c.py", "V = 'edited there'\n");
        app.expect("edited there");
    }
}
