//! When inotify lets the server down: its queue overflows, or there is none to be had.

use std::{fs, process::Command};

use crate::{
    app::{App, handler},
    support::{Httpd, drop_privileges, mpm_tests, wait_for},
};

/// Runs the command that follows its own words in a user namespace where nobody may have an inotify instance.
const WITHOUT_INOTIFY: [&str; 7] = [
    "unshare",
    "--user",
    "--map-current-user",
    "--keep-caps",
    "sh",
    "-c",
    "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"",
];

/// Why this machine cannot take inotify away from a process; nothing where it can.
fn cannot_deny_inotify() -> Option<String> {
    let mut attempt = Command::new(WITHOUT_INOTIFY[0]);
    attempt.args(&WITHOUT_INOTIFY[1..]).args(["sh", "true"]);
    drop_privileges(&mut attempt);
    match attempt.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    }
}

mpm_tests! {
    [prefork, event]
    fn case_41_queue_overflow(mpm) {
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
        // Each rename is at least one event, and no two in a row are alike, so none are merged.
        let names = ["a.tmp", "b.tmp"].map(|name| app.site.path(name));
        app.site.write("a.tmp", "");
        for turn in 0..limit + 1_000 {
            fs::rename(&names[turn % 2], &names[(turn + 1) % 2]).expect("a rename within the site");
        }
        // The kernel has no room to tell of this one.
        app.edit("d.py", "V = 2");

        let second = app.expect("2 2");
        assert_eq!(second.sorted_runs_after(&first), ["c", "d", "h"]);
        let reports = app.httpd.log_lines("overflow");
        assert!(!reports.is_empty(), "the overflow is reported:\n{}", app.httpd.log());

        app.edit("d.py", "V = 3");
        app.expect("2 3");
    }

    [prefork, event]
    fn case_42_no_inotify_to_be_had(mpm) {
        if let Some(reason) = cannot_deny_inotify() {
            eprintln!("skipped: no user namespace to take inotify away in: {reason}");
            return;
        }
        let builder = Httpd::builder(mpm)
            .unprivileged()
            .launcher(WITHOUT_INOTIFY.into_iter().chain(["sh"]));
        let head = "import c, ctypes\nlibc = ctypes.CDLL(None)";
        let app = App::start_with(builder, &[
            ("h.py", &handler(head, "'%d %d' % (libc.inotify_init1(0), c.V)")),
            ("c.py", "V = 1"),
            ("data.py", "import os\nHERE = os.path.dirname(__file__) + '/data'\n\
                V = ''.join(open(HERE + '/' + name).read() for name in sorted(os.listdir(HERE)))"),
        ]);
        // The condition is real: the server's own process gets no instance.
        app.expect("-1 1");
        for value in ["-1 2", "-1 3"] {
            app.edit("c.py", &format!("V = {}", &value[3..]));
            wait_for("polling to see the edit", || (app.ask().value == value).then_some(()));
        }
        // What bodies read is polled as well, directories that they list included.
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
}
