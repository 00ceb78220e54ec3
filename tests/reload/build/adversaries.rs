//! P10: code that attacks the interpreter it runs in, its own module and the import system.

use crate::{
    app::{App, handler},
    support::{Mpm, mpm_tests},
};

const EVIL: &str = "
class Evil:
    def fail(self, *arguments):
        raise SystemError('evil')
    __getattr__ = __getattribute__ = __setattr__ = __eq__ = __hash__ = __del__ = __repr__ = __str__ = __bool__ = __call__ = fail
    __iter__ = __len__ = __fspath__ = __getitem__ = __contains__ = __index__ = __dir__ = __delattr__ = __class_getitem__ = fail
";

/// What a body does before it fails or ends.
const DEEDS: &[&str] = &[
    "import sys; sys.modules[__name__] = 5",
    "import sys; sys.modules[__name__] = None",
    "import sys; sys.modules[__name__] = Evil()",
    "import sys; sys.modules[__name__] = 'text'",
    "import sys; sys.modules['user'] = Evil(); sys.modules['h'] = None",
    "import sys; sys.modules[5] = Evil()",
    "import sys; sys.modules[b'x'] = 1; sys.modules[Evil] = 1",
    "import sys; del sys.modules[__name__]",
    "import sys; sys.modules = None",
    "import sys; del sys.modules",
    "globals()[5] = 6",
    "E = Evil()",
    "__name__ = Evil()",
    "__path__ = Evil()",
    "__spec__ = Evil()",
    "__loader__ = Evil()",
    "__file__ = Evil()",
    "__package__ = Evil()",
    "__builtins__ = {}",
    "__builtins__ = Evil()",
    "__all__ = Evil()",
    "__all__ = [Evil(), 5, None]",
    "__getattr__ = Evil()",
    "__mp_clone__ = Evil()",
    "__mp_purge__ = Evil()",
    "__doc__ = Evil()",
    "__class__ = Evil()",
    "import sys; sys.modules[__name__].__class__ = type('M', (type(sys),), {'__getattribute__': Evil.fail, '__setattr__': Evil.fail})",
    "for name in list(globals()): del globals()[name]",
    "globals().clear()",
    "import sys; sys.path = None",
    "import sys; sys.path = [1, None, b'x', Evil(), '\\0', '\\udcff', '/dev/zero', '']",
    "import sys; sys.path[:] = [1, None, b'x', Evil(), '\\0']",
    "import sys; del sys.path",
    "import sys; sys.meta_path.clear()",
    "import sys; sys.meta_path = None",
    "import sys; sys.meta_path[:] = [Evil(), None, 5]",
    "import sys; sys.meta_path.insert(0, Evil())",
    "import sys; sys.path_hooks = None",
    "import sys; sys.path_hooks[:] = [Evil(), 5]",
    "import sys; sys.path_importer_cache = None",
    "import sys; sys.path_importer_cache.update({'x': Evil()})",
    "import sys; sys.stdout = sys.stderr = Evil()",
    "import sys; sys.setrecursionlimit(60)",
    "import builtins; builtins.__import__ = Evil()",
    "import builtins; del builtins.__import__",
    "import importlib; importlib.import_module = Evil()",
    "import os; os.environ = None",
    "import os; os.environ.clear(); os.environ['X'] = '\\udcff'",
    "import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
    "import mod_python.reload as r; r.on_retire(Evil()); r.on_retire(Evil.fail)",
    "import mod_python.reload as r; r.on_retire(lambda: 1 / 0); r.carry('x', Evil)",
    "import mod_python.reload as r; r.carry('y', lambda: 1 / 0)",
    "import mod_python.reload as r; r.depends_on('\\0'); ",
    "import mod_python.reload as r; r.depends_on('[' * 5000, '*' * 5000, '**/' * 500)",
    "import mod_python.reload as r; r.depends_on('\\udcff', '')",
    "import mod_python.reload as r; r.request(None); r.request('c'); r.request('\\0')",
    "open('/dev/zero').close(); open(0, closefd=False)",
    "import os; [os.open('/dev/null', os.O_RDONLY) for _ in range(50)]",
    "import os; os.listdir('.'); os.listdir(b'/'); os.scandir('/proc/self/fd').close()",
    "class E(Exception):\n    __traceback__ = __cause__ = __context__ = property(Evil.fail)\n    __str__ = __repr__ = Evil.fail\ntry: raise E\nexcept E as e: kept = e",
    "class E(BaseException):\n    __class__ = property(Evil.fail)\nE()",
    "def f(n=0):\n    try: f(n + 1)\n    except RecursionError: import nothing_of_that_name\ntry: f()\nexcept Exception: pass",
    "import importlib\nfor n in ['a' * 300, 'a' * 100000, 'a.' * 3000 + 'a', 'a\\0b', '\\udcff', 'c.', '.', '..', 'c..d', ' ', '\\n', 'c/', '/', '../c', 'c/../../c', '\\u202e', 'e\\u0301']:\n    try: importlib.import_module(n)\n    except Exception as e: pass\n    else: raise SystemError(n)",
    "for n in ['a' * 300, 'a' * 100000, 'a.' * 3000 + 'a', 'a\\0b', '\\udcff', 'c.', 'c..d', ' ', '\\n', 'c/', '/', '../c']:\n    try: __import__(n)\n    except Exception as e: pass\n    else: raise SystemError(n)",
    "for level in [1, 2, 1000, 2 ** 31 - 1, 2 ** 31, 2 ** 70, -1]:\n    try: __import__('x', globals(), None, ['y'], level)\n    except Exception: pass",
    "for arguments in [(5,), (None,), (Evil(),), ('c', Evil()), ('c', {}), ('c', {}, {}, Evil()), ('c', {}, {}, [Evil()]), ('c', globals(), None, [5]), ('c', {'__name__': Evil()}, None, ['x'], 1)]:\n    try: __import__(*arguments)\n    except Exception: pass",
    "import sys; sys.modules['d'] = Evil(); import d",
];

