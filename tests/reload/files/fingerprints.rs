//! P1 and P5: content decides what is an edit; times, inodes and neighbouring files do not.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::{
    app::{App, handler},
    support::{Httpd, Mpm, Save, mpm_tests},
};

/// A handler that shows the value of a leaf, and the leaf.
fn leaf(mpm: Mpm) -> App {
    App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")])
}

mpm_tests! {
    [prefork, event]
    fn p1_an_edit_with_its_mtime_restored_is_seen(mpm) {
        for how in [Save::InPlace, Save::Rename] {
            let app = leaf(mpm);
            app.expect("1");
            let mtime = app.site.mtime("c.py");
            app.save(how, "c.py", "V = 2");
            app.site.set_mtime("c.py", mtime);
            app.expect("2");
        }
    }

    [prefork, event]
    fn p1_a_replacement_by_an_older_file_is_seen(mpm) {
        let app = leaf(mpm);
        app.expect("1");
        app.edit("older.py", "V = 2");
        let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
        app.site.set_mtime("older.py", yesterday);
        fs::rename(app.site.path("older.py"), app.site.path("c.py")).expect("a rename within the site");
        app.expect("2");
    }

    [prefork, event]
    fn p5_a_touch_and_unchanged_saves_run_nothing(mpm) {
        let body = "class K: pass";
        let app = App::start(mpm, &[("h.py", &handler("import c", "id(c.K)")), ("c.py", body)]);
        let first = app.ask();

        app.site.touch("c.py");
        let touched = app.expect(&first.value);
        assert!(touched.runs_after(&first).is_empty(), "after a touch");
        for how in [Save::InPlace, Save::Rename] {
            app.save(how, "c.py", body);
            let saved = app.expect(&first.value);
            assert!(saved.runs_after(&first).is_empty(), "after {how:?}");
        }

        // A checkout of another version and back, with no request in between.
        app.edit("c.py", "V = 2");
        app.edit("c.py", body);
        let back = app.expect(&first.value);
        assert!(back.runs_after(&first).is_empty(), "after a checkout and back");

        // The assertions above prove something only if an edit does run.
        app.edit("c.py", "class K: edited = True");
        let edited = app.ask();
        assert_eq!(edited.runs_after(&first), ["c", "h"]);
    }

    [prefork, event]
    fn p1_same_size_edits_within_one_second_are_seen(mpm) {
        let app = leaf(mpm);
        app.expect("1");
        // On any machine all these files have one time and one size.
        let instant = app.site.mtime("c.py");
        let edit = |value: &str| {
            app.edit("c.py", &format!("V = {value}"));
            app.site.set_mtime("c.py", instant);
        };
        edit("2");
        edit("3");
        app.expect("3");
        for value in ["4", "5", "6", "7"] {
            edit(value);
            app.expect(value);
        }
    }

    [prefork, event]
    fn p1_a_new_inode_with_all_times_and_sizes_equal_is_seen(mpm) {
        let app = leaf(mpm);
        app.expect("1");
        let instant = app.site.mtime("c.py");
        for value in ["2", "3", "4"] {
            app.edit("c.new", &format!("V = {value}"));
            app.site.set_mtime("c.new", instant);
            fs::rename(app.site.path("c.new"), app.site.path("c.py")).expect("a rename within the site");
            app.expect(value);
        }
    }

    [prefork, event]
    fn p1_each_of_a_hundred_atomic_renames_is_seen(mpm) {
        let app = leaf(mpm);
        let first = app.expect("1");
        for value in 2..102 {
            app.save(Save::Rename, "c.py", &format!("V = {value}"));
            app.expect(&value.to_string());
        }
        let last = app.expect("101");
        let runs = last.runs_after(&first);
        assert_eq!(runs.iter().filter(|name| **name == "c").count(), 100);
        assert_eq!(runs.iter().filter(|name| **name == "h").count(), 100);
    }

    [prefork, event]
    fn p5_editor_junk_is_no_edit(mpm) {
        let head = "from mod_python import reload\nimport c, pkg";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "'%d %d' % (c.V, reload.generation())")),
            ("c.py", "V = 1"),
            ("pkg/__init__.py", ""),
        ]);
        let first = app.ask();
        for directory in ["", "pkg/"] {
            for name in [
                ".#c.py",
                "#c.py#",
                "4913",
                "c.py~",
                "c.py.bak",
                "c.py.orig",
                ".c.py.swp",
                ".c.py.swx",
                "c.py___jb_tmp___",
                "__pycache__/c.cpython-311.pyc",
                "__pycache__/c.cpython-311.pyc.140123",
                ".git/index.lock",
                "access.log",
                "book.sqlite3-journal",
            ] {
                let path = format!("{directory}{name}");
                app.site.write(&path, "this = = is not Python");
                app.site.replace(&path, "nor is = = this");
                app.site.remove(&path);
                app.site.write(&path, "and it = = stays");
            }
            let answer = app.expect(&first.value);
            assert!(answer.runs_after(&first).is_empty(), "in {directory:?}");
        }
        app.expect_failures(0);

        app.edit("c.py", "V = 2");
        let edited = app.ask();
        assert!(edited.value.starts_with("2 "), "{}", edited.value);
        assert_eq!(edited.runs_after(&first), ["c", "h"]);
    }

    /// The clock was set back, or the files come from another clock: saved files have times in the future and in the past.
    [prefork, event]
    fn p1_times_in_the_future_and_in_the_past_hide_no_edit(mpm) {
        for watch in ["PythonReloadWatch auto", "PythonReloadWatch stat\nPythonReloadInterval 0"] {
            let app = App::start_with(Httpd::builder(mpm).conf(watch), &[
                ("h.py", &handler("import c", "c.V")),
                ("c.py", "V = 0"),
            ]);
            let first = app.expect("0");
            let hour = Duration::from_secs(60 * 60);
            let now = SystemTime::now();
            for (value, time) in [now + hour, now + 24 * hour, now - hour, now + hour].into_iter().enumerate() {
                let value = format!("{}", value + 1);
                app.edit("c.new", &format!("V = {value}"));
                app.site.set_mtime("c.new", time);
                fs::rename(app.site.path("c.new"), app.site.path("c.py")).expect("a rename within the site");
                app.site.set_mtime("h.py", time);
                for _ in 0..20 {
                    app.expect(&value);
                }
            }
            let last = app.expect("4");
            assert_eq!(last.runs_after(&first), ["c", "h"].repeat(4), "with {watch}");
        }
    }

    /// P6: bytecode appears where no source is, and an extension module takes the place of a source.
    [prefork, event]
    fn names_beside_the_source(mpm) {
        let head = "import importlib.machinery, importlib.util, marshal\nimport c\n\
                    try:\n    import x\nexcept ImportError:\n    x = None\n\
                    def shipped():\n    \
                    code = marshal.dumps(compile('V = 7', 'x.py', 'exec'))\n    \
                    return (importlib.util.MAGIC_NUMBER + bytes(12) + code).hex()";
        let value = "'%s %s %s %s' % (c.V, x and x.V, importlib.machinery.EXTENSION_SUFFIXES[0], shipped())";
        let app = App::start(mpm, &[("h.py", &handler(head, value)), ("c.py", "V = 1")]);
        let first = app.ask();
        let parts: Vec<&str> = first.value.split(' ').collect();
        let [_, "None", suffix, code] = parts[..] else { panic!("{}", first.value) };
        let bytes: Vec<u8> = (0..code.len() / 2)
            .map(|at| u8::from_str_radix(&code[at * 2..at * 2 + 2], 16).expect("two digits"))
            .collect();
        app.site.replace("x.pyc", bytes);
        let shipped = app.ask();
        assert!(shipped.value.starts_with("1 7 "), "{}", shipped.value);
        assert_eq!(shipped.runs_after(&first), ["h"]);

        // It cannot be loaded, but it is what Python would load.
        let extension = format!("c{suffix}");
        app.site.write(&extension, "no shared object");
        app.expect(&shipped.value);
        app.expect_failures(1);
        app.site.remove(&extension);
        let back = app.expect(&shipped.value);
        assert!(back.runs_after(&shipped).is_empty());
    }
}
