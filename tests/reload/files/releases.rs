//! P2 and P3: deploys by a symbolic link, `current`, that is turned from one release to the next.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::app::{App, Gate, Held, handler, module};
use crate::support::{Httpd, Mpm, Site, mpm_tests};

/// Turns `current` to a release in one step, as `mv -T` does.
fn turn(site: &Site, release: &str) {
    symlink(format!("releases/{release}"), site.path("next")).expect("a link is made");
    fs::rename(site.path("next"), site.path("current")).expect("the link is replaced");
}

/// Removes `current` and makes it anew, as `ln -sfn` does.
fn turn_with_gap(site: &Site, release: &str) {
    fs::remove_file(site.path("current")).expect("the link is removed");
    symlink(format!("releases/{release}"), site.path("current")).expect("a link is made");
}

/// Writes a release whose modules and data files all hold its name.
fn write(site: &Site, release: &str) {
    let tell = format!("V = {release:?}");
    let value = "'%s %s %s %s' % (V, a.V, a.b.V, open(HERE + '/data').read())";
    let head = format!("import os, a\n{tell}\nHERE = os.path.dirname(__file__)");
    for (path, text) in [
        ("h.py", module(&handler(&head, value))),
        ("a.py", module(&format!("import b\n{tell}"))),
        ("b.py", module(&tell)),
        ("late.py", module(&tell)),
        ("data", release.to_owned()),
    ] {
        site.write(&format!("releases/{release}/{path}"), text);
    }
}

fn whole(release: &str) -> String {
    [release; 4].join(" ")
}

/// Serves `current`, which leads to r1.
fn start(mpm: Mpm, children: usize) -> App {
    let site = Site::new();
    write(&site, "r1");
    turn(&site, "r1");
    let conf = "SetHandler mod_python\nPythonHandler h";
    let httpd = Httpd::builder(mpm)
        .children(children)
        .site(&site, "")
        .conf(&format!("DocumentRoot \"{}\"", site.path("current").display()))
        .directory(&site.path("current"), conf)
        .start();
    let app = App { site, httpd };
    app.expect(&whole("r1"));
    app
}

/// Tells the clients to stop when it is dropped, also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends requests while `turns` runs, and returns the bodies of those that got a 200.
fn under_load(app: &App, clients: usize, turns: impl FnOnce()) -> Vec<String> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ask = || {
            let mut answers = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let response = app.httpd.get("/x");
                assert!(response.status != 500, "{}", app.httpd.log());
                if response.status == 200 {
                    answers.push(crate::app::Answer::of(&response).value);
                }
            }
            answers
        };
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        let stop = Stop(&done);
        turns();
        drop(stop);
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    })
}

