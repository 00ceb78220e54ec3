//! The request's smaller methods.

use crate::support::{Httpd, Served, mpm_tests, wait_for};

mpm_tests! {
    [prefork, event]
    fn answers_about_the_server(mpm) {
        let conf = "AddHandler mod_python .py .pyx\nAddHandler other-handler .other\nAuthName \"the realm\"\nAuthType Basic\nRequire all granted";
        let builder = Httpd::builder(mpm).module("authn_core");
        let served = Served::start_with(
            builder,
            conf,
            "
def page(req):
    eq((req.auth_name(), req.auth_type()), ('the realm', 'Basic'))
    eq(sorted(req.get_addhandler_exts().split()), ['py', 'pyx'])
    eq((req.is_https(), req.ssl_var_lookup('SSL_CIPHER')), (0, None))
    eq(req.construct_url('/x?y'), 'http://%s/x?y' % req.headers_in['host'])
    eq(req.get_remote_host(apache.REMOTE_NOLOOKUP), '127.0.0.1')
    eq(req.get_remote_host(type=apache.REMOTE_NOLOOKUP, str_is_ip=1), ('127.0.0.1', 1))
    eq(hasattr(req, 'requires'), False)
    eq(req.send_http_header(), None)
    assert os.path.isdir(apache.server_root())
    eq(apache.exists_config_define('NEVER_DEFINED'), False)
    assert isinstance(apache.mpm_query(apache.AP_MPMQ_IS_THREADED), int)
    raises(TypeError, apache.mpm_query, 'x')
    tree = apache.config_tree()
    assert ('ServerName', 'localhost') in tree, tree
    passed(req)
",
        );
        let port = served.httpd.port();
        let host = format!("localhost:{port}");
        assert_eq!(served.httpd.request("GET", "/page", &[("Host", &host)], None).ok(), "passed");
    }

    [prefork, event]
    fn conditional_requests(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.update_mtime(1000000000.5)
    req.update_mtime(5)
    eq(req.mtime, 1000000000)
    req.set_last_modified()
    eq(req.headers_out['last-modified'], 'Sun, 09 Sep 2001 01:46:40 GMT')
    status = req.meets_conditions()
    if status != apache.OK:
        return status
    req.write('fresh', 0)
def etag(req):
    raises((OverflowError, ValueError), req.update_mtime, float('nan'))
    raises((OverflowError, ValueError), req.update_mtime, float('inf'))
    raises(TypeError, req.update_mtime, 'x')
    req.update_mtime(1000000000)
    req.set_etag()
    passed(req)
",
        );
        assert_eq!(served.get("/page").ok(), "fresh");
        let since = |date: &str| served.httpd.request("GET", "/page", &[("If-Modified-Since", date)], None).status;
        assert_eq!(since("Sun, 09 Sep 2001 01:46:40 GMT"), 304);
        assert_eq!(since("Sun, 09 Sep 2001 01:46:39 GMT"), 200);
        let unless = |date: &str| served.httpd.request("GET", "/page", &[("If-Unmodified-Since", date)], None).status;
        assert_eq!(unless("Sun, 09 Sep 2001 01:46:39 GMT"), 412);
        served.check("/etag");
    }

    [prefork, event]
    fn allowed_methods(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.allow_methods(['GET', 'PUT', 'FOO'])
    req.allow_methods(('BAR',))
    eq(set(req.allowed_methods), {'FOO', 'BAR'})
    req.allow_methods(['PUT', 'FOO'], 1)
    eq(req.allowed_methods, ('FOO',))
    for wrong in (5, None, [5], ['GET', None]):
        raises(TypeError, req.allow_methods, wrong)
    return apache.HTTP_METHOD_NOT_ALLOWED
def function(req):
    apache.allow_methods(req, 'POST', apache.M_DELETE)
    raises(KeyError, apache.allow_methods, req, 999)
    return apache.HTTP_METHOD_NOT_ALLOWED
",
        );
        let allow = |target: &str| {
            let response = served.get(target);
            assert_eq!(response.status, 405, "{}", String::from_utf8_lossy(&response.body));
            String::from_utf8_lossy(response.header("Allow").expect("405 says what is allowed")).into_owned()
        };
        let page = allow("/page");
        assert!(
            page.contains("PUT") && page.contains("FOO") && !page.contains("GET") && !page.contains("BAR"),
            "{page}"
        );
        let function = allow("/function");
        assert!(function.contains("POST") && function.contains("DELETE") && !function.contains("GET"), "{function}");
    }

    [prefork, event]
    fn internal_redirects(mpm) {
        let served = Served::start(
            mpm,
            "
def outer(req):
    req.mine = 'kept'
    eq(req.internal_redirect('/inner/path?x=1'), None)
    inner = req.next
    eq((inner.args, inner.uri, inner.main), ('x=1', '/inner/path', None))
    assert inner.prev is req
    eq(req.mine, 'kept')
    raises(TypeError, req.internal_redirect, b'/inner')
    raises(TypeError, req.internal_redirect, None)
    # The inner request has ended the response.
    req.write(' after', 0)
    req.log_error('the outer handler went on')
def inner(req):
    eq((req.args, req.prev.uri, req.main, req.prev.mine), ('x=1', '/outer', None, 'kept'))
    req.write('inner', 0)
def twice(req):
    if req.prev:
        req.write('second of ' + req.prev.uri, 0)
    else:
        req.internal_redirect('/twice/again')
def endless(req):
    req.internal_redirect(req.uri)
",
        );
        assert_eq!(served.get("/outer").ok(), "inner");
        wait_for("the outer handler", || {
            (!served.httpd.log_lines("the outer handler went on").is_empty()).then_some(())
        });
        assert_eq!(served.get("/twice").ok(), "second of /twice");
        served.get("/endless");
        assert_eq!(served.get("/twice").ok(), "second of /twice");
    }

    [prefork, event]
    fn logging(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.log_error('plain message')
    req.log_error('a warning \\xe9 \\ud800', apache.APLOG_WARNING)
    req.log_error(message='named', level=apache.APLOG_CRIT)
    req.log_error('first line\\nsecond line')
    eq(req.log_error(None), None)
    raises(TypeError, req.log_error, 5)
    raises(TypeError, req.log_error)
    req.log_error('below the level', apache.APLOG_DEBUG)
    apache.log_error('of the main server')
    apache.log_error('of this server', apache.APLOG_NOTICE, req.server)
    req.server.log_error('by the server')
    req.connection.log_error('by the connection')
    apache.log_error(None)
    raises(TypeError, apache.log_error, 'x', 0, 'no server')
    passed(req)
",
        );
        served.check("/page");
        for (message, level) in [
            ("plain message", ":error]"),
            ("a warning", ":warn]"),
            ("named", ":crit]"),
            ("first line", ":error]"),
            ("second line", ":error]"),
            ("of the main server", ":error]"),
            ("of this server", ":notice]"),
            ("by the server", ":error]"),
            ("by the connection", ":error]"),
        ] {
            let lines = served.httpd.log_lines(message);
            assert_eq!(lines.len(), 1, "{message}: {lines:?}");
            assert!(lines[0].contains(level), "{}", lines[0]);
        }
        assert!(served.httpd.log_lines("plain message")[0].contains("[client 127.0.0.1:"));
        assert!(served.httpd.log_lines("below the level").is_empty());
    }
}
