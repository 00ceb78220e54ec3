//! What `mod_python.reload` tells about generations and the graph.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

/// Statements that define `view()`: the graph as lines of text.
const VIEW: &str = "
import os
from mod_python import reload

def view():
    graph = reload.graph()
    assert graph['generation'] == reload.generation()
    assert isinstance(graph['application'], str) and graph['application']
    names = {m['name'] for m in graph['modules']}
    managed = lambda imported: ','.join(sorted(names & set(imported)))
    age = lambda m: graph['generation'] - m['generation']
    lines = ['%s %s %s>%s<%s' % (m['name'], os.path.basename(m['file']), age(m),
             managed(m['imports']), managed(m['imported_by'])) for m in graph['modules']]
    failure = (graph['failure'] or 'none').strip().splitlines()[-1]
    return '\\n'.join(sorted(lines) + [failure.partition(':')[0]])
";

mpm_tests! {
    [prefork, event]
    fn graph_and_generation(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler(&format!("{VIEW}\nimport a, d"), "view()")),
            ("a.py", "from pkg import c"),
            ("d.py", ""),
            ("pkg/__init__.py", ""),
            ("pkg/c.py", "V = 1"),
        ]);
        app.expect(
            "a a.py 0>pkg,pkg.c<h\n\
             d d.py 0><h\n\
             h h.py 0>a,d<\n\
             pkg __init__.py 0><a\n\
             pkg.c c.py 0><a\n\
             none",
        );

        // Modules that ran belong to the new generation. The others are older by one.
        app.edit("a.py", "from pkg import c\nW = 1");
        app.expect(
            "a a.py 0>pkg,pkg.c<h\n\
             d d.py 1><h\n\
             h h.py 0>a,d<\n\
             pkg __init__.py 1><a\n\
             pkg.c c.py 1><a\n\
             none",
        );

        app.edit("d.py", "1 / 0");
        let answer = app.ask();
        let failure = answer.value.lines().last();
        assert_eq!(failure, Some("ZeroDivisionError"), "{}", answer.value);
        assert!(answer.value.starts_with("a a.py 0>"), "{}", answer.value);

        app.edit("d.py", "1 / 1");
        let answer = app.ask();
        assert_eq!(answer.value.lines().last(), Some("none"), "{}", answer.value);
    }
}
