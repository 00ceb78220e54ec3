//! The request's plain members, and those of its connection, server and file.

use crate::support::{Httpd, Served, Site, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn values(mpm) {
        let conf = "<VirtualHost *:*>\nServerAdmin me@example.org\nServerAlias other.example *.wild.example\n\
                    ServerName main.example\n</VirtualHost>";
        let served = Served::start_with(Httpd::builder(mpm).conf(conf), "", "
import time
def page(req):
    eq((req.method, req.method_number, req.protocol, req.proto_num), ('GET', apache.M_GET, 'HTTP/1.1', 1001))
    eq((req.uri, req.args, req.unparsed_uri), ('/page/a b', 'a=1&b=%20', '/page/a%20b?a=1&b=%20'))
    eq(req.the_request, 'GET /page/a%20b?a=1&b=%20 HTTP/1.1')
    eq((req.hostname, req.header_only, req.phase, req.interpreter), ('main.example', 0, 'PythonHandler', 'main.example'))
    eq((req.extension, req.path_info), ('', '/a b'))
    eq(req.filename, os.path.join(req.document_root(), 'page'))
    eq((req.main, req.prev, req.next), (None, None, None))
    eq((req.status, req.status_line, req.sent_bodyct, req.bytes_sent, req.eos_sent), (200, None, 0, 0, 0))
    eq((req.assbackwards, req.proxyreq, req.chunked, req.no_cache, req.expecting_100), (0, apache.PROXYREQ_NONE, 0, 0, 0))
    eq((req.range, req.ap_auth_type, req.user, req.content_encoding), (None, None, None, None))
    eq((req.content_languages, req.vlist_validator, req.allowed_methods, req.clength), ((), None, (), 0))
    eq(req.handler, 'mod_python')
    assert abs(req.request_time - time.time()) < 60, req.request_time
    eq((req.useragent_ip, req.useragent_addr[0]), ('127.0.0.1', '127.0.0.1'))
    assert 'PyCapsule' in type(req._request_rec).__name__

    connection = req.connection
    assert req.connection is connection
    eq((connection.client_ip, connection.local_ip, connection.aborted, connection.keepalives), ('127.0.0.1', '127.0.0.1', 0, 0))
    eq((connection.client_addr, connection.local_addr[0]), (('127.0.0.1', req.useragent_addr[1]), '127.0.0.1'))
    eq(connection.base_server.server_hostname, 'main.example')
    eq((connection.remote_ip, connection.remote_addr), (connection.client_ip, connection.client_addr))
    raises(AttributeError, lambda: connection.hlist)
    raises(AttributeError, lambda: connection.nothing)
    raises(AttributeError, setattr, connection, 'client_ip', 'x')
    raises(AttributeError, setattr, connection, 'mine', 1)
    raises(TypeError, setattr, connection, 'keepalive', 'x')

    server = req.server
    assert req.server is server
    eq((server.server_hostname, server.server_admin, server.is_virtual), ('main.example', 'me@example.org', 1))
    eq((server.names, server.wild_names), (('other.example',), ('*.wild.example',)))
    eq((server.timeout, server.keep_alive_timeout, server.keep_alive), (60.0, 60.0, 1))
    assert server.restart_time > 1e9 and server.my_generation == 0 and server.limit_req_fields == 100
    raises(AttributeError, setattr, server, 'port', 1)
    eq((apache.main_server.server_hostname, apache.main_server.is_virtual), ('localhost', 0))
    passed(req)
");
        let headers = [("Host", "main.example")];
        assert_eq!(served.httpd.request("GET", "/page/a%20b?a=1&b=%20", &headers, None).ok(), "passed");
        assert!(!served.httpd.log_lines("remote_ip").is_empty(), "an old name is used without a warning");
    }

    [prefork, event]
    fn parsed_uri(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    uri = req.parsed_uri
    eq((uri[apache.URI_PATH], uri[apache.URI_QUERY], uri[apache.URI_PORT]), ('/page', 'q=1', None))
    eq((len(uri), uri[apache.URI_USER], uri[apache.URI_FRAGMENT]), (9, None, None))
    passed(req)
def whole(req):
    uri = req.parsed_uri
    eq((uri[apache.URI_SCHEME], uri[apache.URI_HOSTNAME], uri[apache.URI_PORT]), ('http', 'localhost', 8081))
    eq((uri[apache.URI_PATH], uri[apache.URI_HOSTINFO]), ('/whole', 'localhost:8081'))
    passed(req)
",
        );
        served.check("/page?q=1");
        assert_eq!(served.get("http://localhost:8081/whole").ok(), "passed");
    }

    [prefork, event]
    fn what_may_be_assigned(mpm) {
        let served = Served::start(mpm, "
READ_ONLY = '''allowed allowed_methods allowed_xmethods bytes_sent clength connection content_encoding content_languages
    eos_sent err_headers_out expecting_100 extension header_only headers_in headers_out hlist hostname interpreter main method
    method_number mtime next notes parsed_uri phase prev proto_num protocol range read_body read_chunked read_length remaining
    request_time sent_bodyct server subprocess_env the_request unparsed_uri useragent_addr useragent_ip vlist_validator
    _bytes_queued _content_type_set _request_rec'''.split()
NUMBERS = 'assbackwards chunked no_cache no_local_copy proxyreq status used_path_info'.split()
TEXTS = 'ap_auth_type args canonical_filename content_type filename handler path_info status_line uri user'.split()

def page(req):
    for name in READ_ONLY:
        getattr(req, name)
        raises(AttributeError, setattr, req, name, getattr(req, name))
        raises((AttributeError, TypeError), delattr, req, name)
    for name in NUMBERS:
        value = getattr(req, name)
        for wrong in ('1', 1.5, None, b'1'):
            raises(TypeError, setattr, req, name, wrong)
        setattr(req, name, True)
        eq(getattr(req, name), 1)
        raises((AttributeError, TypeError), delattr, req, name)
        setattr(req, name, value)
    for name in TEXTS:
        for wrong in (5, 1.5, ['x'], req):
            raises(TypeError, setattr, req, name, wrong)
        raises((AttributeError, TypeError), delattr, req, name)
        if name not in ('args', 'handler'):
            raises(TypeError, setattr, req, name, None)
        raises(ValueError, setattr, req, name, 'a\\0b')
    req.args = None
    eq(req.args, None)
    req.handler = None
    eq(req.handler, None)
    raises(TypeError, setattr, req, 'finfo', 5)
    class Text(str):
        pass
    for value in ('plain', Text('sub'), b'bytes', 'J\\xf6rg', '\\u20ac'):
        expected = value.decode() if isinstance(value, bytes) else value
        for name in ('user', 'args', 'path_info', 'ap_auth_type', 'uri', 'filename'):
            setattr(req, name, value)
            eq(getattr(req, name), expected)
    passed(req)
");
        served.check("/page");
    }

    [prefork, event]
    fn content_type_and_status(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq((req._content_type_set, req.content_type), (0, None))
    req.content_type = 'text/x-own; charset=utf-8'
    eq((req._content_type_set, req.content_type), (1, 'text/x-own; charset=utf-8'))
    req.status = 299
    req.status_line = '299 My Own'
    req.write('x')
def same(req):
    req.content_type = 'text/html'
    req.content_type = b'text/plain'
    passed(req)
",
        );
        let response = served.get("/page");
        assert_eq!((response.status, response.reason.as_slice()), (299, &b"My Own"[..]));
        assert_eq!(response.header("Content-Type"), Some(&b"text/x-own; charset=utf-8"[..]));
        assert_eq!(served.get("/same").header("Content-Type"), Some(&b"text/plain"[..]));
    }

    [prefork, event]
    fn file_information(mpm) {
        let site = Site::with(&[("page/index.txt", "0123456789")]);
        let served = Served::start_on(
            site,
            Httpd::builder(mpm),
            "",
            "
def page(req):
    finfo = req.finfo
    eq(finfo.filetype, apache.APR_REG)
    status = os.stat(req.filename)
    eq((finfo.size, finfo.mtime, finfo.inode), (10, int(status.st_mtime), status.st_ino))
    eq((finfo.fname, finfo.user), (req.filename, status.st_uid))
    names = 'protection inode device nlink user group size atime mtime ctime fname name filetype'.split()
    eq(len(finfo), 13)
    for number, name in enumerate(names):
        eq(finfo[number], getattr(finfo, name))
    eq((finfo[apache.FINFO_SIZE], finfo[apache.FINFO_FILETYPE], finfo[-1]), (10, apache.APR_REG, apache.APR_REG))
    eq(len(list(finfo)), 13)
    raises(IndexError, lambda: finfo[13])
    raises(AttributeError, lambda: finfo.nothing)
    raises(AttributeError, setattr, finfo, 'size', 1)
    repr(finfo)

    missing = apache.stat('/no/such/file', apache.APR_FINFO_MIN)
    eq((missing.filetype, missing.size, missing.valid), (apache.APR_NOFILE, None, None))
    raises(NotADirectoryError, apache.stat, '/etc/passwd/x', apache.APR_FINFO_MIN)
    raises(TypeError, apache.stat, '/etc')
    other = apache.stat(req.document_root(), apache.APR_FINFO_NORM)
    eq(other.filetype, apache.APR_DIR)
    req.finfo = other
    eq((req.finfo.filetype, req.finfo.mtime), (apache.APR_DIR, other.mtime))
    passed(req)
",
        );
        served.check("/page/index.txt");
    }
}