/// Python 3.9 ends the process for this body, without this module too: "Cannot recover from stack overflow". Each method of
/// `Evil` looks `SystemError` up in an `Evil`, and finalizers go on with that in the reserve that is kept for handling a
/// RecursionError.
const FATAL_TO_3_9: &str = "__builtins__ = Evil()";

fn app(mpm: Mpm) -> App {
    App::start(mpm, &[("h.py", &handler("import user", "user.V")), ("user.py", "from c import V"), ("c.py", "V = 1")])
}

mpm_tests! {
    /// P3, P10: whatever a body does before it fails, the old code serves, the child lives and the next edit is seen.
    [prefork, event]
    fn bodies_that_do_their_worst(mpm) {
        let app = app(mpm);
        let first = app.expect("1");
        let mut value = 1;
        let is_fatal = |deed: &str| deed == FATAL_TO_3_9 && app.httpd.python_version() < (3, 10);
        for deed in DEEDS.iter().filter(|deed| !is_fatal(deed)) {
            app.edit("c.py", &format!("{EVIL}\n{deed}\n1 / 0"));
            assert_eq!(app.expect(&value.to_string()).pid, first.pid, "{deed}");
            value += 1;
            app.edit("c.py", &format!("V = {value}"));
            assert_eq!(app.expect(&value.to_string()).pid, first.pid, "{deed}");
        }
    }

    /// A body that ends the process ends one child. httpd starts another child, which serves the mended code.
    [prefork, event]
    fn bodies_that_end_the_process(mpm) {
        let app = app(mpm);
        let first = app.expect("1");
        for body in ["import os\nos._exit(3)", "import os\nos._exit(0)"] {
            app.edit("c.py", body);
            let mut connection = app.httpd.connect();
            let answer = connection
                .send_request("GET", "/", &[("Connection", "close")], None)
                .and_then(|()| connection.read_response(false));
            assert!(answer.is_err(), "{body}: the child ended without an answer");
            app.edit("c.py", "V = 2");
            assert_ne!(app.expect("2").pid, first.pid, "{body}");
        }
    }

    /// P3, P10: a chain of imports that exceeds the recursion limit raises RecursionError, in a request and in a build, as it
    /// does in Python.
    [prefork, event]
    fn imports_nested_too_deep(mpm) {
        const LENGTH: usize = 1200;
        let mut modules = vec![
            ("h.py".to_owned(), handler(
                "import importlib, c\ndef load(name):\n    try: return importlib.import_module(name).V\n    except RecursionError: return 'too deep'",
                "'%s %s' % (load('m0'), c.V)",
            )),
            ("c.py".to_owned(), "V = 1".to_owned()),
            (format!("m{LENGTH}.py"), "V = 'bottom'".to_owned()),
        ];
        let link = |at: usize| (format!("m{at}.py"), format!("from m{} import V", at + 1));
        modules.extend((0..LENGTH).map(link));
        let borrowed: Vec<(&str, &str)> = modules.iter().map(|(path, body)| (path.as_str(), body.as_str())).collect();
        let app = App::start(mpm, &borrowed);
        let first = app.expect("too deep 1");
        app.edit("c.py", "from m0 import V");
        assert_eq!(app.expect("too deep 1").pid, first.pid);
        assert!(app.failures()[0].contains("RecursionError"), "{:#?}", app.failures());
        app.edit("c.py", &format!("from m{} import V", LENGTH - 100));
        assert_eq!(app.expect("too deep bottom").pid, first.pid);
    }

    /// A handler imports names that its clients send. A name with slashes does not lead out of the search path, and a name may
    /// have any length, depth and characters.
    [prefork, event]
    fn names_that_clients_choose(mpm) {
        let outside = crate::support::public_directory("outside");
        let file = outside.path().join("secret.py");
        std::fs::write(&file, "V = 'secret'").expect("the file is written");
        let app = App::start(mpm, &[
            ("h.py", &handler("import importlib, os, pkg\ndef load(name):\n    try: return importlib.import_module(name).V\n    except ImportError as e: return 'no'\n    except RecursionError: return 'deep'", "load(open(os.path.join(os.path.dirname(__file__), 'name'), newline='').read())")),
            ("pkg/__init__.py", "V = 1"),
            ("pkg/part.py", "V = 2"),
        ]);
        let secret = file.with_extension("");
        let secret = secret.to_str().expect("a plain path");
        let deep = "p/".repeat(100);
        app.site.write(&format!("{deep}__init__.py"), "V = 'bottom'\n");
        let mut first = None;
        for (name, expected) in [
            ("pkg.part".to_owned(), "2"),
            (format!("pkg.{secret}"), "no"),
            (format!("pkg/..{secret}"), "no"),
            (secret.to_owned(), "no"),
            ("pkg.".to_owned(), "no"),
            ("pkg/".to_owned(), "no"),
            ("pkg/part".to_owned(), "no"),
            ("pkg..part".to_owned(), "no"),
            ("a".repeat(100_000), "no"),
            ("a.".repeat(2_000), "deep"),
            ("a.".repeat(100_000), "deep"),
            ("\u{202e}".to_owned(), "no"),
            (" ".to_owned(), "no"),
            ("\n".to_owned(), "no"),
        ] {
            app.site.write("name", &name);
            let answer = app.expect(expected);
            assert_eq!(*first.get_or_insert(answer.pid), answer.pid);
        }
        app.site.write("name", vec!["p"; 100].join("."));
        let answer = app.expect("bottom");
        app.site.write("name", "pkg");
        assert_eq!(app.expect("1").pid, answer.pid);
    }

    /// File names that are not valid UTF-8 lie beside modules and in the dependencies of a module.
    [prefork, event]
    fn names_of_files_that_are_no_text(mpm) {
        use std::os::unix::ffi::OsStrExt;
        let app = app(mpm);
        let odd = |name: &[u8]| app.site.root().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(odd(b"\xff.py"), "V = 5\n").expect("the file is written");
        std::fs::create_dir(odd(b"\xfe")).expect("the directory is made");
        std::fs::write(odd(b"\xfe/\n\t'\".py"), "V = 5\n").expect("the file is written");
        app.expect("1");
        app.edit("c.py", "import os\nfrom mod_python import reload\nreload.depends_on('.', '*', b'\\xfe'.decode('latin-1'))\nV = len(os.listdir(b'.')) and 2");
        app.expect("2");
        let before = app.ask();
        std::fs::write(odd(b"\xff.py"), "V = 6\n").expect("the file is written");
        assert_eq!(app.expect("2").runs_after(&before), ["c", "user", "h"], "the module depends on the directory");
        app.edit("c.py", "V = 3");
        app.expect("3");
    }

    /// A dependency without an end, such as `/dev/zero` or the whole file system, raises ValueError in the body that declares
    /// it.
    [prefork, event]
    fn dependencies_without_end(mpm) {
        let app = app(mpm);
        let first = app.expect("1");
        for (count, path) in ["/proc", "/dev/zero", "/"].into_iter().enumerate() {
            app.edit("c.py", &format!("from mod_python import reload\nreload.depends_on('{path}')"));
            app.expect("1");
            let failures = app.failures();
            assert_eq!(failures.len(), count + 1, "{path}: {failures:#?}");
            assert!(failures[count].contains("ValueError: depends_on"), "{path}: {}", failures[count]);
        }
        app.edit("c.py", "from mod_python import reload\nreload.depends_on('**/' * 500 + '*.txt', '[' * 5000, '*' * 5000)\nV = 2");
        assert_eq!(app.expect("2").pid, first.pid);
    }
}
