//! P6: files that appear, go away, replace each other and change their names.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

/// A module that does without another one.
const OPTIONAL: &str = "try:\n    from extra import V\nexcept ImportError:\n    V = 'without'";

fn rename(app: &App, from: &str, to: &str) {
    fs::rename(app.site.path(from), app.site.path(to)).expect("a rename within the site");
}

mpm_tests! {
    /// The user of an optional module runs again when that module appears, changes and goes away.
    [prefork, event]
    fn an_optional_module_comes_and_goes(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import user", "user.V")), ("user.py", OPTIONAL)]);
        for _ in 0..2 {
            app.expect("without");
            app.edit_gives(&[
                ("extra.py", "V = 'with'", "with"),
                ("extra.py", "V = 'with more'", "with more"),
            ]);
            app.site.remove("extra.py");
        }
        app.expect("without");
        app.expect_failures(0);
    }

    /// The same for submodules, by `from . import` and inside a function.
    [prefork, event]
    fn an_optional_submodule_comes_and_goes(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from pkg import user", "user.V + ' ' + user.late()")),
            ("pkg/__init__.py", ""),
            ("pkg/user.py", "
try:
    from . import extra
    V = extra.V
except ImportError:
    V = 'without'
def late():
    try:
        import pkg.other
    except ImportError:
        return 'without'
    return pkg.other.V
"),
        ]);
        app.expect("without without");
        app.edit_gives(&[
            ("pkg/extra.py", "V = 'with'", "with without"),
            ("pkg/other.py", "V = 'with'", "with with"),
            ("pkg/other.py", "V = 'other'", "with other"),
        ]);
        app.site.remove("pkg/extra.py");
        app.expect("without other");
    }

    /// An optional module that is broken is not treated as missing: its error is reported, and the old code serves.
    [prefork, event]
    fn an_optional_module_that_is_broken(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import user", "user.V")), ("user.py", OPTIONAL)]);
        app.expect("without");
        app.edit("extra.py", "V = (");
        app.expect("without");
        app.expect_failures(1);
        app.edit("extra.py", "V = 'with'");
        app.expect("with");
    }

    /// A module becomes a package of the same name, and a module again.
    [prefork, event]
    fn a_module_becomes_a_package_and_back(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import thing, user", "thing.V + ' ' + user.V")),
            ("user.py", "from thing import V"), ("thing.py", "V = 'module'")]);
        app.expect("module module");
        for round in 0..2 {
            app.edit("thing/__init__.py", "from .impl import V");
            app.edit("thing/impl.py", &format!("V = 'package {round}'"));
            app.site.remove("thing.py");
            app.expect(&format!("package {round} package {round}"));
            app.edit("thing/impl.py", "V = 'edited'");
            app.expect("edited edited");
            app.edit("thing.py", &format!("V = 'module {round}'"));
            fs::remove_dir_all(app.site.path("thing")).expect("the package is removed");
            app.expect(&format!("module {round} module {round}"));
        }
        app.edit("thing.py", "V = 'last'");
        app.expect("last last");
    }

    /// A package's directory is moved away and back. The last good code serves meanwhile, and later edits are seen.
    [prefork, event]
    fn a_directory_is_moved_away_and_back(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import pkg.sub.leaf as leaf", "leaf.V")),
            ("pkg/__init__.py", ""),
            ("pkg/sub/__init__.py", ""),
            ("pkg/sub/leaf.py", "V = 1"),
        ]);
        let first = app.expect("1");
        rename(&app, "pkg", "elsewhere");
        app.expect("1");
        rename(&app, "elsewhere", "pkg");
        let back = app.expect("1");
        assert!(back.runs_after(&first).is_empty(), "{:?}", back.runs_after(&first));
        app.edit("pkg/sub/leaf.py", "V = 2");
        app.expect("2");
        // The directory is moved away, edited there, and moved back.
        rename(&app, "pkg/sub", "pkg/gone");
        app.expect("2");
        app.edit("pkg/gone/leaf.py", "V = 3");
        app.expect("2");
        rename(&app, "pkg/gone", "pkg/sub");
        app.expect("3");
        app.edit("pkg/sub/leaf.py", "V = 4");
        app.expect("4");
    }

    /// A module is renamed and its importers are edited: one generation, and no error.
    [prefork, event]
    fn p6_a_module_is_renamed_with_its_importers(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a, b", "'%s %s' % (a.W, b.W)")),
            ("a.py", "from old_name import V as W"),
            ("b.py", "import old_name\nW = old_name.V"),
            ("old_name.py", "V = 1"),
        ]);
        app.expect("1 1");
        rename(&app, "old_name.py", "new_name.py");
        app.edit("a.py", "from new_name import V as W");
        app.edit("b.py", "import new_name\nW = new_name.V");
        app.expect("1 1");
        app.expect_failures(0);
        app.edit("new_name.py", "V = 2");
        app.expect("2 2");
        app.expect_failures(0);
    }

    /// A module moves into a package and back. Code that names only the last part of its name does not need the old module.
    [prefork, event]
    fn p6_a_module_moves_into_a_package(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import moved", "moved.V")), ("moved.py", "V = 1")]);
        app.expect("1");
        app.edit("pkg/__init__.py", "");
        app.edit("pkg/moved.py", "V = 2");
        app.site.remove("moved.py");
        app.edit("h.py", &handler("import pkg.moved", "pkg.moved.V"));
        app.expect("2");
        app.edit("moved.py", "V = 3");
        app.site.remove("pkg/moved.py");
        app.edit("h.py", &handler("def late():\n    import moved\n    return moved.V", "late()"));
        app.expect("3");
        app.expect_failures(0);
    }

    /// A package is renamed and its importers are edited.
    [prefork, event]
    fn p6_a_package_is_renamed_with_its_importers(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from before.user import W", "W")),
            ("before/__init__.py", ""),
            ("before/user.py", "from .core import V as W"),
            ("before/core.py", "V = 1"),
        ]);
        app.expect("1");
        rename(&app, "before", "after");
        app.edit("h.py", &handler("from after.user import W", "W"));
        app.expect("1");
        app.expect_failures(0);
        app.edit("after/core.py", "V = 2");
        app.expect("2");
        // A new package with the old name is loaded afresh.
        app.edit("before/__init__.py", "");
        app.edit("before/user.py", "W = 'again'");
        app.edit("h.py", &handler("from before.user import W", "W"));
        app.expect("again");
        app.expect_failures(0);
    }

    /// A file is removed and made again with other content, with no request in between.
    [prefork, event]
    fn a_file_is_removed_and_made_again(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")]);
        app.expect("1");
        app.site.remove("c.py");
        app.edit("c.py", "V = 2");
        app.expect("2");
        app.site.remove("c.py");
        app.expect("2");
        app.edit("c.py", "V = 3");
        app.expect("3");
    }

    /// P2: all files of the site change at once, as a checkout changes them.
    [prefork, event]
    fn a_checkout_is_one_batch(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import a, b, pkg.c", "'%s %s %s' % (a.V, b.V, pkg.c.V)")),
            ("a.py", "V = 1"),
            ("b.py", "from a import V"),
            ("pkg/__init__.py", ""),
            ("pkg/c.py", "from b import V"),
        ]);
        app.expect("1 1 1");
        for value in ["2", "3"] {
            app.edit("a.py", &format!("V = {value}"));
            app.edit("b.py", &format!("from a import V as U\nV = U if U == {value} else 'mixed'"));
            app.edit("pkg/c.py", &format!("import b\nV = b.V if b.V == {value} else 'mixed'"));
            app.expect(&format!("{value} {value} {value}"));
        }
        app.expect_failures(0);
    }

    /// P3: a name that cannot be read does not count as missing. The last good code serves, and the reason is logged.
    [prefork, event]
    fn what_is_no_file_is_last_good(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")]);
        app.expect("1");
        let path = app.site.path("c.py");
        for (reported, (what, make)) in odd_files().into_iter().enumerate() {
            fs::remove_file(&path).expect("the file is removed");
            make(&path);
            app.expect("1");
            app.expect("1");
            let failures = app.failures().split_off(reported);
            assert_eq!(failures.len(), 1, "{what}: {failures:#?}");
            let names = ["c.py", "No module named 'c'"];
            assert!(names.iter().any(|name| failures[0].contains(name)), "{what}: {failures:#?}");
            let is_directory = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
            if is_directory { fs::remove_dir(&path) } else { fs::remove_file(&path) }.expect("it goes again");
            app.edit("c.py", "V = 1");
            app.expect("1");
        }
        app.edit("c.py", "V = 2");
        app.expect("2");
    }
}

