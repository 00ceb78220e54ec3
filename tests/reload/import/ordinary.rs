//! P8: managed modules are ordinary Python, also after an edit, and in packages.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

/// Tests a module at the top and in a package, before and after its edit.
fn at_both_levels(mpm: crate::support::Mpm, body: &str, check: &str, more: &[(&str, &str)]) {
    let import = |from: &str| format!("import sys\nfrom {from} import tested\n{check}\n");
    let versioned = |version: u32| format!("{body}\nVERSION = {version}");
    let mut files = vec![
        ("h.py".to_owned(), handler("import top, deep", "'%s | %s' % (top.check(), deep.check())")),
        ("top.py".to_owned(), "import tested\nimport sys\n".to_owned() + check),
        ("deep.py".to_owned(), import("pkg.inner")),
        ("tested.py".to_owned(), versioned(1)),
        ("pkg/__init__.py".to_owned(), String::new()),
        ("pkg/inner/__init__.py".to_owned(), String::new()),
        ("pkg/inner/tested.py".to_owned(), versioned(1)),
    ];
    files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let app = App::start(mpm, &files);
    app.expect("ok 1 | ok 1");
    app.edit_gives(&[
        ("tested.py", &versioned(2), "ok 2 | ok 1"),
        ("pkg/inner/tested.py", &versioned(3), "ok 2 | ok 3"),
        ("tested.py", "1 / 0", "ok 2 | ok 3"),
    ]);
    // An edit of another module, so that the tested modules are in a generation that did not run them.
    app.edit("tested.py", &versioned(2));
    app.edit("h.py", &handler("import deep, top", "'%s | %s |' % (top.check(), deep.check())"));
    app.expect("ok 2 | ok 3 |");
}

