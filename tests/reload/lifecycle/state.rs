//! P3 and P7: state that outlives a generation: `carry`, and mod_python 3.3's `__mp_clone__`.

use std::{sync::Barrier, thread};

use crate::{
    app::{Answer, App, handler, module},
    support::{Httpd, Mpm, Site, mpm_tests, wait_for},
};

/// A module that carries a list, and that counts in `sys` how often the factory ran.
const KEEPER: &str = "
import sys
from mod_python import reload
def make():
    sys.__dict__.setdefault('_made', []).append(__name__)
    return []
kept = reload.carry('kept', make)
";

/// A handler that adds the keeper's version to the list, and shows the list and the count.
fn keeper_app(mpm: Mpm) -> App {
    let head = "import sys, c\ndef add():\n    c.kept.append(c.V)\n    return '%s %d' % (c.kept, len(sys._made))";
    App::start(mpm, &[("h.py", &handler(head, "add()")), ("c.py", &format!("{KEEPER}V = 1"))])
}

/// A module in the style of mod_python 3.3: `state` makes `cache`, `hook` is the body of `__mp_clone__`.
fn cloned(version: u32, state: &str, hook: &str) -> String {
    format!("V = {version}\n{state}\ndef __mp_clone__(module):\n    {hook}\n")
}

const GUARDED: &str = "if 'cache' not in globals():\n    cache = {'made by': V}";
const CARRIES: &str = "module.cache = cache";

/// A handler over such a module, and an importer that takes the state by name.
fn cloned_app(mpm: Mpm, conf: &str, body: &str) -> App {
    let head = "import c, user\ndef show():\n    return '%d %s %s' % (c.V, c.cache, user.cache is c.cache)";
    App::start_configured(
        Httpd::builder(mpm),
        conf,
        &[("h.py", &handler(head, "show()")), ("user.py", "from c import cache"), ("c.py", body)],
    )
}

mpm_tests! {
    /// The new body gets the same object. Another name, and the same name in another module, have state of their own.
    [prefork, event]
    fn carried_state_outlives_edits(mpm) {
        let app = keeper_app(mpm);
        app.expect("[1] 1");
        app.edit("c.py", &format!("{KEEPER}V = 2"));
        app.expect("[1, 2] 1");
        // An edit of the handler does not touch the state.
        let head = "import sys, c\nfrom mod_python import reload\nkept = reload.carry('kept', list)\nmore = c.reload.carry('more', list)";
        app.edit_gives(&[
            ("h.py", &handler(head, "'%s %s %s %d' % (c.kept, kept, kept is more, len(sys._made))"), "[1, 2] [] False 1"),
            ("c.py", &format!("{KEEPER}V = 3\nother = reload.carry('other', dict)"), "[1, 2] [] False 1"),
        ]);
    }

    /// P3: state that a discarded build made is forgotten, and the state from before is unchanged.
    [prefork, event]
    fn state_of_a_discarded_build_is_forgotten(mpm) {
        let app = keeper_app(mpm);
        app.expect("[1] 1");
        let late = format!("{KEEPER}late = reload.carry('late', make)\n");
        app.edit("c.py", &format!("{late}late.append('discarded')\n1 / 0"));
        app.expect("[1, 1] 2");
        app.edit("c.py", &format!("{late}kept.append(len(late))\nV = 2"));
        // The factory has run again and made another list.
        app.expect("[1, 1, 0, 2] 3");
        app.edit("c.py", &format!("{late}V = 3"));
        app.expect("[1, 1, 0, 2, 3] 3");
    }

    /// The same for a first load, and for a factory that fails.
    [prefork, event]
    fn state_of_a_failed_first_load_is_forgotten(mpm) {
        let broken = "
from mod_python import reload
import sys
def make():
    sys.__dict__.setdefault('_made', []).append(1)
    if len(sys._made) == 2:
        raise ValueError('no state today')
    return list(sys._made)
kept = reload.carry('kept', make)
if len(sys._made) < 4:
    raise ImportError
";
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.kept")), ("c.py", broken)]);
        for _ in 0..3 {
            assert_eq!(app.httpd.get("/").status, 500);
        }
        assert_eq!(app.httpd.log_lines("ValueError: no state today").len(), 1, "{}", app.httpd.log());
        app.expect("[1, 1, 1, 1]");
    }

    /// An importer catches the failure of the module that made the state.
    [prefork, event]
    fn state_of_a_failed_module_in_a_good_build(mpm) {
        let head = "
import sys
try:
    import c
    V = c.V
except ZeroDivisionError:
    V = 'without'
";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%s %d' % (V, len(sys._made))")),
            ("c.py", &format!("{KEEPER}V = 1")),
        ]);
        app.expect("1 1");
        app.edit_gives(&[
            ("c.py", &format!("{KEEPER}reload.carry('more', make)\n1 / 0"), "without 2"),
            ("c.py", &format!("{KEEPER}reload.carry('more', make)\nV = 2"), "2 3"),
        ]);
    }

    /// Threads that call `carry` at the same time get one object. If two factories wait for each other, the wait ends with an
    /// error.
    [event, worker]
    fn one_factory_for_many_threads(mpm) {
        const REQUESTS: usize = 8;
        let head = "
import sys, threading, time
from mod_python import reload
made = []
def slow():
    time.sleep(0.2)
    made.append(1)
    return object()
def shared():
    return '%x %d' % (id(reload.carry('shared', slow)), len(made))
both = threading.Barrier(2)
def crossing(own, other):
    def make():
        both.wait(30)
        return reload.carry(other, dict)
    try:
        return str(reload.carry(own, make))
    except RuntimeError as e:
        return str(e)
def crossed():
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(crossing('one', 'two'))),
               threading.Thread(target=lambda: answers.append(crossing('two', 'one')))]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return sorted(answers)
