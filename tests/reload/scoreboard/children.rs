//! What children know of each other: `mod_python.reload.children()`, and a failure that one child finds for all.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::PathBuf};

use crate::{
    app::{Answer, App, HANG, Held, handler, module},
    support::{Builder, Connection, Httpd, Mpm, Site, mpm_tests, wait_for},
};

/// The number of children in these tests.
const CHILDREN: usize = 8;

/// Statements that define `view()`: a line for each child that serves this application.
const VIEW: &str = "
import time
from mod_python import reload

def view():
    label = reload.graph()['application']
    now = time.time()
    lines = []
    for c in reload.children():
        assert c['application'] == label
        assert now - 600 < c['published'] <= now + 1 and now - 600 < c['since'] <= now + 1, c
        error = (c['error'] or 'none').strip().splitlines()[-1].partition(':')[0]
        lines.append('%d %d %s %s %s' % (c['pid'], c['generation'], c['state'], c['manifest'], error))
    return '\\n'.join(lines)
";

/// What [`VIEW`] says about one child.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    pid: i32,
    generation: u64,
    state: String,
    manifest: String,
    error: String,
}

fn lines(answer: &Answer) -> Vec<Line> {
    let parse = |line: &str| {
        let parts: Vec<&str> = line.split(' ').collect();
        Line {
            pid: parts[0].parse().expect("a process id"),
            generation: parts[1].parse().expect("a number"),
            state: parts[2].to_owned(),
            manifest: parts[3].to_owned(),
            error: parts[4].to_owned(),
        }
    };
    answer.value.lines().map(parse).collect()
}

fn children(mpm: Mpm) -> Builder {
    Httpd::builder(mpm).children(CHILDREN)
}

/// One answer of each child. Under prefork a child with an open connection accepts no other.
fn ask_all(app: &App) -> Vec<Answer> {
    let mut open: Vec<Connection> = Vec::new();
    let mut answers: Vec<Answer> = Vec::new();
    wait_for("an answer of every child", || {
        let mut connection = app.httpd.connect();
        let answer = Answer::of(&connection.get("/").expect("the handler answers"));
        open.push(connection);
        answers.retain(|known| known.pid != answer.pid);
        answers.push(answer);
        let seen: BTreeSet<i32> = answers.iter().map(|answer| answer.pid).collect();
        app.httpd.child_pids().iter().all(|pid| seen.contains(pid)).then_some(())
    });
    answers
}