mpm_tests! {
    /// A pickle names a class by its module, and finds it there.
    [prefork, event]
    fn pickle(mpm) {
        at_both_levels(mpm, "
import pickle
class Point:
    def __init__(self, x):
        self.x = x
    class Inner:
        pass
def function():
    pass
", "
import pickle
def check():
    point = pickle.loads(pickle.dumps(tested.Point(7)))
    assert type(point) is tested.Point and point.x == 7
    assert pickle.loads(pickle.dumps(tested.function)) is tested.function
    assert pickle.loads(pickle.dumps(tested.Point.Inner)) is tested.Point.Inner
    return 'ok %d' % tested.VERSION
", &[]);
    }

    /// Annotations that are texts are evaluated in their module's namespace.
    [prefork, event]
    fn dataclasses_and_type_hints(mpm) {
        at_both_levels(mpm, "
from __future__ import annotations
import dataclasses, typing
Number = int
@dataclasses.dataclass
class Item:
    counter: typing.ClassVar[int] = 0
    price: Number = 3
    children: list[Item] = dataclasses.field(default_factory=list)
def total(item: Item) -> Number:
    return item.price
IN_BODY = typing.get_type_hints(Item)
", "
import dataclasses, typing
def check():
    assert [f.name for f in dataclasses.fields(tested.Item)] == ['price', 'children']
    assert tested.Item(price=4) == tested.Item(4, [])
    assert tested.IN_BODY['price'] is int
    hints = typing.get_type_hints(tested.Item)
    assert hints['children'] == list[tested.Item], hints
    assert typing.get_type_hints(tested.total) == {'item': tested.Item, 'return': int}
    return 'ok %d' % tested.VERSION
", &[]);
    }

    /// `inspect` shows the source that runs, and the module of a class and of a function.
    [prefork, event]
    fn inspect_and_linecache(mpm) {
        at_both_levels(mpm, "
def function():
    return VERSION
class Shown:
    def method(self):
        return 'method'
", "
import inspect, linecache
def check():
    assert inspect.getsource(tested.function) == 'def function():\\n    return VERSION\\n'
    assert inspect.getsource(tested.Shown).startswith('class Shown:\\n    def method')
    assert 'VERSION = %d' % tested.VERSION in inspect.getsource(tested)
    assert inspect.getmodule(tested.function) is tested
    assert inspect.getmodule(tested.Shown) is tested
    assert inspect.getfile(tested.function) == tested.__file__ == tested.__spec__.origin
    assert sys.modules[tested.__name__] is tested
    assert tested.__package__ == tested.__name__.rpartition('.')[0]
    return 'ok %d' % tested.VERSION
", &[]);
    }

    /// importlib.resources and pkgutil read data files beside a module.
    [prefork, event]
    fn resources(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import importlib.resources as r, pkgutil, pkg, pkg.tested as t",
                "(r.files(pkg) / 'data.txt').read_text() + r.files('pkg').joinpath('data.txt').read_text() \
                 + pkgutil.get_data('pkg', 'data.txt').decode() + str(t.V)")),
            ("pkg/__init__.py", ""),
            ("pkg/tested.py", "V = 1"),
        ]);
        app.site.write("pkg/data.txt", "x");
        app.expect("xxx1");
        app.edit("pkg/tested.py", "V = 2");
        app.expect("xxx2");
        app.edit("pkg/__init__.py", "edited = True");
        app.site.write("pkg/data.txt", "y");
        app.expect("yyy2");
    }

    /// Data files of a package without `__init__.py`, whose resources Python supports since 3.10. A body that reads one depends
    /// on it.
    [prefork, event]
    fn resources_of_a_namespace_package(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import reader", "reader.TEXT + reader.NAMES")),
            ("reader.py", "from importlib import resources as r\nimport space.tested\n\
                TEXT = (r.files('space') / 'data.txt').read_text()\n\
                NAMES = ' '.join(sorted(p.name for p in r.files(space).iterdir() if p.name.endswith('.txt')))"),
            ("space/tested.py", ""),
        ]);
        if app.httpd.python_version() < (3, 10) {
            return;
        }
        app.site.write("space/data.txt", "x");
        app.expect("xdata.txt");
        app.site.write("space/data.txt", "y");
        app.expect("ydata.txt");
        app.site.write("space/more.txt", "");
        app.expect("ydata.txt more.txt");
    }

    /// `mock.patch` patches what the tested code uses, and restores it.
    [prefork, event]
    fn mock_patch(mpm) {
        at_both_levels(mpm, "
def value():
    return 'real'
def use():
    return value()
", "
from unittest import mock
def check():
    with mock.patch(tested.__name__ + '.value', return_value='mocked'):
        assert tested.use() == 'mocked', tested.use()
    assert tested.use() == 'real'
    return 'ok %d' % tested.VERSION
", &[]);
    }

    /// Enum, ABC and singledispatch work across edits of any module.
    [prefork, event]
    fn enum_abc_and_singledispatch(mpm) {
        at_both_levels(mpm, "
import abc, enum, functools
class Color(enum.Enum):
    RED = 1
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class Made(Base):
    def f(self):
        return super().f() or 'made'
@functools.singledispatch
def show(value):
    return 'any'
@show.register
def _(value: int):
    return 'int'
@show.register(Made)
def _(value):
    return 'made'
", "
import pickle
def check():
    assert tested.Color(1) is tested.Color.RED and tested.Color['RED'] is tested.Color.RED
    assert pickle.loads(pickle.dumps(tested.Color.RED)) is tested.Color.RED
    assert isinstance(tested.Made(), tested.Base) and tested.Made().f() == 'made'
    try:
        tested.Base()
    except TypeError:
        pass
    else:
        raise AssertionError('an abstract class was instantiated')
    assert [tested.show(v) for v in ('', 1, tested.Made())] == ['any', 'int', 'made']
    return 'ok %d' % tested.VERSION
", &[]);
    }

    /// A module registers an implementation with a dispatcher of an unchanged module. After an edit the dispatcher calls the
    /// new code.
    [prefork, event]
    fn registrations_with_unaffected_modules_are_new(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import registry, kinds", "registry.show(kinds.Kind())")),
            ("registry.py", "import functools\n@functools.singledispatch\ndef show(value):\n    return 'any'"),
            ("kinds.py", "import registry\nclass Kind: pass\n@registry.show.register(Kind)\ndef _(value):\n    return 'first'"),
        ]);
        app.expect("first");
        app.edit("kinds.py", "import registry\nclass Kind: pass\n@registry.show.register(Kind)\ndef _(value):\n    return 'second'");
        app.expect("second");
    }

    /// A traceback shows the file, the line and the text of the code that raised.
    [prefork, event]
    fn tracebacks_show_the_source_that_ran(mpm) {
        let body = |message: &str| format!("def fail():\n    raise ValueError('x')  # {message}\nVERSION = 1");
        let head = "
import traceback, c, pkg.c
def shown(function):
    try:
        function()
    except ValueError:
        return [line.strip() for line in traceback.format_exc().splitlines() if 'raise' in line][0]
";
        let app = App::start_for_two(mpm, &[
            ("h.py", &handler(head, "'%s | %s' % (shown(c.fail), shown(pkg.c.fail))")),
            ("c.py", &body("first")),
            ("pkg/__init__.py", ""),
            ("pkg/c.py", &body("first")),
        ]);
        let line = |a: &str, b: &str| format!("raise ValueError('x')  # {a} | raise ValueError('x')  # {b}");
        app.expect(&line("first", "first"));
        let held = crate::app::Held::start(&app);
        app.edit_gives(&[
            ("c.py", &body("second"), &line("second", "first")),
            ("pkg/c.py", &format!("\n\n\n{}", body("third")), &line("second", "third")),
        ]);
        let old = line("first", "first");
        assert_eq!(held.finish().value, format!("{old} then {old}"));
    }
}