def itself():
    try:
        return reload.carry('itself', lambda: reload.carry('itself', dict))
    except RuntimeError as e:
        return str(e)
";
        let app = App::start_with(Httpd::builder(mpm).threads(REQUESTS), &[("h.py", &handler(head, "shared()"))]);
        let barrier = Barrier::new(REQUESTS);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let requests: Vec<_> = (0..REQUESTS).map(|_| scope.spawn(|| {
                let mut connection = app.httpd.connect();
                barrier.wait();
                Answer::of(&connection.get("/").expect("the handler answers"))
            })).collect();
            requests.into_iter().map(|r| r.join().expect("the client does not panic")).collect()
        });
        let first = &answers[0].value;
        assert!(first.ends_with(" 1"), "{first}");
        assert!(answers.iter().all(|answer| answer.value == *first), "{answers:?}");

        app.edit("h.py", &handler(head, "crossed()"));
        let crossed = app.ask().value;
        assert!(crossed.contains("waits for itself") && crossed.contains("{}"), "{crossed}");
        app.edit("h.py", &handler(head, "itself()"));
        assert!(app.ask().value.contains("'itself' of module 'h' waits for itself"));
    }

    /// P7: equal names in two applications are two states.
    [prefork, event]
    fn applications_have_states_of_their_own(mpm) {
        let site = Site::new();
        let text = format!("from mod_python import apache\n{}", handler(KEEPER, "'%s %d' % (kept, len(sys._made))"));
        for directory in ["one", "two"] {
            site.write(&format!("{directory}/h.py"), module(&format!("{text}\nkept.append('{directory}')")));
        }
        let conf = "SetHandler mod_python\nPythonHandler h";
        let httpd = Httpd::builder(mpm)
            .site(&site, "")
            .directory(&site.path("one"), conf)
            .directory(&site.path("two"), conf)
            .start();
        let app = App { site, httpd };
        assert_eq!(app.ask_at("/one/").value, "['one'] 1");
        assert_eq!(app.ask_at("/two/").value, "['two'] 2");
        app.edit("one/h.py", &format!("{text}\nkept.append('edited')"));
        assert_eq!(app.ask_at("/one/").value, "['one', 'edited'] 2");
        assert_eq!(app.ask_at("/two/").value, "['two'] 2");
    }

    /// The state of a module goes when the module is deleted and no module imports it.
    [prefork, event]
    fn state_goes_with_its_module(mpm) {
        let text = "
import sys, weakref
from mod_python import reload
kept = reload.carry('kept', set)
sys._kept = weakref.ref(kept)
";
        let without = "import sys\ndef alive():\n    return sys._kept() is not None";
        let with = format!("import c\n{without}");
        let app = App::start(mpm, &[("h.py", &handler(&with, "alive()")), ("c.py", text)]);
        app.expect("True");
        app.edit("h.py", &handler(without, "alive()"));
        app.site.remove("c.py");
        wait_for("the state to be dropped", || (app.ask().value == "False").then_some(()));
        app.edit("c.py", text);
        app.edit("h.py", &handler(&with, "alive()"));
        app.expect("True");
    }

    /// `__mp_clone__` carries the state of modules that guard it, as mod_python 3.3 requires, and of modules that do not. An
    /// importer that takes the state by name gets the carried one.
    [prefork, event]
    fn mp_clone_carries_state(mpm) {
        let app = cloned_app(mpm, "", &cloned(1, GUARDED, CARRIES));
        app.expect("1 {'made by': 1} True");
        app.edit_gives(&[
            ("c.py", &cloned(2, GUARDED, CARRIES), "2 {'made by': 1} True"),
            ("c.py", &cloned(3, "cache = {'made by': V}", CARRIES), "3 {'made by': 1} True"),
        ]);
        // The old module's hook decides. The new one is called at the next edit.
        app.edit_gives(&[
            ("c.py", &cloned(4, "cache = {'made by': V}", "module.cache = {'afresh': module.V}"), "4 {'made by': 1} True"),
            ("c.py", "V = 5\ncache = None", "5 {'afresh': 5} True"),
            ("c.py", "V = 6\ncache = None", "6 None True"),
        ]);
    }

    /// A module whose body fails does not get the state, and a later edit does.
    [prefork, event]
    fn mp_clone_of_a_failing_body_is_not_called(mpm) {
        let app = cloned_app(mpm, "", &cloned(1, GUARDED, CARRIES));
        app.expect("1 {'made by': 1} True");
        app.edit_gives(&[
            ("c.py", &format!("{}\ncache['spoiled'] = 1\n1 / 0", cloned(2, GUARDED, CARRIES)), "1 {'made by': 1} True"),
            ("c.py", &cloned(2, GUARDED, CARRIES), "2 {'made by': 1} True"),
        ]);
    }

    /// A state hook that raises, or that returns a value, fails the build. The live state is unchanged.
    [prefork, event]
    fn p3_a_state_hook_that_fails_fails_the_build(mpm) {
        for (hook, reason) in [
            ("import sys; module.cache = 'spoiled'; assert not getattr(sys, '_fails', True), 'no way'", "no way"),
            ("import sys; module.cache = cache; return getattr(sys, '_fails', True) or None", "answered bool"),
        ] {
            let app = cloned_app(mpm, "", &cloned(1, GUARDED, hook));
            app.expect("1 {'made by': 1} True");
            // An importer that catches the failure does not hide it.
            app.edit("user.py", "try:\n    from c import cache\nexcept Exception:\n    cache = None");
            app.expect("1 {'made by': 1} True");
            app.edit("c.py", &cloned(2, GUARDED, CARRIES));
            for _ in 0..2 {
                app.expect("1 {'made by': 1} True");
            }
            assert_eq!(app.failures().len(), 1, "{}", app.httpd.log());
            assert!(app.httpd.log().contains(reason), "{}", app.httpd.log());
            // At the next edit the hook is called again. The edit is published even if the hook fails again.
            app.edit("c.py", &cloned(3, GUARDED, CARRIES));
            app.expect("3 {'made by': 3} True");
            assert_eq!(app.failures().len(), 1, "{}", app.httpd.log());
            assert_eq!(app.httpd.log_lines("starts without its predecessor's state").len(), 1, "{}", app.httpd.log());
        }
    }

    /// A state hook that failed for a passing reason is called again at the next edit.
    [prefork, event]
    fn p3_a_state_hook_that_failed_is_called_again(mpm) {
        let hook = "import os; assert os.path.exists(__file__ + '.on'); module.cache = cache";
        let app = cloned_app(mpm, "", &cloned(1, GUARDED, hook));
        app.expect("1 {'made by': 1} True");
        app.edit("c.py", &cloned(2, GUARDED, hook));
        app.expect("1 {'made by': 1} True");
        app.site.write("c.py.on", "");
        app.edit("c.py", &cloned(3, GUARDED, hook));
        app.expect("3 {'made by': 1} True");
    }

    /// A state hook that takes longer than `PythonReloadTimeout` is stopped. The live state is unchanged.
    [prefork, event]
    fn p3_a_slow_state_hook_is_stopped(mpm) {
        let hook = "module.cache = 'spoiled'\n    import time\n    for _ in range(400): time.sleep(0.05)";
        let app = cloned_app(mpm, "PythonReloadTimeout 1", &cloned(1, GUARDED, hook));
        app.expect("1 {'made by': 1} True");
        app.edit("c.py", &cloned(2, GUARDED, CARRIES));
        app.expect("1 {'made by': 1} True");
        assert_eq!(app.failures().len(), 1, "{}", app.httpd.log());
        assert!(app.httpd.log().contains("PythonReloadTimeout"), "{}", app.httpd.log());
        // The hook is not waited for a second time.
        app.edit("c.py", &cloned(3, GUARDED, CARRIES));
        app.expect("3 {'made by': 3} True");
    }
}
