//! A rebuild on request loads unchanged code again: `reload.request` and the file of `PythonReloadTrigger`.

use std::{collections::HashSet, fs::File};

use crate::{
    app::{Answer, App, handler},
    support::{Builder, Httpd, Mpm, Site, mpm_tests, wait_for},
};

/// A handler that requests a rebuild where its query says so, and shows the number of the generation.
fn asking() -> String {
    let head = "import c, pkg.a\nfrom mod_python import reload\n\
                def ask(req):\n    \
                    if req.args == 'all': reload.request()\n    \
                    elif req.args: reload.request(req.args)";
    handler(head, "'%d %s' % (reload.generation(), c.V)")
        .replace("value = str(_value())\n    if", "value = str(_value())\n    ask(req)\n    if")
}

fn start(builder: Builder) -> App {
    App::start_with(
        builder,
        &[
            ("h.py", &asking()),
            ("c.py", "import e\nV = 1"),
            ("e.py", ""),
            ("pkg/__init__.py", ""),
            ("pkg/a.py", "import pkg.b"),
            ("pkg/b.py", ""),
        ],
    )
}

/// How many different children gave these answers.
fn pids(answers: &[Answer]) -> usize {
    answers.iter().map(|answer| answer.pid).collect::<HashSet<_>>().len()
}

mpm_tests! {
    /// A request for everything runs each body once, dependencies first. After that nothing runs.
    [prefork, event]
    fn request_for_everything(mpm) {
        let app = start(Httpd::builder(mpm));
        let first = app.expect("1 1");
        app.ask_at("/?all");
        let again = app.expect("2 1");
        assert_eq!(again.sorted_runs_after(&first), ["c", "e", "h", "pkg", "pkg.a", "pkg.b"]);
        let order = again.runs_after(&first);
        let place = |name: &str| order.iter().position(|n| *n == name);
        assert!(place("e") < place("c") && place("c") < place("h") && place("pkg.b") < place("pkg.a"), "{order:?}");
        assert!(app.expect("2 1").runs_after(&again).is_empty());
    }

    /// A package's name stands for the package and its submodules. These and their dependents run, and nothing else.
    [prefork, event]
    fn request_for_a_part(mpm) {
        let app = start(Httpd::builder(mpm));
        let first = app.expect("1 1");
        app.ask_at("/?pkg");
        let package = app.expect("2 1");
        assert_eq!(package.sorted_runs_after(&first), ["h", "pkg", "pkg.a", "pkg.b"]);
        app.ask_at("/?e");
        let leaf = app.expect("3 1");
        assert_eq!(leaf.runs_after(&package), ["e", "c", "h"]);
        app.ask_at("/?pk");
        assert!(app.expect("3 1").runs_after(&leaf).is_empty(), "a part of a name is no package");
        let refused = app.httpd.get("/?pkg..a");
        assert_eq!(refused.status, 500);
        assert!(!app.httpd.log_lines("is not the dotted name of a module or package").is_empty());
    }

    /// Every child takes part, also without inotify.
    [prefork, event]
    fn request_reaches_every_child(mpm) {
        for conf in ["", "PythonReloadWatch stat"] {
            let app = start(Httpd::builder(mpm).children(3).threads(2).conf(conf));
            let mut answers = Vec::new();
            wait_for("every child to answer", || {
                answers.push(app.ask());
                (pids(&answers) == 3).then_some(())
            });
            app.ask_at("/?all");
            let mut later = Vec::new();
            wait_for("every child to answer again", || {
                later.push(app.ask());
                (pids(&later) == 3).then_some(())
            });
            for answer in later {
                assert!(answer.value.starts_with("2 "), "{}", answer.value);
                let runs = answer.runs.iter().filter(|name| **name == "c").count();
                assert_eq!(runs, 2, "once at first and once again: {:?}", answer.runs);
            }
        }
    }

    /// P3: a rebuild that fails keeps the last good generation. A second request tries the same content again.
    [prefork, event]
    fn a_failed_rebuild_is_tried_again_on_request(mpm) {
        let site = Site::with(&[("switch", "")]);
        let switch = site.path("switch");
        // The body does not open the file itself, as an edit of a file that it reads would run it.
        let body = format!(
            "import subprocess\nif subprocess.run(['cat', '{}'], stdout=subprocess.PIPE).stdout:\n    \
             raise OSError('the database is down')\nV = 1",
            switch.display()
        );
        let app = App::start_with(Httpd::builder(mpm), &[
            ("h.py", &asking()),
            ("c.py", &body),
            ("pkg/__init__.py", ""),
            ("pkg/a.py", ""),
        ]);
        app.expect("1 1");
        site.write("switch", "down");
        app.ask_at("/?all");
        app.expect("1 1");
        app.expect("1 1");
        app.expect_failures(1);
        site.write("switch", "");
        app.ask_at("/?all");
        app.expect("2 1");
    }

    /// One touch of the trigger file, its creation included, makes every child load everything once.
    [prefork, event]
    fn the_trigger_file(mpm) {
        let elsewhere = Site::new();
        let conf = format!("PythonReloadTrigger {}", elsewhere.path("reload.now").display());
        trigger(mpm, &elsewhere, &conf, false);
    }

    /// The same where polling finds the touch.
    [prefork, event]
    fn the_trigger_file_without_inotify(mpm) {
        let elsewhere = Site::new();
        let conf = format!(
            "PythonReloadWatch stat\nPythonReloadInterval 0\nPythonReloadTrigger {}",
            elsewhere.path("reload.now").display()
        );
        trigger(mpm, &elsewhere, &conf, false);
    }

    /// With `PythonAutoReload Off` nothing reloads by itself, but the trigger does.
    [prefork, event]
    fn the_trigger_file_without_auto_reload(mpm) {
        let elsewhere = Site::new();
        let conf = format!("PythonAutoReload Off\nPythonReloadTrigger {}", elsewhere.path("reload.now").display());
        trigger(mpm, &elsewhere, &conf, true);
    }
}

fn trigger(mpm: Mpm, elsewhere: &Site, conf: &str, is_off: bool) {
    let app = start(Httpd::builder(mpm).conf(conf));
    let first = app.expect("1 1");
    if is_off {
        app.edit("c.py", "import e\nV = 2");
        assert!(app.expect("1 1").runs_after(&first).is_empty());
        elsewhere.write("reload.now", "");
        app.expect("2 2");
        return;
    }
    let mut last = first;
    for (generation, touch) in ["create", "touch", "write", "replace"].iter().enumerate() {
        match *touch {
            "create" | "write" => elsewhere.write("reload.now", format!("{generation}")),
            "touch" => elsewhere.touch("reload.now"),
            _ => elsewhere.replace("reload.now", "another"),
        }
        let answer = app.expect(&format!("{} 1", generation + 2));
        assert_eq!(answer.sorted_runs_after(&last), ["c", "e", "h", "pkg", "pkg.a", "pkg.b"], "after {touch}");
        last = app.expect(&answer.value);
        assert!(last.runs_after(&answer).is_empty(), "after {touch}");
    }
    elsewhere.remove("reload.now");
    assert!(app.expect(&last.value).runs_after(&last).is_empty(), "after it was removed");
    // Other files in the trigger's directory have no effect.
    drop(File::create(elsewhere.path("reload.now.bak")).expect("a file beside it"));
    assert!(app.expect(&last.value).runs_after(&last).is_empty(), "after a file beside it");
}