/// A file that the bodies of modules may write to.
fn open_file(app: &App, name: &str) -> PathBuf {
    let path = app.httpd.server_root().join(name);
    fs::write(&path, "").expect("the file is made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("its mode is set");
    path
}

fn once_per_run(path: &std::path::Path, body: &str) -> String {
    format!("with open({path:?}, 'a') as f:\n    f.write('x')\n{body}")
}

mpm_tests! {
    /// One child serves more applications than most servers have. Each application is listed.
    [prefork]
    fn a_child_of_many_applications(mpm) {
        const APPLICATIONS: usize = 24;
        let site = Site::new();
        let mut builder = Httpd::builder(mpm);
        for number in 0..APPLICATIONS {
            let tell = handler("from mod_python import reload", "len(reload.children())");
            site.write(&format!("{number}/h.py"), module(&tell));
            let conf = "SetHandler mod_python\nPythonHandler h";
            builder = builder.directory(&site.path(&number.to_string()), conf);
        }
        let httpd = builder.site(&site, "").start();
        for number in 0..APPLICATIONS {
            assert_eq!(Answer::of(&httpd.get(&format!("/{number}/"))).value, (number + 1).to_string());
        }
    }

    /// Every child is listed with what it serves. Equal manifests mean equal code.
    [prefork]
    fn children_are_listed(mpm) {
        let app = App::start_with(children(mpm), &[
            ("h.py", &handler(&format!("{VIEW}\nimport c"), "view()")),
            ("c.py", "V = 1"),
        ]);
        ask_all(&app);
        let first = lines(&app.ask());
        let pids: Vec<i32> = first.iter().map(|line| line.pid).collect();
        assert_eq!(pids, app.httpd.child_pids());
        for line in &first {
            assert_eq!((line.generation, &*line.state, &*line.error), (1, "serving", "none"), "{line:?}");
            assert_eq!((line.manifest.len(), &line.manifest), (64, &first[0].manifest), "{line:?}");
        }

        app.edit("c.py", "V = 2");
        let answer = app.ask();
        let (edited, other): (Vec<Line>, Vec<Line>) = lines(&answer).into_iter().partition(|line| line.pid == answer.pid);
        assert_eq!(other.len(), CHILDREN - 1, "{other:?}");
        assert!(other.iter().all(|line| line.manifest == first[0].manifest && line.generation == 1), "{other:?}");
        assert_eq!(edited[0].generation, 2);
        assert_ne!(edited[0].manifest, first[0].manifest);
        ask_all(&app);
        assert!(lines(&app.ask()).iter().all(|line| line.manifest == edited[0].manifest));

        app.edit("c.py", "V = 1 / 0");
        ask_all(&app);
        for line in lines(&app.ask()) {
            assert_eq!((&*line.state, &*line.error), ("failed", "ZeroDivisionError"), "{line:?}");
            assert_eq!(line.manifest, edited[0].manifest, "{line:?}");
        }

        app.edit("c.py", "V = 1");
        ask_all(&app);
        for line in lines(&app.ask()) {
            assert_eq!((&*line.state, &*line.error), ("serving", "none"), "{line:?}");
            assert_eq!(line.manifest, first[0].manifest, "the old content is the old manifest: {line:?}");
        }
    }

    /// A module that is loaded later is part of the manifest.
    [prefork, event]
    fn manifests_count_late_loads(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{VIEW}\ndef late():\n    before = view()\n    import c\n    return before + '\\n' + view()"),
                "late()")),
            ("c.py", "V = 1"),
        ]);
        let first = lines(&app.ask());
        assert_ne!(first[0].manifest, first[1].manifest);
        app.edit("c.py", "V = 2");
        let second = lines(&app.ask());
        assert!(second.iter().all(|line| !first.iter().any(|before| before.manifest == line.manifest)), "{second:?}");
        app.edit("c.py", "V = 1");
        assert_eq!(lines(&app.ask())[0].manifest, first[1].manifest);
    }

    /// Other children see that a child builds. A child that was killed is not listed any more.
    [prefork]
    fn builders_and_the_dead(mpm) {
        let app = App::start_with(Httpd::builder(mpm).children(3), &[
            ("h.py", &handler(&format!("{VIEW}\nimport c"), "view()")),
            ("c.py", "V = 1"),
        ]);
        ask_all(&app);
        let mut gate = crate::app::Gate::new();
        // Neither the time limit nor the edit below ends such a build.
        app.edit("c.py", &format!("{}\n{HANG}", gate.arrive_statement()));
        let mut held = app.httpd.connect();
        held.send_request("GET", "/", &[], None).expect("the request is sent");
        gate.arrival();
        let tell = fs::read_to_string(app.site.path("c.py")).expect("the module is there");
        app.site.write("c.py", "V = 3");
        let building = wait_for("a child that builds", || {
            let lines = lines(&app.ask());
            lines.into_iter().find(|line| line.state == "building")
        });
        assert_eq!(building.generation, 1, "{tell}");
        app.httpd.kill_child(building.pid);
        wait_for("the child to be forgotten", || lines(&app.ask()).iter().all(|line| line.pid != building.pid).then_some(()));
    }

    /// Children from before a graceful restart are not listed with the new ones, and leave no trace when they end.
    [prefork, event]
    fn a_graceful_restart_has_a_board_of_its_own(mpm) {
        let mut app = App::start_for_two(mpm, &[
            ("h.py", &handler(&format!("{VIEW}\nimport c"), "view()")),
            ("c.py", "V = 1"),
        ]);
        let before = app.ask();
        let held = Held::start(&app);
        app.httpd.graceful();
        let after = wait_for("a new child", || {
            let answer = app.ask();
            (answer.pid != before.pid && lines(&answer).iter().all(|line| line.pid != before.pid)).then_some(answer)
        });
        let held = held.finish();
        assert!(lines(&after).iter().all(|line| line.pid != held.pid), "{after:?}");
        assert!(lines(&app.ask()).iter().all(|line| line.pid != held.pid));
    }

    /// P3: a failing body runs in the first child that meets it. The other children take over the failure until the content
    /// changes. The log has it once.
    [prefork]
    fn a_failing_body_runs_once_in_the_server(mpm) {
        let app = App::start_with(children(mpm), &[
            ("h.py", &handler("from mod_python import reload\nimport c",
                "'%s %s' % (c.V, (reload.graph()['failure'] or 'none').strip().splitlines()[-1])")),
            ("c.py", "V = 1"),
        ]);
        let trace = open_file(&app, "runs");
        let runs = || fs::read(&trace).expect("the file is there").len();
        ask_all(&app);
        for round in 1..=3 {
            app.edit("c.py", &once_per_run(&trace, &format!("raise RuntimeError('broken {round}')")));
            for answer in ask_all(&app) {
                let value = if round == 1 { 1 } else { 10 * (round - 1) };
                assert_eq!(answer.value, format!("{value} RuntimeError: broken {round}"));
            }
            assert_eq!(runs(), round, "round {round}");
            app.expect_failures(round);
            app.edit("c.py", &format!("V = {}", 10 * round));
            for answer in ask_all(&app) {
                assert_eq!(answer.value, format!("{} none", 10 * round));
            }
        }
    }

    /// The same for a body that exceeds the time limit.
    [prefork]
    fn a_body_without_end_is_stopped_once_in_the_server(mpm) {
        let app = App::start_configured(Httpd::builder(mpm).children(3), "PythonReloadTimeout 0.3", &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        let trace = open_file(&app, "runs");
        ask_all(&app);
        app.edit("c.py", &once_per_run(&trace, "while True: pass"));
        assert!(ask_all(&app).iter().all(|answer| answer.value == "1"));
        assert_eq!(fs::read(&trace).expect("the file is there").len(), 1);
        app.edit("c.py", "V = 2");
        assert!(ask_all(&app).iter().all(|answer| answer.value == "2"));
    }

    /// A failure is forgotten when its content changes. The same content may succeed later.
    [prefork]
    fn a_failure_is_forgotten_when_the_content_changes(mpm) {
        let app = App::start_with(Httpd::builder(mpm).children(3), &[
            ("h.py", &handler("import c", "c.V")),
            ("c.py", "V = 1"),
        ]);
        let obstacle = open_file(&app, "obstacle");
        let body = format!("import os\nassert not os.path.exists({obstacle:?})\nV = 2");
        ask_all(&app);
        app.edit("c.py", &body);
        assert!(ask_all(&app).iter().all(|answer| answer.value == "1"));
        app.edit("c.py", "V = 1");
        assert!(ask_all(&app).iter().all(|answer| answer.value == "1"));
        fs::remove_file(&obstacle).expect("the obstacle is taken away");
        app.edit("c.py", &body);
        assert!(ask_all(&app).iter().all(|answer| answer.value == "2"));
        app.expect_failures(1);
    }
}
