//! `PythonReloadConsistency server`: no client gets new code and then old code, whichever children answer.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    app::{Answer, App, handler},
    support::{Connection, Httpd, Mpm, mpm_tests, wait_for},
};

/// The number of children in these tests.
const CHILDREN: usize = 6;

fn modules(body: &str) -> [(&'static str, String); 2] {
    [("h.py", handler("import c", "c.V")), ("c.py", body.to_owned())]
}

fn start(mpm: Mpm, conf: &str) -> App {
    let builder = Httpd::builder(mpm).children(if mpm.threaded() { 3 } else { CHILDREN }).threads(4);
    let modules = modules("V = 0");
    App::start_configured(builder, conf, &modules.each_ref().map(|(path, body)| (*path, body.as_str())))
}

/// Saves one version after the other, every fourth of them broken. Clients send requests one by one, and note the versions that
/// they get.
fn never_backwards(mpm: Mpm, conf: &str) {
    let app = start(mpm, conf);
    let stop = AtomicBool::new(false);
    let histories: Vec<Vec<u32>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let response = app.httpd.get("/");
                        // A child may know only the broken version, or its last good code may be too old.
                        if response.status != 200 {
                            assert!(response.status == 500 || response.header("Retry-After").is_some(), "{response:?}");
                            continue;
                        }
                        seen.push(Answer::of(&response).value.parse().expect("a number"));
                    }
                    seen
                })
            })
            .collect();
        for version in 1..=40 {
            let body = if version % 4 == 0 {
                "V = 1 / 0".to_owned()
            } else {
                format!("import time\ntime.sleep(0.01)\nV = {version}")
            };
            app.edit("c.py", &body);
            if version % 4 != 0 {
                wait_for("the edit to be served", || {
                    let response = app.httpd.get("/");
                    (response.status == 200 && Answer::of(&response).value == version.to_string()).then_some(())
                });
            } else {
                app.httpd.get("/");
            }
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().expect("the client does not panic")).collect()
    });
    for history in histories {
        assert!(history.is_sorted(), "a client went back in time: {history:?}");
        assert!(history.iter().collect::<BTreeSet<_>>().len() > 2, "edits were seen: {history:?}");
    }
}

/// A body that succeeds only in the first child that runs it.
fn only_once(app: &App) -> String {
    let directory = app.httpd.server_root().join("once");
    fs::create_dir(&directory).expect("the directory is made");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("its mode is set");
    format!("import os\nos.mkdir({:?})\nV = 'new'", directory.join("taken"))
}

/// Asks each child once. Returns the status and the value of each.
fn ask_each(app: &App) -> Vec<(u16, Option<String>)> {
    let mut open: Vec<Connection> = Vec::new();
    (0..CHILDREN)
        .map(|_| {
            let mut connection = app.httpd.connect();
            let response = connection.get("/").expect("an answer");
            open.push(connection);
            if response.status == 503 {
                assert_eq!(response.header("Retry-After"), Some(&b"1"[..]));
            }
            (response.status, (response.status == 200).then(|| Answer::of(&response).value))
        })
        .collect()
}

mpm_tests! {
    [prefork, event]
    fn a_client_never_goes_back(mpm) {
        never_backwards(mpm, "PythonReloadConsistency server");
    }

    [prefork, event]
    fn a_client_never_goes_back_with_async(mpm) {
        never_backwards(mpm, "PythonReload async\nPythonReloadConsistency server");
    }

    /// With async, a child whose build would still run when it answers builds at once if another child has published the edit.
    [prefork]
    fn a_published_edit_reaches_every_child_at_once(mpm) {
        let app = start(mpm, "PythonReload async\nPythonReloadConsistency server");
        ask_each(&app);
        for version in ["first", "second"] {
            app.edit("c.py", &format!("import time\ntime.sleep(0.05)\nV = '{version}'"));
            wait_for("the edit to be served somewhere", || (app.ask().value == version).then_some(()));
            for answer in ask_each(&app) {
                assert_eq!(answer, (200, Some(version.to_owned())));
            }
        }
    }

    /// One child serves what the others cannot build. They answer 503 instead of serving old code.
    [prefork]
    fn children_that_cannot_follow_answer_503(mpm) {
        let app = start(mpm, "PythonReloadConsistency server");
        let body = only_once(&app);
        ask_each(&app);
        app.edit("c.py", &body);
        app.expect("new");
        let answers = ask_each(&app);
        assert_eq!(answers.iter().filter(|(status, value)| *status == 200 && value.as_deref() == Some("new")).count(), 1);
        assert_eq!(answers.iter().filter(|(status, _)| *status == 503).count(), CHILDREN - 1, "{answers:?}");
        assert!(!app.httpd.log_lines("PythonReloadConsistency is server").is_empty());
        app.edit("c.py", "V = 'whole'");
        assert!(ask_each(&app).iter().all(|answer| *answer == (200, Some("whole".to_owned()))));
    }

    /// By default a child serves its own last good code.
    [prefork]
    fn by_default_each_child_is_for_itself(mpm) {
        let app = start(mpm, "");
        let body = only_once(&app);
        ask_each(&app);
        app.edit("c.py", &body);
        app.expect("new");
        let answers = ask_each(&app);
        assert_eq!(answers.iter().filter(|(_, value)| value.as_deref() == Some("new")).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|(_, value)| value.as_deref() == Some("0")).count(), CHILDREN - 1);
    }
}
