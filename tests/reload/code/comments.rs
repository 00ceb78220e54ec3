//! P5 and P8: an edit of comments, blank lines or docstrings runs nothing, and tracebacks name the new lines.

use crate::app::{App, handler, module};
use crate::support::mpm_tests;

/// A leaf with a function that raises, reached through nested functions.
const LEAF: &str = "def fail():
    raise ValueError

class C:
    def method(self):
        def inner():
            return fail()
        return inner()
";

/// Statements that define `lines()`: the number and the text of the leaf's lines in a traceback.
const LINES: &str = "
import traceback
def lines():
    try:
        c.C().method()
    except ValueError as e:
        frames = traceback.extract_tb(e.__traceback__)
    return ' '.join('%d:%s' % (f.lineno, f.line) for f in frames if f.filename == c.__file__)
";

mpm_tests! {
    /// P5, P8: comments move the lines. Nothing runs, all objects keep their identity, and the traceback has the new lines.
    [prefork, event]
    fn a_comment_runs_nothing_and_moves_the_lines(mpm) {
        let head = format!("import c{LINES}\nfirst = c.C");
        let app = App::start(mpm, &[("h.py", &handler(&head, "(lines(), id(c), c.C is first)")), ("c.py", LEAF)]);
        let before = app.ask();
        let old = "8:return inner() 7:return fail() 2:raise ValueError";
        assert!(before.value.contains(old), "{}", before.value);
        app.edit("c.py", &format!("# one\n\n# three\n{LEAF}"));
        let after = app.ask();
        assert!(after.runs_after(&before).is_empty(), "{:?}", after.runs_after(&before));
        assert_eq!(after.value, before.value.replace(old, "11:return inner() 10:return fail() 5:raise ValueError"));
        app.edit("c.py", &LEAF.replace("            return fail()", "            # in between\n\n            return (\n                fail())"));
        let after = app.ask();
        assert!(after.runs_after(&before).is_empty(), "{:?}", after.runs_after(&before));
        let moved = after.value.contains("11:return inner() 10:fail())") || after.value.contains("11:return inner() 9:return (");
        assert!(moved, "{}", after.value);
        // A later edit of the code runs the module.
        app.edit("c.py", &LEAF.replace("raise ValueError", "raise ValueError(1)"));
        let edited = app.ask();
        assert_eq!(edited.runs_after(&before), ["c", "h"]);
        assert!(edited.value.contains("2:raise ValueError(1)"), "{}", edited.value);
    }

    /// A changed docstring runs nothing, unless some code of the application uses docstrings.
    [prefork, event]
    fn docstrings_run_nothing_unless_they_are_used(mpm) {
        let leaf = |text: &str| format!("\"\"\"{text}\"\"\"\ndef f():\n    '{text}'\nclass C:\n    '{text}'\n    def m(self):\n        '{text}'\n");
        let app = App::start(mpm, &[
            ("h.py", &handler("import c\nimport helper", "helper.texts(c)")),
            ("c.py", &leaf("one")),
            ("helper.py", "import _opcode\ntexts = lambda c: [getattr(o, '__%s__' % 'doc') for o in (c, c.f, c.C, c.C.m)]"),
        ]);
        let before = app.expect("['one', 'one', 'one', 'one']");
        app.edit("c.py", &leaf("two"));
        let after = app.expect("['two', 'two', 'two', 'two']");
        assert!(after.runs_after(&before).is_empty(), "{:?}", after.runs_after(&before));
        app.edit("helper.py", "texts = lambda c: c.f.__doc__");
        let asked = app.expect("two");
        app.edit_runs(&asked, &[("c.py", &leaf("three"), "three", &["c", "h"])]);
    }

    /// A docstring of several lines becomes what a fresh interpreter makes of it.
    [prefork, event]
    fn long_docstrings_are_as_after_a_first_load(mpm) {
        let leaf = |text: &str| {
            let doc = |indent: &str| format!("{indent}\"\"\"{text}\n\n{indent}    more\n{indent}and more\n{indent}\"\"\"\n");
            format!("{}def f():\n{}class C:\n{}    def m(self):\n{}", doc(""), doc("    "), doc("    "), doc("        "))
        };
        let helper = "
import types
def texts(c):
    return [getattr(o, '__%s__' % 'doc') for o in (c, c.f, c.C, c.C.m)]
def told(c):
    fresh = types.ModuleType('fresh')
    with open(c.__file__) as file:
        exec(file.read().partition('import sys')[0], fresh.__dict__)
    return texts(c)[0].split()[0], texts(c) == texts(fresh)
";
        let app = App::start(mpm, &[
            ("h.py", &handler("import c\nimport helper", "helper.told(c)")),
            ("c.py", &leaf("one")),
            ("helper.py", helper),
        ]);
        let first = app.expect("('one', True)");
        app.edit("c.py", &leaf("two"));
        assert!(app.expect("('two', True)").runs_after(&first).is_empty());
    }

    /// The module runs if a decorator, a base class or an expression uses the text in a docstring's place.
    [prefork, event]
    fn texts_that_were_put_to_use_run(mpm) {
        let head = "import c";
        let app = App::start(mpm, &[
            ("h.py", &handler(head, "(c.V, c.TEXTS)")),
            ("c.py", "from d import note, TEXTS\nV = 'one'\n@note\ndef f():\n    'one'"),
            ("d.py", "TEXTS = []\ndef note(f):\n    TEXTS.append(getattr(f, '__%s__' % 'doc'))\n    return f"),
        ]);
        let before = app.expect("('one', ['one'])");
        app.edit("c.py", "from d import note, TEXTS\nV = 'two'\n@note\ndef f():\n    'one'");
        let after = app.ask();
        assert!(after.value.starts_with("('two'"), "{}", after.value);
        app.edit("c.py", "from d import note, TEXTS\nV = 'two'\n@note\ndef f():\n    'two'");
        let last = app.ask();
        assert_eq!(last.runs_after(&after), ["c", "h"]);
        assert!(before.runs.len() < after.runs.len());
        assert!(last.value.ends_with("'two'])"), "{}", last.value);
    }

    /// P2: a comment is saved together with an edit that cannot be built. Then that edit is mended.
    [prefork, event]
    fn a_comment_beside_a_broken_file(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c, d", "(c.V, d.V)")), ("c.py", "V = 1"), ("d.py", "V = 1")]);
        let before = app.expect("(1, 1)");
        app.edit("c.py", "# a comment\nV = 1");
        app.edit("d.py", "V = (");
        app.expect("(1, 1)");
        app.expect("(1, 1)");
        app.expect_failures(1);
        app.edit("c.py", "V = 1");
        app.expect("(1, 1)");
        app.expect_failures(1);
        app.edit_runs(&before, &[("d.py", "V = 2", "(1, 2)", &["d", "h"])]);
    }

    /// inspect shows the file as it is. For a generation older than the last real edit it shows that generation's text.
    [prefork, event]
    fn the_source_of_a_commented_module(mpm) {
        let head = "import c, inspect";
        let app = App::start(mpm, &[("h.py", &handler(head, "inspect.getsource(c.f)")), ("c.py", "def f():\n    return 1")]);
        app.expect("def f():\n    return 1\n");
        app.site.write("c.py", module("# above\n\ndef f():\n    # inside\n    return 1"));
        app.expect("def f():\n    # inside\n    return 1\n");
    }
}
