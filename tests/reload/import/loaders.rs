//! P1, P6 and P7: modules whose first import is not an import statement of managed code: threads, `runpy`, pickles, specs, and
//! names in configurations.

use crate::{
    app::{Answer, App, handler, module},
    support::{Httpd, Mpm, Save, Site, mpm_tests},
};

/// Functions that get the `V` of a module by its name, each in another way.
const WAYS: &str = "
import asyncio, concurrent.futures, importlib, importlib.util, logging.config, pickle, pkgutil, runpy, sys, threading, unittest.mock

def attempt(way):
    try:
        return str(way('m_' + way.__name__))
    except BaseException as error:
        return '%s: %r' % (way.__name__, error)

def pooled(function, *arguments):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return pool.submit(function, *arguments).result(20)

def by_pool(name):
    return pooled(importlib.import_module, name).V

def by_builtin(name):
    return pooled(__import__, name).V

def by_thread(name):
    thread = threading.Thread(target=importlib.import_module, args=(name,))
    thread.start()
    thread.join(20)
    return sys.modules[name].V

def by_initializer(name):
    with concurrent.futures.ThreadPoolExecutor(initializer=importlib.import_module, initargs=(name,)) as pool:
        return pool.submit(lambda: sys.modules[name].V).result(20)

def by_to_thread(name):
    async def work():
        return await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, name)
    return asyncio.run(work()).V

def by_resolving(name):
    return pkgutil.resolve_name(name + ':V')

def by_resolving_in_a_thread(name):
    return pooled(pkgutil.resolve_name, name + ':V')

def by_running(name):
    return runpy.run_module(name)['V']

def by_running_in_a_thread(name):
    return pooled(runpy.run_module, name)['V']

def by_spec(name):
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.V

def by_spec_in_a_thread(name):
    spec = pooled(importlib.util.find_spec, name)
    module = pooled(importlib.util.module_from_spec, spec)
    spec.loader.exec_module(module)
    return module.V

def by_pickle(name):
    return pickle.loads(b'c' + name.encode() + b'\\nV\\n.')

def by_pickle_in_a_thread(name):
    return pooled(pickle.loads, b'c' + name.encode() + b'\\nV\\n.')

def by_configuration(name):
    handlers = {'h': {'()': name + '.Mine'}}
    logging.config.dictConfig({'version': 1, 'handlers': handlers, 'root': {'handlers': ['h']}})
    return logging.root.handlers[-1].v

def by_patch(name):
    with unittest.mock.patch(name + '.V', 'patched'):
        assert sys.modules[name].V == 'patched'
    return sys.modules[name].V

def by_patch_in_a_thread(name):
    with pooled(unittest.mock.patch, name + '.V', 'patched'):
        assert sys.modules[name].V == 'patched'
    return sys.modules[name].V
";

/// The names of the functions in [`WAYS`].
fn ways() -> Vec<&'static str> {
    WAYS.lines().filter_map(|line| line.strip_prefix("def ")?.split_once("(name)")).map(|(name, _)| name).collect()
}

fn body(value: &str) -> String {
    format!("import logging\nV = '{value}'\nclass Mine(logging.NullHandler):\n    v = V")
}

/// The value where each way returns `value`.
fn each(value: &str) -> String {
    vec![value; ways().len()].join(" ")
}

fn expression() -> String {
    format!("' '.join(attempt(way) for way in ({}))", ways().join(", "))
}

/// Two directories with modules of the same names, served by one child.
struct Two {
    app: App,
}

impl Two {
    fn start(mpm: Mpm, files: &[(&str, &str)]) -> Self {
        let site = Site::new();
        for place in ["one", "two"] {
            for (path, body) in files {
                site.write(&format!("{place}/{path}"), module(&body.replace("PLACE", place)));
            }
        }
        let conf = "SetHandler mod_python\nPythonHandler h";
        let builder = Httpd::builder(mpm).site(&site, "");
        let httpd = builder.directory(&site.path("one"), conf).directory(&site.path("two"), conf).start();
        Self { app: App { site, httpd } }
    }

