//! What counts as an edit: content does; dates, inodes and neighbours do not.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::{
    app::{App, handler},
    support::{Mpm, Save, mpm_tests},
};

/// A handler that shows a leaf's value, and the leaf.
fn leaf(mpm: Mpm) -> App {
    App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")])
}

mpm_tests! {
    [prefork, event]
    fn case_32_edit_with_mtime_restored(mpm) {
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
    fn case_33_replaced_by_an_older_file(mpm) {
        let app = leaf(mpm);
        app.expect("1");
        app.edit("older.py", "V = 2");
        let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
        app.site.set_mtime("older.py", yesterday);
        fs::rename(app.site.path("older.py"), app.site.path("c.py")).expect("a rename within the site");
        app.expect("2");
    }

    [prefork, event]
    fn case_34_touch_and_unchanged_saves_run_nothing(mpm) {
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

        // That nothing ran is only worth something if an edit still does run.
        app.edit("c.py", "class K: edited = True");
        let edited = app.ask();
        assert_eq!(edited.runs_after(&first), ["c", "h"]);
    }

    [prefork, event]
    fn case_35_same_size_edits_within_one_second(mpm) {
        let app = leaf(mpm);
        app.expect("1");
        // However fast or slow the machine is, all these files are of one instant and one size.
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
    fn case_38_a_hundred_atomic_renames(mpm) {
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
    fn case_47_editor_junk_is_no_edit(mpm) {
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
        assert!(app.failures().is_empty(), "{:#?}", app.failures());

        app.edit("c.py", "V = 2");
        let edited = app.ask();
        assert!(edited.value.starts_with("2 "), "{}", edited.value);
        assert_eq!(edited.runs_after(&first), ["c", "h"]);
    }
}
