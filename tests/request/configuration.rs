//! `get_options` and `get_config`.

use crate::support::{Httpd, Served, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn options(mpm) {
        let builder = Httpd::builder(mpm)
            .conf("PythonOption Server.Key outer\nPythonOption color blue\nPythonOption gone x\nPythonOption gone2 y");
        let conf = "PythonOption Color red\nPythonOption COLOR \"dark red\"\nPythonOption gone\nPythonOption Gone2 \"\"\nPythonOption own \u{e9}";
        let served = Served::start_with(
            builder,
            conf,
            "
def page(req):
    options = req.get_options()
    assert req.get_options() is options
    eq((options['color'], options['server.key'], options['own']), ('dark red', 'outer', '\\xe9'))
    eq(('gone' in options, 'gone2' in options, len(options)), (False, False, 3))
    eq(dict(req.server.get_options()), {'Server.Key': 'outer', 'color': 'blue', 'gone': 'x', 'gone2': 'y'})
    eq(dict(apache.main_server.get_options()), dict(req.server.get_options()))
    if not req.args:
        options['color'] = 'changed'
        options['new'] = 'added'
    passed(req)
",
        );
        // A request's change of its table does not affect the next request.
        served.check("/page");
        served.check("/page?again");
        served.check("/page");
    }

    [prefork, event]
    fn settings(mpm) {
        let builder = Httpd::builder(mpm).conf("PythonDebug Off\nPythonAutoReload On");
        let conf = "PythonInterpreter named\nPythonReloadTimeout 1.5\nPythonReload async\nPythonReloadOnError fail";
        let served = Served::start_with(
            builder,
            conf,
            "
def page(req):
    eq(dict(req.get_config()), {
        'PythonInterpreter': 'named', 'PythonDebug': '1', 'PythonAutoReload': '1', 'PythonReloadTimeout': '1.500',
        'PythonReload': 'async', 'PythonReloadOnError': 'fail',
    })
    assert req.get_config() is req.get_config()
    eq(dict(req.server.get_config()), {'PythonDebug': '0', 'PythonAutoReload': '1'})
    passed(req)
",
        );
        served.check("/page");
    }

    [prefork]
    fn every_setting_is_shown(mpm) {
        let conf = "PythonInterpreter named\nPythonDebug On\nPythonAutoReload On\nPythonReload sync\n\
                    PythonReloadRoot /tmp\nPythonReloadExclude *.skip\nPythonReloadTrust all\nPythonReloadOnError last-good\n\
                    PythonReloadConsistency SERVER\nPythonReloadTimeout 7";
        let served = Served::start_with(
            Httpd::builder(mpm),
            conf,
            "
def page(req):
    eq(dict(req.get_config()), {
        'PythonInterpreter': 'named', 'PythonDebug': '1', 'PythonAutoReload': '1',
        'PythonReload': 'sync', 'PythonReloadRoot': '/tmp', 'PythonReloadExclude': '*.skip', 'PythonReloadTrust': 'all',
        'PythonReloadOnError': 'last-good', 'PythonReloadConsistency': 'server', 'PythonReloadTimeout': '7',
    })
    passed(req)
",
        );
        served.check("/page");
    }

    [prefork, event]
    fn nothing_set(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq(dict(req.get_options()), {})
    eq(dict(req.get_config()), {'PythonDebug': '1'})
    eq((dict(req.server.get_options()), dict(req.server.get_config())), ({}, {}))
    passed(req)
",
        );
        served.check("/page");
    }
}
