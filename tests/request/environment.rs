//! `add_common_vars`, `add_cgi_vars` and what is made of them.

use crate::support::{Served, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn common_variables(mpm) {
        let served = Served::start(mpm, "
def page(req):
    environment = req.subprocess_env
    eq('SERVER_NAME' in environment, False)
    eq(req.add_common_vars(), None)
    eq((environment['SERVER_NAME'], environment['REMOTE_ADDR'], environment['HTTP_X_OWN']), ('localhost', '127.0.0.1', 'own'))
    eq((environment['CONTENT_TYPE'], environment['CONTENT_LENGTH']), ('text/x-body', '4'))
    eq(environment['DOCUMENT_ROOT'], req.document_root())
    eq(environment['SCRIPT_FILENAME'], req.filename)
    assert environment['SERVER_SOFTWARE'].startswith('Apache') and int(environment['REMOTE_PORT']) and environment['PATH']
    eq('HTTP_AUTHORIZATION' in environment, False)
    eq('GATEWAY_INTERFACE' in environment, False)
    passed(req)
");
        let headers = [("X-Own", "own"), ("Content-Type", "text/x-body"), ("Authorization", "Basic eDp5")];
        assert_eq!(served.httpd.request("POST", "/page/info", &headers, Some(b"body")).ok(), "passed");
    }

    [prefork, event]
    fn cgi_variables(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.add_cgi_vars()
    environment = req.subprocess_env
    for name, value in {
        'GATEWAY_INTERFACE': 'CGI/1.1', 'SERVER_PROTOCOL': 'HTTP/1.1', 'REQUEST_METHOD': 'GET', 'QUERY_STRING': 'x=1',
        'REQUEST_URI': '/page/in/fo', 'SCRIPT_NAME': '/page', 'PATH_INFO': '/in/fo', 'SERVER_NAME': 'localhost',
    }.items():
        eq((name, environment[name]), (name, value))
    eq('PATH_TRANSLATED' in environment, False)
    passed(req)
def bare(req):
    req.add_cgi_vars()
    eq(req.subprocess_env['QUERY_STRING'], '')
    eq('PATH_INFO' in req.subprocess_env, False)
    eq(req.subprocess_env['SCRIPT_NAME'], '/bare')
    passed(req)
",
        );
        served.check("/page/in/fo?x=1");
        served.check("/bare");
    }

    [prefork, event]
    fn the_environment_of_a_script(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    environment = apache.build_cgi_env(req)
    assert environment is not req.subprocess_env
    eq((environment['GATEWAY_INTERFACE'], environment['SCRIPT_NAME']), ('Python-CGI/1.1', '/page'))
    eq(environment['HTTP_AUTHORIZATION'], 'Basic eDp5')
    eq('HTTP_AUTHORIZATION' in req.subprocess_env, False)
    passed(req)
",
        );
        let headers = [("Authorization", "Basic eDp5")];
        assert_eq!(served.httpd.request("GET", "/page/info", &headers, None).ok(), "passed");
    }
}
