//! P7: unmanaged modules are never reloaded, and `graph()` says when a restart would load other code.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    app::{App, handler},
    support::{Httpd, Save, mpm_tests, wait_for},
};

/// Statements that define `view()`: the modules of this application that need a restart.
const VIEW: &str = "
import os
from mod_python import reload

HERE = os.path.dirname(os.path.abspath(__file__))

def view():
    entries = [e for e in reload.graph()['restart_required'] if e['file'].startswith(HERE)]
    return ' '.join('%s=%s' % (e['name'], os.path.basename(e['file'])) for e in entries) or 'none'

def reasons():
    return '|'.join(e['reason'] for e in reload.graph()['restart_required'] if e['file'].startswith(HERE))
";

/// Asks often enough to reach every child. A child that has loaded the module after the edit shows `none`.
fn look_in_every_child(app: &App) {
    for _ in 0..12 {
        let value = app.ask().value;
        assert!(["none", "vendor.tool=tool.py"].contains(&&*value), "{value}");
    }
}

mpm_tests! {
    /// An excluded module, and one in site-packages, are listed while their file differs from what was loaded.
    [prefork, event]
    fn unmanaged_modules(mpm) {
        let app = App::start_configured(
            Httpd::builder(mpm),
            "PythonReloadExclude vendor",
            &[("h.py", &handler(&format!("{VIEW}\nimport vendor.tool"), "'%s %s' % (vendor.tool.V, view())")),
              ("vendor/__init__.py", ""),
              ("vendor/tool.py", "V = 1")],
        );
        app.expect("1 none");
        let original = fs::read(app.site.path("vendor/tool.py")).expect("the module is there");
        app.site.touch("vendor/tool.py");
        let date = app.site.mtime("vendor/tool.py");
        app.expect("1 none");
        for how in [Save::InPlace, Save::Rename] {
            app.save(how, "vendor/tool.py", "V = 2");
            app.expect("1 vendor.tool=tool.py");
            app.site.save(how, "vendor/tool.py", &original);
            app.site.set_mtime("vendor/tool.py", date);
            app.expect("1 none");
        }
        app.site.remove("vendor/tool.py");
        app.expect("1 vendor.tool=tool.py");
        app.site.write("vendor/tool.py", &original);
        app.site.set_mtime("vendor/tool.py", date);
        app.expect("1 none");
        app.expect_failures(0);
    }

    /// The background check finds it too, and the log has it once for the server and each content.
    [prefork, event]
    fn it_is_logged_once(mpm) {
        let head = format!("{VIEW}\nimport vendor.tool");
        let app = App::start_configured(
            Httpd::builder(mpm).children(3),
            "PythonReloadExclude vendor",
            &[
                ("h.py", &handler("import vendor.tool", "vendor.tool.V")),
                ("vendor/__init__.py", ""),
                ("vendor/tool.py", "V = 1"),
            ],
        );
        let told = || app.httpd.log_lines("has changed on disk");
        for _ in 0..12 {
            app.expect("1");
        }
        app.edit("vendor/tool.py", "V = 2");
        wait_for("a line of the log", || (!told().is_empty()).then_some(()));
        // Every child checks when it gets a request.
        app.edit("h.py", &handler(&head, "view()"));
        look_in_every_child(&app);
        assert_eq!(told().len(), 1, "{:#?}", told());
        app.edit("vendor/tool.py", "V = 1234");
        wait_for("a line for the other content", || (told().len() > 1).then_some(()));
        look_in_every_child(&app);
        let path = app.site.path("vendor/tool.py").display().to_string();
        assert_eq!(told().len(), 2, "{:#?}", told());
        assert!(told().iter().all(|line| line.contains(&path) && line.contains("restart httpd to run it")), "{:#?}", told());
    }

    /// A C extension lies in the application's directory.
    [prefork, event]
    fn a_c_extension(mpm) {
        let head = format!("{VIEW}
import importlib.util
NAMES = ('_lsprof', '_queue', '_crypt', 'audioop', 'mmap', 'resource', '_lzma')
def shared():
    import sys
    for name in NAMES:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is not None and spec.origin.endswith('.so'):
            return spec.origin
");
        let app = App::start(mpm, &[("h.py", &handler(&head, "shared()"))]);
        let origin = std::path::PathBuf::from(app.ask().value);
        let file = origin.file_name().and_then(|name| name.to_str()).expect("a file name").to_owned();
        let name = file.split('.').next().expect("a module's name").to_owned();
        let install = |extra: &[u8]| {
            let mut bytes = fs::read(&origin).expect("the extension is readable");
            bytes.extend_from_slice(extra);
            app.site.replace(&file, bytes);
            fs::set_permissions(app.site.path(&file), fs::Permissions::from_mode(0o755)).expect("its mode is set");
        };
        install(b"");
        app.edit("h.py", &handler(&format!("{VIEW}\nimport {name}"), &format!("'%s %s %s' % (os.path.dirname({name}.__file__) == HERE, view(), reasons())")));
        app.expect("True none ");
        install(b"another build");
        let answer = app.ask();
        assert_eq!(answer.value.split(' ').take(2).collect::<Vec<_>>(), ["True", &format!("{name}={file}")]);
        assert!(answer.value.contains("C extension"), "{}", answer.value);
    }

    /// A new file has the name of a standard module. Managed modules get the file, however they import and whatever was loaded
    /// before. Other code keeps the library's module. The log has it once.
    [prefork, event]
    fn a_shadow_of_the_standard_library(mpm) {
        let head = "
import importlib, json, a, vendor.tool
from json import dumps
def all_of_it():
    import json as late
    return ' '.join(getattr(m, 'MARK', 'library') for m in
        (json, late, importlib.import_module('json'), a.json, vendor.tool.json))
";
        let app = App::start_configured(Httpd::builder(mpm).children(3), "PythonReloadExclude vendor", &[
            ("h.py", &handler(head, "all_of_it()")),
            ("a.py", "import json"),
            ("vendor/__init__.py", ""),
            ("vendor/tool.py", "import json"),
        ]);
        app.expect("library library library library library");
        app.edit("json.py", "MARK = 'own'\ndef dumps(): pass");
        for _ in 0..9 {
            app.expect("own own own own library");
        }
        let warnings = app.httpd.log_lines("has the name of a module of the standard library");
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
        assert!(warnings[0].contains(&app.site.path("json.py").display().to_string()), "{warnings:#?}");
        app.site.remove("json.py");
        app.expect("library library library library library");
    }
}
