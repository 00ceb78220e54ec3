//! P10: a child forgets what no request asks for any more.

use crate::{
    app::{App, handler},
    support::{Mpm, mpm_tests, wait_for},
};

/// The number of modules in a round.
const ROUND: usize = 250;
/// The number of rounds.
const ROUNDS: usize = 12;

/// Imports the modules of the round that a file names. Shows the sum of their values and the number of followed paths.
const HEAD: &str = "
import importlib, os
from mod_python import reload
import tick
HERE = os.path.dirname(__file__)
def found(name):
    try:
        return importlib.import_module(name).V
    except ImportError:
        return 0
def told():
    with open(HERE + '/round') as file:
        number = file.read()
    values = [found('PREFIX_%s_%d' % (number, i)) for i in range(250)]
    return '%d %d' % (sum(values), reload.graph()['followed'])
";

fn start(mpm: Mpm, prefix: &str) -> App {
    let head = HEAD.replace("PREFIX", prefix);
    let app = App::start(mpm, &[("h.py", &handler(&head, "told()")), ("tick.py", "T = 0")]);
    app.site.write("round", "none");
    app
}

/// The sum of the values, and the number of followed paths.
fn ask(app: &App) -> (usize, usize) {
    let answer = app.ask().value;
    let (sum, followed) = answer.split_once(' ').expect("two numbers");
    (sum.parse().expect("a sum"), followed.parse().expect("a number of paths"))
}

/// Waits until far fewer paths are followed than all rounds together have, which is two for each module.
fn wait_until_forgotten(app: &App) {
    let mut edits = 0;
    wait_for("the child to forget", || {
        edits += 1;
        app.edit("tick.py", &format!("T = {edits}"));
        let (_, followed) = ask(app);
        (followed < 14 * ROUND).then_some(())
    });
}

mpm_tests! {
    /// Thousands of modules are made, imported and removed.
    [prefork, event]
    fn modules_that_come_and_go(mpm) {
        let app = start(mpm, "pkg.m");
        app.edit("pkg/__init__.py", "");
        let mut most = 0;
        for round in 0..ROUNDS {
            app.site.write("round", round.to_string());
            for number in 0..ROUND {
                app.site.write(&format!("pkg/m_{round}_{number}.py"), "V = 1");
            }
            let (sum, followed) = ask(&app);
            assert_eq!(sum, ROUND);
            most = most.max(followed);
            app.site.write("round", "none");
            for number in 0..ROUND {
                app.site.remove(&format!("pkg/m_{round}_{number}.py"));
            }
            assert_eq!(ask(&app).0, 0);
        }
        wait_until_forgotten(&app);
        assert!(most >= ROUND, "{most}");
        // A forgotten module that comes back is found and followed again.
        app.site.write("round", "0");
        app.site.write("pkg/m_0_5.py", "V = 5");
        assert_eq!(ask(&app).0, 5);
        app.site.write("pkg/m_0_5.py", "V = 6");
        assert_eq!(ask(&app).0, 6);
        app.expect_failures(0);
    }

    /// Clients make a function import names that do not exist, without any edit.
    [prefork, event]
    fn names_that_are_asked_for_in_vain(mpm) {
        let app = start(mpm, "absent");
        for round in 0..ROUNDS {
            app.site.write("round", round.to_string());
            assert_eq!(ask(&app).0, 0);
        }
        app.site.write("round", "last");
        wait_until_forgotten(&app);
        for (name, value) in [("absent_last_7", 7), ("absent_0_3", 3)] {
            app.site.write("round", if value == 7 { "last" } else { "0" });
            app.site.write(&format!("{name}.py"), format!("V = {value}"));
            assert_eq!(ask(&app).0, value);
            app.site.write(&format!("{name}.py"), format!("V = {}", value * 10));
            assert_eq!(ask(&app).0, value * 10);
        }
    }
}