type Make = fn(&std::path::Path);

/// What may stand in the place of a module's file.
fn odd_files() -> Vec<(&'static str, Make)> {
    fn fifo(path: &std::path::Path) {
        let status = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
        assert!(status.success());
    }
    fn directory(path: &std::path::Path) {
        fs::create_dir(path).expect("a directory is made");
    }
    fn link(path: &std::path::Path) {
        std::os::unix::fs::symlink("nowhere.py", path).expect("a link is made");
    }
    fn unreadable(path: &std::path::Path) {
        fs::write(path, "V = 'nobody may read this'\n").expect("the file is written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("its mode is set");
    }
    fn loop_of_links(path: &std::path::Path) {
        std::os::unix::fs::symlink("c.py", path).expect("a link is made");
    }
    fn socket(path: &std::path::Path) {
        std::os::unix::net::UnixListener::bind(path).expect("a socket is made");
    }
    fn device(path: &std::path::Path) {
        std::os::unix::fs::symlink("/dev/zero", path).expect("a link is made");
    }
    fn linked_directory(path: &std::path::Path) {
        std::os::unix::fs::symlink(".", path).expect("a link is made");
    }
    vec![
        ("a socket", socket),
        ("a link to a device", device),
        ("a link to a directory", linked_directory),
        ("a FIFO", fifo),
        ("a directory", directory),
        ("a dangling link", link),
        ("a loop of links", loop_of_links),
        ("an unreadable file", unreadable),
    ]
}
