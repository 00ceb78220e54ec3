//! P6: an edit of a file that a body reads, or that a module declares, is an edit of the module.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

use crate::{
    app::{App, handler},
    support::{Httpd, mpm_tests},
    zip::zip,
};

/// The head of a module that reads a JSON file beside it.
const READ_JSON: &str =
    "import json, os\nwith open(os.path.join(os.path.dirname(__file__), 'data.json')) as f:\n    V = json.load(f)";

/// A gettext catalog with the translation of one message.
fn messages(message: &str, translation: &str) -> Vec<u8> {
    const HEADER: u32 = 28;
    let text = HEADER + 16;
    let lengths = [message, translation].map(|text| u32::try_from(text.len()).expect("a short text"));
    let tables = [lengths[0], text, lengths[1], text + lengths[0] + 1];
    let words = [0x9504_12de, 0, 1, HEADER, HEADER + 8, 0, 0].into_iter().chain(tables);
    let head = words.flat_map(u32::to_le_bytes);
    head.chain(format!("{message}\0{translation}\0").into_bytes()).collect()
}

mpm_tests! {
    [prefork, event]
    fn p6_json_that_a_body_reads_is_edited(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import config, aside", "config.V")),
            ("config.py", READ_JSON),
            ("aside.py", ""),
        ]);
        app.site.write("data.json", "1");
        let first = app.expect("1");
        app.site.write("data.json", "2");
        let second = app.expect("2");
        assert_eq!(second.runs_after(&first), ["config", "h"]);
        app.site.replace("data.json", "3");
        let third = app.expect("3");
        assert_eq!(third.runs_after(&second), ["config", "h"]);
        // Content decides.
        app.site.touch("data.json");
        app.site.replace("data.json", "3");
        let fourth = app.expect("3");
        assert!(fourth.runs_after(&third).is_empty());
    }

    [prefork, event]
    fn p3_broken_data_keeps_the_last_good_generation_until_it_is_mended(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import config", "config.V")), ("config.py", READ_JSON)]);
        app.site.write("data.json", "1");
        let first = app.expect("1");
        app.site.write("data.json", "{");
        app.expect("1");
        app.expect("1");
        assert_eq!(app.failures().len(), 1, "one line for one failing content");
        app.site.write("data.json", "[");
        app.expect("1");
        assert_eq!(app.failures().len(), 2, "another content was tried");
        app.site.write("data.json", "2");
        let last = app.expect("2");
        assert_eq!(last.runs_after(&first), ["config", "h"]);
        app.site.write("data.json", "{");
        app.expect("2");
        app.site.write("data.json", "2");
        let same = app.expect("2");
        assert!(same.runs_after(&last).is_empty(), "the file is as it was");
    }

    [prefork, event]
    fn p6_what_failed_code_has_read_counts(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import a", "a.V")), ("a.py", "V = 'old'"), ("b.py", "")]);
        app.expect("old");
        // One body reads the file, and another body raises because of its content.
        app.edit("b.py", "import os\nT = open(os.path.dirname(__file__) + '/new.txt').read()");
        app.edit("a.py", "import b\nV = int(b.T)");
        app.expect("old");
        app.site.write("new.txt", "no number");
        app.expect("old");
        app.site.write("new.txt", "5");
        app.expect("5");
        app.site.write("new.txt", "6");
        app.expect("6");
    }

    [prefork, event]
    fn p6_a_first_load_is_tried_again_when_its_data_appears(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import config", "config.V")), ("config.py", READ_JSON)]);
        app.site.write("data.json", "{");
        assert_eq!(app.httpd.get("/").status, 500);
        app.site.write("data.json", "1");
        app.expect("1");
    }

    [prefork, event]
    fn p6_templates_and_a_glob_are_edges(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import pages", "pages.V")),
            ("pages.py", "import glob, os\nHERE = os.path.dirname(__file__)\n\
                V = ' '.join(open(p).read() for p in sorted(glob.glob(HERE + '/pages/*.txt')))"),
        ]);
        app.site.write("pages/a.txt", "A");
        let first = app.expect("A");
        app.site.write("pages/b.txt", "B");
        let second = app.expect("A B");
        assert_eq!(second.runs_after(&first), ["pages", "h"]);
        app.site.write("pages/a.txt", "a");
        let third = app.expect("a B");
        // This name does not match the pattern.
        app.site.write("pages/c.html", "C");
        app.site.write("pages/.a.txt.swp", "x");
        let fourth = app.expect("a B");
        assert!(fourth.runs_after(&third).is_empty());
        app.site.remove("pages/a.txt");
        app.expect("B");
    }

    [prefork, event]
    fn p6_other_ways_to_read_are_edges(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import ways", "' '.join(ways.V)")),
            ("ways.py", "import os, pathlib, pkgutil, pkg\nfrom importlib import resources\n\
                HERE = pathlib.Path(__file__).parent\nos.chdir(HERE)\nfd = os.open(b'd.txt', os.O_RDONLY)\n\
                V = [(HERE / 'a.txt').read_text(), resources.read_text(pkg, 'b.txt'),\n\
                pkgutil.get_data('pkg', 'c.txt').decode(), os.read(fd, 9).decode(),\n\
                ','.join(sorted(p.name for p in (HERE / 'list').iterdir())),\n\
                ','.join(sorted(str(p.name) for p in HERE.glob('globbed/*/x')))]\nos.close(fd)\nos.chdir('/')"),
            ("pkg/__init__.py", ""),
        ]);
        for (path, text) in [("a.txt", "a"), ("pkg/b.txt", "b"), ("pkg/c.txt", "c"), ("d.txt", "d"), ("list/one", "")] {
            app.site.write(path, text);
        }
        app.site.write("globbed/1/x", "");
        let mut last = app.expect("a b c d one x");
        for (path, text, expected) in [
            ("a.txt", "A", "A b c d one x"),
            ("pkg/b.txt", "B", "A B c d one x"),
            ("pkg/c.txt", "C", "A B C d one x"),
            ("d.txt", "D", "A B C D one x"),
            ("list/two", "", "A B C D one,two x"),
            ("globbed/2/x", "", "A B C D one,two x,x"),
        ] {
            app.site.write(path, text);
            let now = app.expect(expected);
            assert_eq!(now.runs_after(&last), ["ways", "h"], "{path}");
            last = now;
        }
    }

    /// A body reads relative to a directory's descriptor, in a thread, and through Python's caches of directories and archives.
    [prefork, event]
    fn p6_reads_that_name_no_path_are_edges(mpm) {
        let head = "import gettext, importlib.metadata, os, zipimport
from concurrent.futures import ThreadPoolExecutor
HERE = os.path.dirname(__file__)
def read(name):
    with open(os.path.join(HERE, name)) as file:
        return file.read()
top = os.open(HERE, os.O_RDONLY)
fd = os.open('a.txt', os.O_RDONLY, dir_fd=top)
V = [os.read(fd, 9).decode()]
os.close(fd)
V.append(','.join(sorted(name for _, _, names, _ in os.fwalk('list', dir_fd=top) for name in names)))
os.close(top)
with ThreadPoolExecutor(1) as pool:
    V.extend(pool.map(read, ['b.txt']))
V.append(','.join(sorted(found.version for found in importlib.metadata.distributions(path=[HERE]))))
V.append(zipimport.zipimporter(HERE + '/c.zip').get_data('c.txt').decode())
V.append(gettext.translation('d', HERE, languages=['de']).gettext('hi'))";
        let app = App::start(mpm, &[("h.py", &handler("import ways", "' '.join(ways.V)")), ("ways.py", "V = []")]);
        let zipped = |text: &str| fs::write(app.site.path("c.zip"), zip(&[("c.txt", text)])).expect("it is written");
        app.site.write("a.txt", "a");
        app.site.write("b.txt", "b");
        app.site.write("de/LC_MESSAGES/d.mo", messages("hi", "hallo"));
        app.site.write("list/one", "");
        app.site.write("x-1.dist-info/METADATA", "Name: x\nVersion: 1\n");
        zipped("c");
        app.edit("ways.py", head);
        app.expect("a one b 1 c hallo");
        app.site.write("a.txt", "A");
        app.expect("A one b 1 c hallo");
        app.site.write("list/below/two", "");
        app.expect("A one,two b 1 c hallo");
        app.site.write("b.txt", "B");
        app.expect("A one,two B 1 c hallo");
        app.site.write("y-2.dist-info/METADATA", "Name: y\nVersion: 2\n");
        app.expect("A one,two B 1,2 c hallo");
        zipped("C");
        app.expect("A one,two B 1,2 C hallo");
        app.site.write("de/LC_MESSAGES/d.mo", messages("hi", "moin"));
        app.expect("A one,two B 1,2 C moin");
    }

    [prefork, event]
    fn p6_a_file_read_by_a_function_of_another_module_belongs_to_the_body(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import user, tool", "user.V")),
            ("user.py", "import tool\nV = tool.read('data.txt')"),
            ("tool.py", "import os\ndef read(name):\n    return open(os.path.join(os.path.dirname(__file__), name)).read()"),
        ]);
        app.site.write("data.txt", "1");
        let first = app.expect("1");
        app.site.write("data.txt", "2");
        let second = app.expect("2");
        assert_eq!(second.runs_after(&first), ["user", "h"]);
    }

    [prefork, event]
    fn p6_a_missing_file_appears(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import settings", "settings.V")),
            ("settings.py", "import os\ntry:\n    V = open(os.path.dirname(__file__) + '/etc/local.txt').read()\n\
                except OSError:\n    V = 'default'"),
        ]);
        app.expect("default");
        app.site.write("etc/local.txt", "local");
        app.expect("local");
        app.site.remove("etc/local.txt");
        app.expect("default");
    }

    [prefork, event]
    fn p6_a_late_load_and_a_renewed_package_keep_what_they_read(mpm) {
        let read = "import os\nV = open(os.path.dirname(__file__) + '/data.txt').read()";
        let app = App::start(mpm, &[
            ("h.py", &handler("def get():\n    import pkg.sub\n    return pkg.V + pkg.sub.V", "get()")),
            ("pkg/__init__.py", read),
            ("pkg/sub.py", "V = '1'"),
        ]);
        app.site.write("pkg/data.txt", "a");
        let first = app.expect("a1");
        // The package gets a copy of its namespace.
        app.edit("pkg/sub.py", "V = '2'");
        let second = app.expect("a2");
        assert!(!second.runs_after(&first).contains(&"pkg"));
        app.site.write("pkg/data.txt", "b");
        let third = app.expect("b2");
        assert!(third.runs_after(&second).contains(&"pkg"));
    }

    [prefork, event]
    fn p5_a_cache_that_a_body_writes_makes_nothing_run(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import cached", "cached.V")),
            ("cached.py", "import os, time
HERE = os.path.join(os.path.dirname(__file__), 'cache')
INDEX = os.path.join(HERE, 'index')
FOREIGN = [name for name in os.listdir(HERE) if name.startswith('foreign')]
V = len(FOREIGN)
try:
    OLD = open(INDEX).read()
except OSError:
    OLD = ''
with open(INDEX + '.part', 'w') as f:
    f.write(OLD + 'x')
os.replace(INDEX + '.part', INDEX)
with open(os.path.join(HERE, str(time.time_ns())), 'w') as f:
    f.write('never the same')"),
        ]);
        app.site.write("cache/foreign1", "");
        // The children run as another user than the site's owner.
        fs::set_permissions(app.site.path("cache"), Permissions::from_mode(0o777)).expect("the mode is set");
        let first = app.expect("1");
        let second = app.expect("1");
        assert!(second.runs_after(&first).is_empty());
        let third = app.edit_runs(&second, &[("h.py", &handler("import cached", "-cached.V"), "-1", &["h"])]);
        // A file that another process makes there is an edit.
        app.site.write("cache/foreign2", "");
        let fourth = app.expect("-2");
        assert_eq!(fourth.runs_after(&third), ["cached", "h"]);
        let fifth = app.expect("-2");
        assert!(fifth.runs_after(&fourth).is_empty());
    }

    [prefork, event]
    fn p7_what_an_unmanaged_module_reads_is_its_own_business(mpm) {
        let app = App::start_configured(
            Httpd::builder(mpm),
            "PythonReloadExclude */vendor.py",
            &[
                ("h.py", &handler("import vendor, sys\nV = vendor.V", "V")),
                ("vendor.py", "import os\nV = open(os.path.dirname(__file__) + '/vendor.txt').read()"),
            ],
        );
        app.site.write("vendor.txt", "1");
        let first = app.expect("1");
        app.site.write("vendor.txt", "2");
        let second = app.expect("1");
        assert!(second.runs_after(&first).is_empty());
    }

    [prefork, event]
    fn p6_a_link_to_the_data_is_turned(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import config", "config.V")),
            ("config.py", "import os\nV = open(os.path.dirname(__file__) + '/current/data.txt').read()"),
        ]);
        app.site.write("one/data.txt", "1");
        app.site.write("two/data.txt", "2");
        symlink("one", app.site.path("current")).expect("a link");
        app.expect("1");
        symlink("two", app.site.path("next")).expect("a link");
        fs::rename(app.site.path("next"), app.site.path("current")).expect("a rename");
        app.expect("2");
        app.site.write("two/data.txt", "3");
        app.expect("3");
    }

    [prefork, event]
    fn p6_a_plugin_directory_read_by_pkgutil_is_an_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import registry", "' '.join(registry.V)")),
            ("registry.py", "import importlib, pkgutil, plugins\n\
                V = [importlib.import_module('plugins.' + m.name).V for m in pkgutil.iter_modules(plugins.__path__)]"),
            ("plugins/__init__.py", ""),
            ("plugins/one.py", "V = '1'"),
        ]);
        let first = app.expect("1");
        app.site.write("plugins/two.py", "V = '2'");
        let second = app.expect("1 2");
        assert_eq!(second.runs_after(&first), ["registry", "h"]);
        app.edit("plugins/two.py", "V = 'two'");
        app.expect("1 two");
        app.site.remove("plugins/one.py");
        app.expect("two");
    }
    [prefork, event]
    fn p6_a_plugin_directory_with_depends_on_is_an_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import registry", "registry.V")),
            ("registry.py", "import subprocess, os\nfrom mod_python import reload\nreload.depends_on('plugins')\n\
                V = subprocess.check_output(['ls', os.path.join(os.path.dirname(__file__), 'plugins')], text=True)\n\
                V = ' '.join(V.split())"),
        ]);
        app.site.write("plugins/one.txt", "1");
        let first = app.expect("one.txt");
        app.site.write("plugins/two.txt", "2");
        let second = app.expect("one.txt two.txt");
        assert_eq!(second.runs_after(&first), ["registry", "h"]);
        app.site.write("plugins/deep/er/three.txt", "3");
        app.expect("deep one.txt two.txt");
        app.site.remove("plugins/one.txt");
        let third = app.expect("deep two.txt");
        app.site.write("plugins/deep/er/three.txt", "4");
        let fourth = app.expect("deep two.txt");
        assert_eq!(fourth.runs_after(&third), ["registry", "h"]);
        app.site.touch("plugins/deep/er/three.txt");
        app.site.write("plugins/.two.txt.swp", "");
        app.site.write("plugins/deep/er/error.log", "noise");
        app.site.write("plugins/__pycache__/x.cpython-311.pyc", "");
        let fifth = app.ask();
        assert!(fifth.runs_after(&fourth).is_empty());
    }

    /// C code reads files unseen, so a module declares them: one by one, by a pattern, or from a function that is called later.
    [prefork, event]
    fn p6_declared_files_and_patterns_are_edges(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import pkg.declares", "pkg.declares.get()")),
            ("pkg/__init__.py", ""),
            ("pkg/declares.py", "import os, pathlib\nfrom mod_python.reload import depends_on\n\
                depends_on('../schema.txt', pathlib.Path('parts/*/[ab].txt'), 'parts/**/deep.txt')\n\
                def get():\n    depends_on('late.txt')\n    return 'got'"),
        ]);
        let mut last = app.expect("got");
        let mut count = 0;
        for (path, runs) in [
            ("schema.txt", true),
            ("pkg/parts/x/a.txt", true),
            ("pkg/parts/y/b.txt", true),
            ("pkg/parts/y/c.txt", false),
            ("pkg/parts/y/z/a.txt", false),
            ("pkg/parts/y/z/deep.txt", true),
            ("pkg/late.txt", true),
            ("pkg/never.txt", false),
        ] {
            for _ in 0..2 {
                count += 1;
                app.site.write(path, count.to_string());
                let now = app.expect("got");
                let expected: &[&str] = if runs { &["pkg.declares", "h"] } else { &[] };
                assert_eq!(now.runs_after(&last), expected, "{path}");
                last = now;
            }
        }
        app.site.remove("pkg/parts/x/a.txt");
        let now = app.expect("got");
        assert_eq!(now.runs_after(&last), ["pkg.declares", "h"]);
    }

    /// A value that is no path is the caller's error. Unmanaged code may call the function too.
    [prefork, event]
    fn depends_on_with_strange_arguments(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("from mod_python import reload
def attempt(*paths):
    try:
        reload.depends_on(*paths)
    except TypeError:
        return 'TypeError'
    return 'fine'", "' '.join([attempt(), attempt(3), attempt(None), attempt('no/such/file'), attempt('a' + chr(0) + 'b')])")),
        ]);
        app.expect("fine TypeError TypeError fine fine");
        app.expect("fine TypeError TypeError fine fine");
    }

    /// A plugin whose failure is caught is tried again when it, or a file that it has read, is mended.
    [prefork, event]
    fn p6_an_optional_module_that_failed_is_tried_again(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("try:\n    import plugin\n    V = plugin.V\nexcept Exception as e:\n    V = type(e).__name__", "V")),
            ("plugin.py", READ_JSON),
        ]);
        app.site.write("data.json", "{");
        app.expect("JSONDecodeError");
        app.site.write("data.json", "1");
        app.expect("1");
        app.site.write("data.json", "[");
        app.expect("JSONDecodeError");
        app.site.write("data.json", "2");
        app.expect("2");
        app.edit_gives(&[
            ("plugin.py", "1 / 0", "ZeroDivisionError"),
            ("plugin.py", "V = 3", "3"),
        ]);
    }

    /// A body loads a plugin by its path with Python's own loader, without an import statement.
    [prefork, event]
    fn p6_a_module_loaded_by_its_path_is_an_edge(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import os\nfrom importlib import util\n\
                spec = util.spec_from_file_location('p', os.path.dirname(__file__) + '/plugins/p.py')\n\
                p = util.module_from_spec(spec)\nspec.loader.exec_module(p)", "p.V")),
            ("plugins/p.py", "V = 1"),
        ]);
        fs::set_permissions(app.site.path("plugins"), Permissions::from_mode(0o777)).expect("the mode is set");
        for value in 1..6 {
            // The same size, and often the same second.
            app.edit("plugins/p.py", &format!("V = {value}"));
            app.expect(&value.to_string());
        }
    }
}
