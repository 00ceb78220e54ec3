//! P1 and P10: inotify has limits. Its queue overflows, or there are no instances or watches.

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::{
    app::{App, handler, module},
    support::{Connection, Httpd, drop_privileges, mpm_tests, signal, skip, wait_for},
};

/// The words that run a command in a user namespace with this limit on inotify `instances` or `watches`.
fn limited(what: &str, limit: u32) -> Vec<String> {
    let script = format!("echo {limit} > /proc/sys/user/max_inotify_{what} && exec \"$@\"");
    ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

/// The reason why this machine cannot take inotify away from a process, or `None` where it can.
fn cannot_deny_inotify() -> Option<String> {
    let words = limited("instances", 0);
    let mut attempt = Command::new(&words[0]);
    attempt.args(&words[1..]).arg("true");
    drop_privileges(&mut attempt);
    match attempt.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    }
}

mpm_tests! {
    [prefork, event]
    fn p1_no_edit_is_lost_when_the_queue_overflows(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import c, d", "'%d %d' % (c.V, d.V)")),
            ("c.py", "V = 1"),
            ("d.py", "V = 1"),
        ]);
        let first = app.expect("1 1");

        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
            .expect("this is Linux with inotify");
        let limit: usize = limit.trim().parse().expect("the limit is a number");
        app.edit("c.py", "V = 2");
        // A child reads events without a request too, so the children are stopped meanwhile.
        let children = app.httpd.child_pids();
        let send = |number: i32| children.iter().for_each(|pid| signal(*pid, number).expect("the child lives"));
        send(libc::SIGSTOP);
        // Each rename is at least one event, and no two in a row are alike, so none are merged.
        let names = ["a.tmp", "b.tmp"].map(|name| app.site.path(name));
        app.site.write("a.tmp", "");
        for turn in 0..limit + 1_000 {
            fs::rename(&names[turn % 2], &names[(turn + 1) % 2]).expect("a rename within the site");
        }
        // The kernel drops the event of this edit.
        app.edit("d.py", "V = 2");
        send(libc::SIGCONT);

        let second = app.expect("2 2");
        assert_eq!(second.sorted_runs_after(&first), ["c", "d", "h"]);
        let reports = app.httpd.log_lines("overflow");
        assert!(!reports.is_empty(), "the overflow is reported:\n{}", app.httpd.log());

        app.edit("d.py", "V = 3");
        app.expect("2 3");
    }

    [prefork, event]
    fn p1_polling_finds_edits_without_inotify(mpm) {
        if let Some(reason) = cannot_deny_inotify() {
            return skip(&format!("no user namespace to take inotify away in: {reason}"));
        }
        let builder = Httpd::builder(mpm)
            .unprivileged()
            .launcher(limited("instances", 0));
        let head = "import c, ctypes\nlibc = ctypes.CDLL(None)";
        let app = App::start_with(builder, &[
            ("h.py", &handler(head, "'%d %d' % (libc.inotify_init1(0), c.V)")),
            ("c.py", "V = 1"),
            ("data.py", "import os\nHERE = os.path.dirname(__file__) + '/data'\n\
                V = ''.join(open(HERE + '/' + name).read() for name in sorted(os.listdir(HERE)))"),
        ]);
        // The handler proves the condition: its process gets no instance.
        app.expect("-1 1");
        for value in ["-1 2", "-1 3"] {
            app.edit("c.py", &format!("V = {}", &value[3..]));
            wait_for("polling to see the edit", || (app.ask().value == value).then_some(()));
        }
        // Files that bodies read and directories that they list are polled too.
        app.site.write("data/a", "a");
        app.edit("h.py", &handler("import c, data", "data.V"));
        for (path, text, value) in [("data/a", "a", "a"), ("data/a", "A", "A"), ("data/b", "B", "AB")] {
            app.site.write(path, text);
            wait_for("polling to see the edit", || (app.ask().value == value).then_some(()));
        }
        let warnings = app.httpd.log_lines(":warn]");
        assert!(
            warnings.iter().any(|line| line.contains("inotify")),
            "a warning names inotify:\n{}",
            app.httpd.log()
        );
    }

    /// With `PythonReloadWatch inotify` httpd says what is missing and does not start.
    [prefork, event]
    fn httpd_refuses_to_start_without_the_inotify_it_demands(mpm) {
        if let Some(reason) = cannot_deny_inotify() {
            return skip(&format!("no user namespace to take inotify away in: {reason}"));
        }
        let builder = Httpd::builder(mpm).unprivileged().launcher(limited("instances", 0));
        let said = builder.conf("PythonReloadWatch inotify").expect_start_failure();
        for text in ["PythonReloadWatch", "max_user_instances", "auto or stat"] {
            assert!(said.contains(text), "{text} is not in {said}");
        }
    }

    /// There is an instance, but it may have fewer watches than there are directories.
    [prefork, event]
    fn p1_polling_finds_edits_beyond_the_watches(mpm) {
        if let Some(reason) = cannot_deny_inotify() {
            return skip(&format!("no user namespace to take inotify away in: {reason}"));
        }
        let builder = Httpd::builder(mpm).unprivileged().launcher(limited("watches", 3));
        let app = App::start_with(builder, &[
            ("h.py", &handler("import c, a.b.d", "'%d %d' % (c.V, a.b.d.V)")),
            ("c.py", "V = 1"),
            ("a/__init__.py", ""),
            ("a/b/__init__.py", ""),
            ("a/b/d.py", "V = 1"),
        ]);
        app.expect("1 1");
        for value in [2, 3] {
            app.edit("c.py", &format!("V = {value}"));
            app.edit("a/b/d.py", &format!("V = {value}"));
            let both = format!("{value} {value}");
            wait_for("polling to see the edits", || (app.ask().value == both).then_some(()));
        }
        let warnings = app.httpd.log_lines(":warn]");
        assert_eq!(warnings.len(), 1, "one warning, and no storm of them:\n{}", app.httpd.log());
        assert!(warnings[0].contains("max_user_watches"), "{}", warnings[0]);
    }

    /// A child is killed again and again while it takes events out of a full queue.
    [prefork, event]
    fn children_killed_while_they_drain(mpm) {
        let builder = Httpd::builder(mpm).children(3).threads(4).conf("LogLevel info");
        let app = App::start_with(builder, &[
            ("h.py", &handler("import c, d", "'%d %d' % (c.V, d.V)")),
            ("c.py", "V = 0"),
            ("d.py", "V = 0"),
        ]);
        app.expect("0 0");
        let names = ["c.tmp", "d.tmp"].map(|name| app.site.path(name));
        for round in 1..=5 {
            app.site.write("c.tmp", "");
            // The stems of these names are followed, so that each event goes into the journal.
            for turn in 0..8_000 {
                fs::rename(&names[turn % 2], &names[(turn + 1) % 2]).expect("a rename within the site");
            }
            app.edit("c.py", &format!("V = {round}"));
            app.edit("d.py", &format!("V = {round}"));
            let victims = app.httpd.child_pids();
            thread::scope(|scope| {
                for _ in 0..6 {
                    // The child that answers may be the one that is killed.
                    scope.spawn(|| {
                        let request = [("Connection", "close")];
                        let _ = Connection::open(app.httpd.port()).and_then(|mut c| c.request("GET", "/", &request, None));
                    });
                }
                thread::sleep(Duration::from_micros(400 * round));
                app.httpd.kill_child(victims[0]);
            });
            // The surviving children and the new ones: all see the edits.
            for _ in 0..6 {
                app.expect(&format!("{round} {round}"));
            }
        }
        let met = app.httpd.log_lines("ended while it took in changes").len();
        println!("{met} of 5 children were in the middle of it");
    }

    /// A program writes its logs beside the code without a pause. Requests are answered, and edits are seen.
    [prefork, event]
    fn busy_logs_beside_the_code(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 0")]);
        app.expect("0");
        let mut logs = ["access.log", "error.log"].map(|name| app.site.open(name));
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                // Bounded, so that a failed test ends too.
                for turn in 0..3_000_000 {
                    logs[turn % 2].write("a line\n");
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
            for value in 1..=10 {
                app.edit("c.py", &format!("V = {value}"));
                app.expect(&value.to_string());
            }
            assert!(!writer.is_finished(), "the logs were written to all the time");
            is_over.store(true, Ordering::SeqCst);
        });
    }

    /// The number of watches does not grow when directories are moved, replaced and removed.
    [prefork, event]
    fn watches_of_renamed_packages_end(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import pkg.sub.c as c", "c.V")),
            ("pkg/__init__.py", ""),
            ("pkg/sub/__init__.py", ""),
            ("pkg/sub/c.py", "V = 0"),
        ]);
        app.expect("0");
        let before = watches(&app.httpd);
        for cycle in 1..=150 {
            for name in ["__init__.py", "sub/__init__.py"] {
                app.site.write(&format!("next/{name}"), module(""));
            }
            app.site.write("next/sub/c.py", module(&format!("V = {cycle}")));
            fs::rename(app.site.path("pkg"), app.site.path(&format!("old{cycle}"))).expect("a rename in the site");
            fs::rename(app.site.path("next"), app.site.path("pkg")).expect("a rename in the site");
            app.expect(&cycle.to_string());
        }
        let after = watches(&app.httpd);
        assert!(after <= before + 4, "{before} watches at first, {after} after 150 replacements");
    }
}

/// The number of watches of the server's inotify instance.
fn watches(httpd: &Httpd) -> usize {
    let pid = httpd.child_pids()[0];
    let descriptors = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("the child lives");
    descriptors
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
        .map(|text| text.lines().filter(|line| line.starts_with("inotify wd:")).count())
        .sum()
}
