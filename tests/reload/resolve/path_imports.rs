//! `apache.import_module`: a module's name as a path, and the arguments `path`, `autoreload` and `log`.

use crate::{
    app::{App, Held, handler, module},
    support::{Httpd, Mpm, Save, Site, mpm_tests},
};

/// An application, and a second directory outside of its site.
struct Beside {
    app: App,
    rest: Site,
}

impl Beside {
    fn start(mpm: Mpm, conf: &str, modules: &[(&str, &str)], rest: &[(&str, &str)]) -> Self {
        let beside = Site::new();
        for (path, body) in rest {
            beside.write(path, module(body));
        }
        let here = beside.root().display().to_string();
        let modules: Vec<(&str, String)> =
            modules.iter().map(|(path, body)| (*path, body.replace("HERE", &here))).collect();
        let modules: Vec<(&str, &str)> = modules.iter().map(|(path, body)| (*path, body.as_str())).collect();
        Self { app: App::start_configured(Httpd::builder(mpm), conf, &modules), rest: beside }
    }

    fn edit(&self, path: &str, body: &str) {
        self.rest.save(Save::InPlace, path, module(body));
    }
}

/// The head of a handler's module.
const IMPORT: &str = "from mod_python.apache import import_module\nfrom mod_python import apache, reload\n";

fn head(more: &str) -> String {
    format!("{IMPORT}{more}")
}

