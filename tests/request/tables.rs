//! The table type, on every table of a request and on tables of its own.

use crate::support::{Served, mpm_tests};

const CHECKS: &str = r#"
class Text(str):
    pass

def checks(t):
    t.clear()
    eq((len(t), t.keys(), t.values(), t.items(), list(t)), (0, [], [], [], []))
    raises(KeyError, t.popitem)
    raises(KeyError, lambda: t['x'])
    eq((t.get('x'), t.get('x', 5), t.get(key='x', default=6)), (None, 5, 6))

    t['A'] = '1'
    t.add('b', '2')
    t.add('B', '3')
    t['C'] = b'\xff'
    eq((t['a'], t['b'], t['B'], t.get('b'), t['c']), ('1', ['2', '3'], ['2', '3'], '2', '\xff'))
    eq((len(t), t.keys(), t.values()), (4, ['A', 'b', 'B', 'C'], ['1', '2', '3', '\xff']))
    eq(t.items(), [('A', '1'), ('b', '2'), ('B', '3'), ('C', '\xff')])
    eq((list(t), list(t.iterkeys()), list(t.itervalues()), list(t.iteritems())), (t.keys(), t.keys(), t.values(), t.items()))
    assert 'c' in t and 'C' in t and 'D' not in t
    eq((t.has_key('a'), t.has_key('zz')), (1, 0))
    for wrong in (5, None, ['x']):
        raises(TypeError, lambda: wrong in t)
        raises(TypeError, t.has_key, wrong)
        raises(TypeError, t.__getitem__, wrong)
        raises(TypeError, t.__setitem__, 'a', wrong)
        raises(TypeError, t.__setitem__, wrong, 'a')
        raises(TypeError, t.add, 'a', wrong)
    raises(TypeError, hash, t)
    raises(ValueError, t.__setitem__, 'a', 'x\0y')
    eq(len(t), 4)
    del t['not there']

    copy = t.copy()
    eq((copy.items(), type(copy)), (t.items(), type(t)))
    eq((t.popitem(), t.popitem(), t.items()), (('C', '\xff'), ('B', '3'), [('A', '1'), ('b', '2')]))
    eq(len(copy), 4)
    t['B'] = '4'
    eq((t['b'], len(t)), ('4', 2))
    del t['a']
    eq(t.values(), ['4'])

    eq((t.setdefault('n', 'v'), t['n'], t.setdefault('N', 'w'), t.setdefault('m'), t['m']), ('v', 'v', 'v', '', ''))
    t.update({'n': 5, 'x': Text('y')})
    eq((t['N'], t['x']), ('5', 'y'))
    t.update(copy)
    eq(t['b'], ['2', '3'])

    iterator = iter(t)
    next(iterator)
    t['new'] = '1'
    raises(RuntimeError, next, iterator)

    t.clear()
    t[Text('s')] = Text('sub')
    t[b'bytes'] = b'value'
    eq((t['s'], t[Text('S')], t[b'BYTES']), ('sub', 'sub', 'value'))
    t.clear()
    t['a'] = 'b'
    eq(t, {'a': 'b'})
    eq(repr(t), "{'a': 'b'}")
    assert t != {'a': 'c'} and t != 5 and not (t == None) and t == t.copy() and not (t != t.copy())
    t.add('a', 'c')
    eq(dict(t), {'a': ['b', 'c']})
    eq((t.pop('a'), t.pop('a', 7), len(t)), ('b', 7, 0))
    raises(KeyError, t.pop, 'a')

    for number in range(200):
        t.add('k%d' % number, str(number))
    del t['K50']
    t['k5'] = 'five'
    eq((len(t), t.keys()[5], t['K5'], t['k199']), (199, 'k5', 'five', '199'))
    t.clear()
"#;

mpm_tests! {
    [prefork, event]
    fn every_operation_on_every_table(mpm) {
        let code = CHECKS.to_owned()
            + "
def page(req):
    mine = apache.table()
    for table in (mine, apache.make_table(), req.notes, req.headers_in, req.headers_out, req.err_headers_out,
                  req.subprocess_env, req.connection.notes, req.get_options(), req.get_config()):
        checks(table)
        eq(type(table), type(mine))
    assert apache.table is apache.make_table
    passed(req)
";
        let served = Served::start(mpm, &code);
        served.check("/page");
    }

    [prefork, event]
    fn making_tables(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq(apache.table({'a': 1, 'b': b'x'}).items()[0], ('a', '1'))
    eq(apache.table([('a', '1'), ['A', '2']]).items(), [('a', '2')])
    eq(apache.table(items={'z': 'y'})['Z'], 'y')
    eq(apache.table(apache.table({'k': 'v'})).items(), [('k', 'v')])
    raises(TypeError, apache.table, [5])
    raises(TypeError, apache.table, 5)
    assert '#1' in str(raises(ValueError, apache.table, [(1, 2), (1, 2, 3)]))
    passed(req)
",
        );
        served.check("/page");
    }

    [prefork, event]
    fn tables_are_live_views(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    for name in ('headers_in', 'headers_out', 'err_headers_out', 'notes', 'subprocess_env'):
        assert getattr(req, name) is getattr(req, name), name
        raises(AttributeError, setattr, req, name, {})
    # httpd joins the lines of one header.
    eq((req.headers_in['x-several'], req.headers_in.get('X-SEVERAL')), ('one, two', 'one, two'))
    eq(req.headers_in['user-agent'], 'tester')
    req.content_type = 'text/x-own'
    req.headers_out.add('X-Out', 'first')
    req.headers_out.add('x-out', 'second')
    req.subprocess_env['NAME'] = 'value'
    req.add_common_vars()
    eq(req.subprocess_env['NAME'], 'value')
    req.write('passed', 0)
",
        );
        let headers = [("X-Several", "one"), ("User-Agent", "tester"), ("x-several", "two")];
        let response = served.httpd.request("GET", "/page", &headers, None);
        assert_eq!(response.ok(), "passed");
        assert_eq!(response.headers_named("X-Out"), [b"first".as_slice(), b"second"]);
    }

    [prefork, event]
    fn a_table_that_changes_under_an_iterator_is_safe(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    table = req.notes
    for kind in (iter, lambda t: t.iteritems(), lambda t: t.itervalues()):
        for number in range(50):
            table.add('k%d' % number, 'v')
        iterator = kind(table)
        next(iterator)
        for number in range(1000):
            table.add('more', 'v')
        raises(RuntimeError, next, iterator)
        iterator = kind(table)
        next(iterator)
        table.clear()
        raises(RuntimeError, next, iterator)
        table['a'] = 'b'
    class Evil:
        def __str__(self):
            table.clear()
            return 'x'
    table.update({'p': Evil(), 'q': Evil()})
    eq(table.get('q'), 'x')
    passed(req)
",
        );
        served.check("/page");
    }
}
