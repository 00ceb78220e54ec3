//! P8 and P10: modules, namespaces and classes that newer code has replaced are freed.

use crate::{
    app::{App, handler},
    support::{Save, mpm_tests, resident_kib, wait_for},
};

/// Statements that define `count()`: the number of module objects with this name in memory, and of namespaces. No other thread
/// may run meanwhile, as the list of objects keeps all of them alive.
pub const COUNT: &str = "
import gc, sys, types
sys.setswitchinterval(10)
def count(name):
    objects = gc.get_objects()
    modules = sum(1 for o in objects if type(o) is types.ModuleType and o.__name__ == name)
    spaces = sum(1 for o in objects if type(o) is dict and o.get('__name__') == name and '__loader__' in o)
    return '%d %d' % (modules, spaces)
";

mpm_tests! {
    /// P4, P10: a thousand reloads leave no module, namespace, thread or memory behind.
    [prefork, event]
    fn a_thousand_reloads_leave_nothing_behind(mpm) {
        const RELOADS: u32 = 1000;
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{COUNT}\nimport b"), "b.value(count)")),
            ("b.py", "import c\ndef value(count):\n    return '%d' % c.V"),
            ("c.py", "V = 0"),
        ]);
        // A cycle of functions and their globals, in a namespace of some size.
        let body = |version: u32| format!("V = {version}\nDATA = ['x' * 100] * 1000 + list(range(1000))\nclass C:\n    def f(self):\n        return V\nMADE = C()");
        let turn = |version: u32| {
            app.save(if version.is_multiple_of(2) { Save::InPlace } else { Save::Rename }, "c.py", &body(version));
            app.expect(&version.to_string())
        };
        let pid = turn(1).pid;
        (2..200).for_each(|version| drop(turn(version)));
        let before = resident_kib(pid);
        (200..RELOADS).for_each(|version| drop(turn(version)));
        let after = resident_kib(pid);
        // A thousand executions of `c` alone would be twenty times that.
        assert!(after < before + 16 * 1024, "the child grew from {before} to {after} KiB");
        app.edit("b.py", "import c\ndef value(count):\n    return count('c') + ' ' + count('b') + ' ' + count('h')");
        wait_for("all old modules to be freed", || {
            (app.ask().value == "1 1 1 1 1 1").then_some(())
        });
        assert_eq!(app.ask().pid, pid);
        assert!(app.httpd.log_lines("kept in memory").is_empty(), "{}", app.httpd.log());
    }

    /// P10: a discarded generation is freed too. Garbage collection that is switched off stays off.
    [prefork, event]
    fn discarded_builds_are_freed(mpm) {
        let head = format!("{COUNT}\ngc.disable()\nimport c");
        let app = App::start(mpm, &[("h.py", &handler(&head, "count('c') + ' %d' % gc.isenabled()")), ("c.py", "def f(): pass")]);
        app.expect("1 1 0");
        for number in 0..20 {
            app.edit("c.py", &format!("def f(): pass\nclass C: f = f\n{number} / 0"));
            app.ask();
        }
        wait_for("the discarded modules to be freed", || (app.ask().value == "1 1 0").then_some(()));
    }

    /// Enum, dataclass, ABC and singledispatch: a request after an edit meets nothing of the old code.
    [prefork, event]
    fn p8_classes_and_registries_are_new_after_an_edit(mpm) {
        let shapes = |version: u32| format!("
import abc, dataclasses, enum, functools
class Colour(enum.Enum):
    RED = {version}
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    colour: Colour = Colour.RED
    version = {version}
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
@functools.singledispatch
def render(value):
    return 'unknown'
@render.register
def _(value: Point):
    return 'point {version}'
");
        let user = "
import shapes
from shapes import Colour, Point, Shape, render
@Shape.register
class Registered:
    pass
class Square(Shape):
    def area(self):
        return 4
@render.register
def _(value: Square):
    return 'square %s' % Point.version
def check():
    point = Point(1)
    assert point == shapes.Point(1) and Colour(Colour.RED.value) is shapes.Colour.RED
    assert isinstance(Square(), shapes.Shape) and issubclass(Registered, Shape)
    assert point in {Point(1): 0} and point.colour is Colour.RED
    try:
        Shape()
    except TypeError:
        return '%s %s %s %s' % (Colour.RED.value, render(point), render(Square()), render(Colour.RED))
";
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{COUNT}\nimport user"), "user.check() + ' ' + count('shapes')")),
            ("user.py", user),
            ("shapes.py", &shapes(1)),
        ]);
        app.expect("1 point 1 square 1 unknown 1 1");
        for version in 2..6 {
            app.edit("shapes.py", &shapes(version));
            let value = app.ask().value;
            let expected = format!("{version} point {version} square {version} unknown ");
            assert!(value.starts_with(&expected), "{value}");
        }
        // A new implementation in the importer dispatches only for the new classes.
        app.edit("user.py", &user.replace("'square %s'", "'new square %s'"));
        assert!(app.ask().value.starts_with("5 point 5 new square 5 unknown "));
        wait_for("the old classes to be freed", || app.ask().value.ends_with(" 1 1").then_some(()));
        assert!(app.httpd.log_lines("kept in memory").is_empty(), "{}", app.httpd.log());
    }

    /// P10: a package does not run again when its submodule is edited. Its functions' namespace gets the new submodule and
    /// drops the old one.
    [prefork, event]
    fn packages_let_go_of_edited_submodules(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                &format!("{COUNT}\nimport pkg.sub, pkg.deep.leaf"),
                "'%s %s %s %s %s' % (pkg.f(), pkg.sub.V, pkg.deep.leaf.V, count('pkg.sub'), count('pkg.deep.leaf'))",
            )),
            ("pkg/__init__.py", "def f():\n    return 'f'"),
            ("pkg/sub.py", "V = 1"),
            ("pkg/deep/__init__.py", "def g():\n    return 'g'"),
            ("pkg/deep/leaf.py", "V = 1"),
        ]);
        let first = app.expect("f 1 1 1 1 1 1");
        for version in 2..5 {
            app.edit("pkg/sub.py", &format!("V = {version}"));
            app.edit("pkg/deep/leaf.py", &format!("V = {version}"));
            let answer = app.ask();
            assert!(answer.value.starts_with(&format!("f {version} {version} ")), "{}", answer.value);
            assert!(!answer.runs_after(&first).contains(&"pkg"), "{:?}", answer.runs);
        }
        wait_for("the first versions to be freed", || app.ask().value.ends_with(" 1 1 1 1").then_some(()));
        assert!(app.httpd.log_lines("kept in memory").is_empty(), "{}", app.httpd.log());
    }

    /// P4: code that holds a package, and does not run again for an edit below it, keeps reading what it read before.
    [prefork, event]
    fn packages_in_hand_keep_what_is_read(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(
                &format!("{COUNT}\nimport user, side, pkg.deep.leaf"),
                "'%s %s %s %s' % (user.get(), pkg.deep.leaf.V, side.V, count('side'))",
            )),
            ("user.py", "import pkg.deep\ndef get():\n    return pkg.deep.V"),
            ("side.py", "V = 1"),
            ("pkg/__init__.py", "def f():\n    return 'f'"),
            ("pkg/deep/__init__.py", "V = 'deep'"),
            ("pkg/deep/leaf.py", "V = 1"),
        ]);
        let first = app.expect("deep 1 1 1 1");
        app.edit("pkg/deep/leaf.py", "V = 2");
        app.edit("side.py", "V = 2");
        let second = app.ask();
        assert!(second.value.starts_with("deep 2 2 "), "{}", second.value);
        assert!(!second.runs_after(&first).contains(&"user"), "{:?}", second.runs);
        wait_for("the old module to be freed", || app.ask().value.ends_with(" 1 1").then_some(()));
        app.expect("deep 2 2 1 1");
    }
}
