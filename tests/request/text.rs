//! Bytes of every kind in headers, URIs and credentials: they come out as text, go back as they were, and never crash.

use crate::support::{Httpd, Served, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn request_headers(mpm) {
        let served = Served::start(mpm, "
def page(req):
    value = req.headers_in['X-Odd']
    assert isinstance(value, str)
    eq((req.headers_in.get('x-odd'), dict(req.headers_in)['X-Odd'], req.headers_in.items()[-1][1]), (value, value, value))
    repr(req.headers_in)
    req.headers_out['X-Back'] = value
    req.write(value, 0)
");
        let mut values: Vec<Vec<u8>> = (0x80..=0xff_u8).map(|byte| vec![b'a', byte, b'z']).collect();
        values.push("J\u{f6}rg \u{20ac}".into());
        values.push(b"\xe2\x82".to_vec());
        values.push(b"\xed\xa0\x80".to_vec());
        values.push(b"\xc0\xaf\xf5\x80\x80\x80".to_vec());
        values.push(b"mixed \xc3\xa9 \xe9".to_vec());
        let mut connection = served.connect();
        for value in values {
            let request = [b"GET /page HTTP/1.1\r\nHost: localhost\r\nX-Odd: ", &value[..], b"\r\n\r\n"].concat();
            connection.send(&request).expect("sent");
            let response = connection.read_response(false).expect("an answer");
            assert_eq!(response.status, 200, "{value:?}: {}", String::from_utf8_lossy(&response.body));
            assert_eq!(response.header("X-Back"), Some(&value[..]), "as it was");
            let expected =
                String::from_utf8(value.clone()).unwrap_or_else(|_| value.iter().copied().map(char::from).collect());
            assert_eq!(response.text(), expected);
        }
    }

    [prefork, event]
    fn uris_and_queries(mpm) {
        let served = Served::start_with(
            Httpd::builder(mpm),
            "",
            "
def page(req):
    for name in ('uri', 'unparsed_uri', 'the_request', 'args', 'path_info', 'filename', 'canonical_filename'):
        value = getattr(req, name)
        assert value is None or isinstance(value, str), name
    req.parsed_uri, req.finfo.fname
    req.add_cgi_vars()
    req.subprocess_env.items(), dict(req.subprocess_env)
    req.log_error(req.uri)
    req.construct_url(req.uri)
    req.content_type = 'text/plain; charset=utf-8'
    req.write(req.path_info, 0)
",
        );
        for (target, info) in [
            ("/page/%C3%A9%E2%82%AC", "/\u{e9}\u{20ac}"),
            ("/page/%E9", "/\u{e9}"),
            ("/page/%FF%FE?%FF=%FE", "/\u{ff}\u{fe}"),
            ("/page/%ED%A0%80", "/\u{ed}\u{a0}\u{80}"),
            ("/page/%01%7F%22%5C", "/\u{1}\u{7f}\"\\"),
            ("/page/%25%2B+", "/%++"),
        ] {
            assert_eq!(served.get(target).ok(), info, "{target}");
        }
        let mut connection = served.connect();
        connection.send(b"GET /page/\xe9\xff?\xfe=\x80 HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        let response = connection.read_response(false).expect("an answer");
        assert!(response.status == 400 || response.text() == "/\u{e9}\u{ff}", "{response:?}");
        drop(connection);
        let mut connection = served.connect();
        connection.send(b"GET /page/x HTTP/1.1\r\nHost: \xff\xfe\r\nConnection: close\r\n\r\n").expect("sent");
        let status = connection.read_response(false).expect("an answer").status;
        assert!(status == 200 || status == 400, "{status}");
        served.get("/page/still-there").ok();
    }

    [prefork, event]
    fn what_is_stored_is_what_is_read(mpm) {
        let served = Served::start(mpm, "
def page(req):
    texts = ['', 'plain', 'J\\xf6rg', '\\xc3\\xa9', '\\xe9\\u20ac', '\\U0001f600', '\\x80\\xff', ' blanks ', '\\x01\\x7f', 'x' * 100000]
    texts += [chr(code) for code in range(1, 0x250)]
    for text in texts:
        for table in (req.notes, req.headers_out, req.subprocess_env):
            table['key'] = text
            eq((table['key'], table.get('key')), (text, text))
        req.user = text
        eq(req.user, text)
        req.notes[text or 'empty'] = 'by name'
        eq(req.notes[text or 'empty'], 'by name')
    raises(UnicodeEncodeError, req.notes.add, 'key', '\\ud800')
    del req.headers_out['key']
    for code in range(1, 256):
        req.notes['key'] = bytes([code])
        eq(req.notes['key'], chr(code))
    passed(req)
");
        served.check("/page");
    }
}