    #[track_caller]
    fn expect(&self, place: &str, value: &str) {
        assert_eq!(Answer::of(&self.app.httpd.get(&format!("/{place}/x"))).value, value);
    }
}

mpm_tests! {
    /// P1, P6: each way gets a module that is not loaded yet, and gets it anew after an edit.
    [prefork, event]
    fn modules_that_are_not_loaded_yet(mpm) {
        let handler = handler(WAYS, &expression());
        let names: Vec<String> = ways().iter().map(|way| format!("m_{way}.py")).collect();
        let first = body("1");
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), first.as_str())).collect();
        files.push(("h.py", &handler));
        let app = App::start(mpm, &files);
        app.expect(&each("1"));
        app.expect(&each("1"));
        for name in &names {
            app.save(Save::Rename, name, &body("2"));
        }
        app.expect(&each("2"));
        app.expect_failures(0);
    }

    /// P7: two applications have modules of the same names. Each way gets the application's own module.
    [prefork, event]
    fn modules_of_two_applications(mpm) {
        let handler = handler(WAYS, &expression());
        let names: Vec<String> = ways().iter().map(|way| format!("m_{way}.py")).collect();
        let own = body("PLACE");
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), own.as_str())).collect();
        files.push(("h.py", &handler));
        let two = Two::start(mpm, &files);
        for _ in 0..2 {
            two.expect("one", &each("one"));
            two.expect("two", &each("two"));
        }
        for name in &names {
            two.app.save(Save::Rename, &format!("one/{name}"), &body("edited"));
        }
        two.expect("two", &each("two"));
        two.expect("one", &each("edited"));
    }

    /// P7: no way reaches a module that only the other application has.
    [prefork, event]
    fn modules_of_the_other_application(mpm) {
        let head = format!("{WAYS}
def refused(way, name):
    try:
        return '%s got %r' % (way.__name__, way(name))
    except (ImportError, AttributeError, ValueError, concurrent.futures.thread.BrokenThreadPool):
        return 'refused'
if 'PLACE' == 'one':
    import only");
        // One way reads `sys.modules` directly, which all applications share.
        let ways: Vec<&str> = ways().into_iter().filter(|way| *way != "by_thread").collect();
        let expression = format!("' '.join(refused(way, 'only') for way in ({})) if 'PLACE' == 'two' else only.V", ways.join(", "));
        let two = Two::start(mpm, &[("h.py", &handler(&head, &expression))]);
        two.app.edit("one/only.py", &body("1"));
        let refused = vec!["refused"; ways.len()].join(" ");
        two.expect("two", &refused);
        two.expect("one", "1");
        two.expect("two", &refused);
        two.app.edit("two/only.py", &body("own"));
        let own = two.app.httpd.get("/two/x");
        assert!(!own.ok().contains("refused"), "{}", own.ok());
    }

    /// P7: a module that a directive names is not taken from another application.
    [prefork, event]
    fn a_handler_of_the_other_application(mpm) {
        let site = Site::with(&[("one/h.py", &module(&handler("", "'one'"))), ("two/other.py", "")]);
        let conf = "SetHandler mod_python\nPythonHandler h";
        let builder = Httpd::builder(mpm).site(&site, "");
        let httpd = builder.directory(&site.path("one"), conf).directory(&site.path("two"), conf).start();
        let app = App { site, httpd };
        let ask = |place: &str| app.httpd.get(&format!("/{place}/x"));
        assert_eq!(ask("two").status, 500);
        assert_eq!(Answer::of(&ask("one")).value, "one");
        assert_eq!(ask("two").status, 500);
        app.edit("two/h.py", &handler("", "'two'"));
        assert_eq!(Answer::of(&ask("two")).value, "two");
        assert_eq!(Answer::of(&ask("one")).value, "one");
    }
}