mpm_tests! {
    /// P1, P5, P6: a module that is imported by its absolute path follows edits, and so does what it imports. The files beside
    /// it are its neighbours.
    [prefork, event]
    fn an_absolute_path(mpm) {
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head("u = import_module('HERE/lib/util.py')"), "'%s %s' % (u.V, u.late())"))],
            &[
                ("lib/util.py", "import neighbour, json\nV = neighbour.V * 10\ndef late():\n    import pkg.deep\n    return pkg.deep.V + len(json.dumps(1))"),
                ("lib/neighbour.py", "V = 1"),
                ("lib/pkg/__init__.py", ""),
                ("lib/pkg/deep.py", "import neighbour\nV = neighbour.V"),
            ],
        );
        let app = &site.app;
        let first = app.expect("10 2");
        site.edit("lib/neighbour.py", "V = 2");
        let second = app.expect("20 3");
        let ran: Vec<&str> =
            second.runs_after(&first).into_iter().map(|name| name.split_once('.').map_or(name, |(_, tail)| tail)).collect();
        assert_eq!(ran.first(), Some(&"neighbour"), "{ran:?}");
        assert_eq!(ran.len(), 4, "{ran:?}");
        site.edit("lib/util.py", "V = 7\ndef late():\n    return 8");
        let third = app.expect("7 8");
        assert_eq!(third.runs_after(&second).len(), 2, "{third:?}");
        // A file that appears beside the module is found before a module of that name elsewhere.
        site.edit("lib/util.py", "import json\nV = json.dumps\ndef late():\n    return 0");
        assert!(app.ask().value.starts_with("<function dumps"));
        site.edit("lib/json.py", "dumps = 'ours'");
        app.expect("ours 0");
        site.rest.remove("lib/json.py");
        assert!(app.ask().value.starts_with("<function dumps"));
        app.expect_failures(0);
    }

    /// A path is relative to the caller's file, to the handler's directory or to the search path. Each file is one module
    /// however it is reached, also by a plain import.
    [prefork, event]
    fn relative_paths(mpm) {
        let body = "
import pkg.inner.leaf, lib.util
leaf = pkg.inner.leaf
forms = {
    './lib/util': lib.util, './lib/util.py': lib.util, 'lib/util': lib.util, '~/lib/util.py': lib.util, '~/pkg': pkg,
    'pkg/inner/leaf.py': leaf, './pkg/inner/leaf': leaf,
}
def check():
    for form, expected in forms.items():
        assert import_module(form) is expected, (form, import_module(form), expected)
    assert leaf.up.V == import_module('~/../app/other.py').V
    return '%s %s %s' % (leaf.up.V, leaf.down.V, lib.util.V)
";
        let app = App::start(mpm, &[
            ("h.py", &handler(&head(body), "check()")),
            ("lib/util.py", "V = 1"),
            ("pkg/__init__.py", ""),
            ("pkg/inner/__init__.py", ""),
            ("pkg/inner/leaf.py", "from mod_python import apache\nup = apache.import_module('../../other')\ndown = apache.import_module('./more/x.py')"),
            ("pkg/inner/more/x.py", "V = 1"),
            ("other.py", "V = 1"),
        ]);
        let name = app.site.root().file_name().expect("a name").to_str().expect("text").to_owned();
        app.edit("h.py", &handler(&head(&body.replace("../app/", &format!("../{name}/"))), "check()"));
        let first = app.expect("1 1 1");
        assert_eq!(first.runs.iter().filter(|n| *n == "lib.util").count(), 1, "{first:?}");
        app.edit_gives(&[
            ("other.py", "V = 2", "2 1 1"),
            ("pkg/inner/more/x.py", "V = 2", "2 2 1"),
        ]);
        app.edit("lib/util.py", "V = 2");
        let last = app.expect("2 2 2");
        assert_eq!(last.runs.iter().filter(|n| *n == "lib.util").count(), 2, "{last:?}");
    }

    /// `~/` in a body keeps its meaning when an edit runs the body again, where no request tells the directory and `PythonPath`
    /// does not have it.
    [prefork, event]
    fn the_handlers_directory_in_a_body(mpm) {
        let site = Site::with(&[
            ("code/h.py", &module(&handler(&head("m = import_module('~/sub/m')"), "m.V"))),
            ("sub/m.py", &module("V = 1")),
        ]);
        let path = format!("PythonPath \"['{}'] + sys.path\"", site.path("code").display());
        let app = App::serve(Httpd::builder(mpm), site, &path);
        app.expect("1");
        for value in ["2", "3"] {
            app.edit("sub/m.py", &format!("V = {value}"));
            app.expect(value);
        }
        app.expect_failures(0);
    }

    /// P7: two files with one stem are two modules. Files whose names are no module names can be imported too.
    [prefork, event]
    fn one_stem_in_two_directories(mpm) {
        let body = "
files = ['HERE/one/util.py', 'HERE/two/util', 'HERE/two/util.inc', 'HERE/two/util-2.py', 'HERE/two/a.b.py', 'HERE/two/script']
modules = [import_module(f) for f in files]
assert len(set(map(id, modules))) == len({m.__name__ for m in modules}) == len(files)
assert all(import_module(f) is m for f, m in zip(files, modules))
assert all(sys.modules[m.__name__] is m for m in modules)
";
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head(&format!("import sys\n{body}")), "' '.join(str(m.V) for m in modules)"))],
            &[
                ("one/util.py", "V = 1"),
                ("two/util.py", "V = 2"),
                ("two/util.inc", "V = 3"),
                ("two/util-2.py", "V = 4"),
                ("two/a.b.py", "V = 5"),
                ("two/script", "V = 6"),
            ],
        );
        let first = site.app.expect("1 2 3 4 5 6");
        site.edit("two/util.py", "V = 20");
        let second = site.app.expect("1 20 3 4 5 6");
        assert_eq!(second.runs_after(&first).len(), 2, "{second:?}");
        site.edit("two/util.inc", "V = 30");
        site.edit("two/script", "V = 60");
        site.app.expect("1 20 30 4 5 60");
    }

    /// `path` lists directories that are searched first, for names and for `dir/x`. A file that appears in an earlier directory
    /// is taken, and after its removal that of the next one.
    [prefork, event]
    fn a_list_of_directories(mpm) {
        let body = "
path = ['HERE/one', 'HERE/two']
def values():
    found = [import_module(name, path=path) for name in ('util', 'sub/x', 'pkg.mod', 'plain')]
    return ' '.join(str(m.V) for m in found)
";
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head(body), "values()")), ("util.py", "V = 0"), ("plain.py", "V = 9")],
            &[
                ("one/rest.py", ""),
                ("two/util.py", "V = 2"),
                ("two/sub/x.py", "V = 2"),
                ("two/pkg/__init__.py", ""),
                ("two/pkg/mod.py", "V = 2"),
            ],
        );
        let app = &site.app;
        app.expect("2 2 2 9");
        site.edit("one/util.py", "V = 1");
        app.expect("1 2 2 9");
        site.edit("one/sub/x.py", "V = 1");
        app.expect("1 1 2 9");
        site.edit("two/pkg/mod.py", "V = 3");
        app.expect("1 1 3 9");
        site.rest.remove("one/util.py");
        app.expect("2 1 3 9");
        site.rest.remove("two/util.py");
        app.expect("0 1 3 9");
    }

    /// A missing file raises a ModuleNotFoundError that names it, and is seen when it appears. A broken file raises what an
    /// import would raise, and the last good code serves.
    [prefork, event]
    fn what_is_not_there(mpm) {
        let body = "
def load(name):
    try:
        return import_module(name).V
    except ModuleNotFoundError as e:
        return 'no ' + e.path[len('HERE'):]
V = load('HERE/lib/new.py')
";
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head(body), "'%s, %s' % (V, load('HERE/none/x'))"))],
            &[("lib/rest.py", "")],
        );
        let app = &site.app;
        app.expect("no /lib/new.py, no /none/x");
        site.edit("lib/new.py", "V = 1");
        app.expect("1, no /none/x");
        site.edit("none/x.py", "V = 2");
        app.expect("1, 2");
        site.edit("lib/new.py", "V = ");
        app.expect("1, 2");
        app.expect_failures(1);
        site.edit("lib/new.py", "V = 3");
        app.expect("3, 2");
    }

    /// P3: a file is gone while code still imports it, by its path and in a function: the last good code serves. The same for a
    /// neighbour of such a module, and for a file whose name is no module name.
    [prefork, event]
    fn what_is_gone_is_last_good(mpm) {
        let body = "def value():\n    a, b = import_module('HERE/lib/util.py'), import_module('HERE/lib/page.inc')\n    return '%s %s' % (a.late(), b.V)";
        let util = "def late():\n    import neighbour\n    return neighbour.V";
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head(body), "value()"))],
            &[("lib/util.py", util), ("lib/neighbour.py", "V = 1"), ("lib/page.inc", "V = 1")],
        );
        let app = &site.app;
        app.expect("1 1");
        for (count, file) in ["lib/page.inc", "lib/neighbour.py", "lib/util.py"].into_iter().enumerate() {
            site.rest.remove(file);
            app.expect("1 1");
            assert_eq!(app.failures().len(), count + 1, "{file}: {:#?}", app.failures());
            site.edit(file, if file == "lib/util.py" { util } else { "V = 1" });
            app.expect("1 1");
        }
        // Without the neighbour the name leads to another module.
        site.edit("lib/util.py", "def late():\n    import json\n    return getattr(json, 'V', 'json')");
        app.expect("json 1");
        site.edit("lib/json.py", "V = 2");
        app.expect("2 1");
        let failures = app.failures().len();
        site.rest.remove("lib/json.py");
        app.expect("json 1");
        app.expect_failures(failures);
    }

    /// P4: a request that began before an edit imports by path. It gets what its generation has, neighbours included.
    [prefork, event]
    fn in_flight(mpm) {
        let rest = Site::new();
        for (path, body) in [("util.py", "def late():\n    import neighbour\n    return neighbour.V"), ("neighbour.py", "V = 1")] {
            rest.write(path, module(body));
        }
        let body = format!("util = import_module('{0}/util')\ndef value():\n    assert import_module('{0}/util') is util\n    return util.late() if held else 'begun'\nheld = []", rest.root().display());
        // The neighbour is imported for the first time when the request goes on.
        let handler = handler(&head(&body), "value()").replace("gate.recv(1)", "gate.recv(1)\n        held.append(1)");
        let app = App::start_for_two(mpm, &[("h.py", &handler)]);
        let held = Held::start(&app);
        rest.write("neighbour.py", module("V = 2"));
        rest.write("util.py", module("def late():\n    import neighbour\n    return neighbour.V * 10"));
        app.expect("begun");
        assert_eq!(held.finish().value, "begun then 1");
    }

    /// P8: a module that was imported by its path works with pickle, annotations and tracebacks.
    [prefork, event]
    fn ordinary_python(mpm) {
        let body = "
from __future__ import annotations
import dataclasses, pickle, traceback, typing
from . import neighbour
@dataclasses.dataclass
class Point:
    x: int = 1
    other: Point = None
def check():
    assert pickle.loads(pickle.dumps(Point(2))) == Point(2)
    assert typing.get_type_hints(Point)['other'] is Point
    assert neighbour.V == 1
    try:
        1 / 0  # the line
    except ZeroDivisionError:
        return [line for line in traceback.format_exc().splitlines() if '# the line' in line][0].split('# ')[1]
";
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head("p = import_module('HERE/lib/points')"), "'%s %s' % (p.check(), p.__mp_path__ == [p.__file__[:-10]])"))],
            &[("lib/points.py", body), ("lib/neighbour.py", "V = 1")],
        );
        let value = site.app.ask().value;
        assert!(value == "the line True", "{value}");
    }

    /// An excluded file is loaded once, by Python's own import, for all generations.
    [prefork, event]
    fn an_excluded_file(mpm) {
        let site = Beside::start(
            mpm,
            "PythonReloadExclude old.py",
            &[("h.py", &handler(&head("import m\ndef value():\n    o = import_module('HERE/old.py')\n    return '%s %s %s' % (m.V, o.V, o is import_module('HERE/old'))"), "value()")),
              ("m.py", "V = 1")],
            &[("old.py", "V = 1")],
        );
        site.app.expect("1 1 True");
        site.edit("old.py", "V = 2");
        site.app.edit("m.py", "V = 2");
        site.app.expect("2 1 True");
    }

    /// `autoreload=False`: the module is loaded once and not followed until code asks for the newest. It does not count as in
    /// need of a restart.
    [prefork, event]
    fn without_autoreload(mpm) {
        let body = "
import m
def still(**more):
    return '%s %s %s' % (m.V, import_module('HERE/lib/x', **more).V, len(reload.graph()['restart_required']))
";
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head(body), "still(autoreload=False)")), ("m.py", "V = 1")],
            &[("lib/x.py", "import y\nV = y.V"), ("lib/y.py", "V = 1")],
        );
        let app = &site.app;
        app.expect("1 1 0");
        site.edit("lib/y.py", "V = 2");
        app.edit("m.py", "V = 2");
        app.expect("2 1 0");
        site.edit("lib/x.py", "import y\nV = y.V * 10");
        app.expect("2 1 0");
        // The call itself gets its generation's module; the next request gets the newest.
        let body = body.replace("HERE", &site.rest.root().display().to_string());
        app.edit("h.py", &handler(&head(&body), "still()"));
        app.expect("2 1 0");
        app.expect("2 20 0");
        site.edit("lib/x.py", "import y\nV = y.V * 100");
        app.expect("2 200 0");
    }

    /// The same where the module's own file is unchanged and a module that it uses was replaced.
    [prefork, event]
    fn without_autoreload_of_what_it_uses(mpm) {
        let value = "x = import_module('./x.py', autoreload=False)\ndef value():\n    return import_module('./x.py', QUERY).V";
        let app = App::start(mpm, &[
            ("h.py", &handler(&head(&value.replace("QUERY", "False")), "value()")),
            ("x.py", "import y\nV = y.V"),
            ("y.py", "V = 1"),
        ]);
        app.expect("1");
        app.edit_gives(&[
            ("y.py", "V = 2", "1"),
            ("h.py", &handler(&head(&value.replace("QUERY", "True")), "value()"), "1"),
        ]);
        app.expect("2");
        app.edit("y.py", "V = 3");
        app.expect("3");
    }

    /// `log` writes a line for the import and one for each reload. Without it `PythonDebug` decides.
    [prefork, event]
    fn a_line_in_the_log(mpm) {
        let site = Beside::start(
            mpm,
            "",
            &[("h.py", &handler(&head("def value():\n    import_module('HERE/quiet')\n    return import_module('HERE/loud', log=True).V"), "value()"))],
            &[("loud.py", "V = 1"), ("quiet.py", "")],
        );
        let lines = |what: &str| site.app.httpd.log_lines(&format!("import_module: {what} module '_mp_")).len();
        site.app.expect("1");
        site.app.expect("1");
        assert_eq!((lines("imported"), lines("reloaded")), (1, 0));
        site.edit("loud.py", "V = 2");
        site.app.expect("2");
        site.app.expect("2");
        assert_eq!((lines("imported"), lines("reloaded")), (1, 1));

        let debug = Beside::start(
            mpm,
            "PythonDebug On",
            &[("h.py", &handler(&head("quiet = import_module('./lib/quiet.py')"), "quiet.V")), ("lib/quiet.py", "V = 1")],
            &[],
        );
        debug.app.expect("1");
        assert_eq!(debug.app.httpd.log_lines("import_module: imported module 'lib.quiet'").len(), 1);
    }

    /// Code without a request at hand can ask for the handler's directory and the request's settings.
    [prefork, event]
    fn the_running_request(mpm) {
        let body = "
import os
def told():
    config, options = apache.get_current_config(), apache.get_current_options()
    assert apache.ximport_module is apache.import_module
    return '%s %s %s' % (os.path.join(apache.get_handler_root(), ''), config.get('PythonDebug'), options.get('key'))
";
        let app = App::start_configured(Httpd::builder(mpm), "PythonDebug On\nPythonOption key value", &[
            ("h.py", &handler(&head(body), "told()")),
        ]);
        app.expect(&format!("{}/ 1 value", app.site.root().display()));
    }
}