mpm_tests! {
    [prefork, worker, event]
    fn p2_a_link_is_turned_under_load(mpm) {
        let app = start(mpm, if mpm.threaded() { 2 } else { 4 });
        let answers = under_load(&app, 4, || {
            for number in 2..12 {
                let release = format!("r{number}");
                write(&app.site, &release);
                turn(&app.site, &release);
                for _ in 0..5 {
                    let value = app.ask().value;
                    assert!(value == whole(&release), "{value} is not {release}: {}", app.httpd.log());
                }
            }
        });
        for answer in &answers {
            let first = answer.split(' ').next().unwrap_or_default();
            // The data file is read at the end, by the path that the module has.
            assert_eq!(*answer, whole(first));
        }
        app.expect_failures(0);
    }

    [prefork, event]
    fn p3_a_link_is_turned_with_a_gap(mpm) {
        let app = start(mpm, 2);
        let answers = under_load(&app, 3, || {
            for number in 2..12 {
                let release = format!("r{number}");
                write(&app.site, &release);
                turn_with_gap(&app.site, &release);
                let value = app.ask().value;
                assert!(value == whole(&release), "{value} is not {release}: {}", app.httpd.log());
            }
        });
        for answer in &answers {
            assert_eq!(*answer, whole(answer.split(' ').next().unwrap_or_default()));
        }
    }

    /// P3: a release that cannot be built is not served. It can be mended in its place, and the link can be turned back.
    [prefork, event]
    fn a_broken_release_is_last_good(mpm) {
        let app = start(mpm, 1);
        write(&app.site, "r2");
        app.site.write("releases/r2/b.py", "V = (");
        turn(&app.site, "r2");
        app.expect(&whole("r1"));
        app.expect(&whole("r1"));
        app.expect_failures(1);
        app.site.write("releases/r2/b.py", module("V = 'r2'"));
        app.expect(&whole("r2"));
        app.site.write("releases/r2/b.py", module("V = 'mended'"));
        app.expect("r2 r2 mended r2");
        turn(&app.site, "r1");
        app.expect(&whole("r1"));
        fs::remove_dir_all(app.site.path("releases/r2")).expect("the release is removed");
        app.site.write("releases/r1/a.py", module("import b\nV = 'edited'"));
        app.expect("r1 edited r1 r1");
    }

    /// P4: what a request imports late comes from the release that it began with.
    [prefork, event]
    fn a_late_import_is_of_the_requests_release(mpm) {
        let app = start(mpm, 2);
        let head = "import importlib, os\nHERE = os.path.dirname(__file__)\ndef late():\n    \
                    if not os.path.exists(HERE + '/../../go'):\n        return 'early'\n    \
                    return importlib.import_module('la' + os.path.basename('te')).V";
        app.site.write("releases/r1/h.py", module(&handler(head, "late()")));
        app.expect("early");
        let held = Held::start(&app);
        write(&app.site, "r2");
        turn(&app.site, "r2");
        app.expect(&whole("r2"));
        app.site.write("go", "");
        assert_eq!(held.finish().value, "early then r1");
        app.expect(&whole("r2"));
    }

    /// `PythonPath` names a link, and a chain of links.
    [prefork, event]
    fn a_linked_python_path(mpm) {
        let site = Site::new();
        for release in ["r1", "r2"] {
            write(&site, release);
        }
        turn(&site, "r1");
        symlink("current", site.path("stable")).expect("a link is made");
        let path = format!("PythonPath \"['{}'] + sys.path\"", site.path("stable").display());
        let app = App::serve(Httpd::builder(mpm), site, &path);
        app.expect(&whole("r1"));
        turn(&app.site, "r2");
        app.expect(&whole("r2"));
        fs::remove_file(app.site.path("stable")).expect("the link is removed");
        app.expect(&whole("r2"));
        symlink("releases/r1", app.site.path("stable")).expect("a link is made");
        app.expect(&whole("r1"));
    }

    /// The publisher serves pages below the link.
    [prefork, event]
    fn pages_below_a_link(mpm) {
        let site = Site::new();
        let page = |release: &str| format!("import b\ndef f(req):\n    return {release:?} + ' ' + b.V + ' ' + req.filename\n");
        for release in ["r1", "r2"] {
            write(&site, release);
            site.write(&format!("releases/{release}/sub/p.py"), page(release));
        }
        site.write("releases/r2/only.py", page("only"));
        turn(&site, "r1");
        let current = site.path("current");
        let httpd = Httpd::builder(mpm)
            .site(&site, "")
            .conf(&format!("DocumentRoot \"{}\"", current.display()))
            .directory(&current, "SetHandler mod_python\nPythonHandler mod_python.publisher")
            .start();
        let shown = |release: &str| format!("{release} {release} {}", current.join("sub/p.py").display());
        for _ in 0..3 {
            assert_eq!(httpd.get("/sub/p/f").ok(), shown("r1"));
        }
        assert_eq!(httpd.get("/only/f").status, 404);
        turn(&site, "r2");
        assert_eq!(httpd.get("/sub/p/f").ok(), shown("r2"));
        assert!(httpd.get("/only/f").ok().starts_with("only r2"));
        turn_with_gap(&site, "r1");
        assert_eq!(httpd.get("/sub/p/f").ok(), shown("r1"));
        assert_eq!(httpd.get("/only/f").status, 404);
    }

    /// The link is turned back while the bodies of a build run. What they read then belongs to another release than what was
    /// compared.
    [prefork, event]
    fn p2_a_link_is_turned_in_the_middle_of_a_build(mpm) {
        let site = Site::new();
        for release in ["r1", "r2"] {
            site.write(&format!("releases/{release}/turned_code.py"), module(&format!("V = {release:?}")));
            site.write(&format!("releases/{release}/turned_data.txt"), release);
        }
        let read = "import turned_code, os\nwith open(os.path.dirname(turned_code.__file__) + '/turned_data.txt') as f: V = f.read()";
        let path = "import os, sys
current = os.path.join(os.path.dirname(__file__), 'current')
if current not in sys.path: sys.path.insert(0, current)
import stop, read, turned_code";
        site.write("stop.py", module("import turned_code"));
        site.write("read.py", module(&format!("import stop\n{read}")));
        site.write("h.py", module(&handler(path, "turned_code.V + ' ' + read.V")));
        turn(&site, "r1");
        let app = App::serve(Httpd::builder(mpm), site, "");
        app.expect("r1 r1");
        let mut gate = Gate::new();
        app.edit("stop.py", &format!("import turned_code\nif turned_code.V == 'r2':\n    {}", gate.wait_statement().replace('\n', "\n    ")));
        app.expect("r1 r1");
        turn(&app.site, "r2");
        thread::scope(|scope| {
            let request = scope.spawn(|| app.ask());
            gate.arrival();
            turn(&app.site, "r1");
            drop(gate);
            assert_eq!(request.join().expect("the client does not panic").value, "r1 r1");
        });
        app.expect_failures(0);
    }
}
