//! Attributes that a handler sets on the request.

use crate::support::{Httpd, Site, module, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn attributes_last_as_long_as_the_request(mpm) {
        let site = Site::with(&[(
            "tested.py",
            &module(
                "
def first(req):
    assert not hasattr(req, 'mine')
    req.mine = ['a']
    req.session = req.ssi_globals = 1
    req.uri_of_mine = req.uri
    return apache.OK
def second(req):
    eq(req.mine, ['a'])
    req.mine.append('b')
    del req.session
    raises(AttributeError, lambda: req.session)
    raises(AttributeError, lambda: req.never_set)
    raises(AttributeError, delattr, req, 'never_set')
    eq(sorted(vars(req)), ['mine', 'ssi_globals', 'uri_of_mine'])
    passed(req)
    return apache.OK
",
            ),
        )]);
        let conf = "SetHandler mod_python\nPythonHandler tested::first tested::second\nPythonDebug On";
        let httpd = Httpd::builder(mpm).site(&site, conf).start();
        let mut connection = httpd.connect();
        for _ in 0..3 {
            assert_eq!(connection.get("/").expect("an answer").ok(), "passed");
        }
    }

    [prefork, event]
    fn the_type_makes_no_instances(mpm) {
        let site = Site::with(&[(
            "tested.py",
            &module(
                "
import weakref
def handler(req):
    eq(type(req).__name__, 'mp_request')
    raises(TypeError, type(req))
    raises(TypeError, type(req), req)
    assert weakref.ref(req)() is req
    assert req == req and hash(req) == hash(req)
    repr(req), str(req), dir(req)
    passed(req)
    return apache.OK
",
            ),
        )]);
        let conf = "SetHandler mod_python\nPythonHandler tested\nPythonDebug On";
        let httpd = Httpd::builder(mpm).site(&site, conf).start();
        assert_eq!(httpd.get("/").ok(), "passed");
    }
}
