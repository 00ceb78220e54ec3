//! From what a published function returns to a response.

use crate::{pages::Pages, support::mpm_tests};

const TEXT: &[u8] = b"text/plain; charset=utf-8";
const HTML: &[u8] = b"text/html; charset=utf-8";

mpm_tests! {
    [prefork, event]
    fn kinds_and_types(mpm) {
        let pages = Pages::of_module(
            mpm,
            r#"
from mod_python import apache
def text():
    return 'caf\xe9 \u20ac'
def html():
    return '<HTML><body>\xe9</body></HTML>  \n'
def html_long():
    return '<html>' + 'x' * 100000 + '</html>'
def not_html():
    return '</html>' + 'x' * 200
def data():
    return b'\xff\x00data'
def html_data():
    return b'<html>\xff</html>'
def array():
    return bytearray(b'array')
def view():
    return memoryview(b'view')
def number():
    return 42
def false():
    return False
def mapping():
    return {'a': 1}
def item():
    class Item:
        def __str__(self):
            return 'an item'
    return Item()
def own_type(req):
    req.content_type = 'text/x-own'
    return '<html></html>'
def surrogate():
    return 'a\ud800b'
def empty():
    return ''
"#,
        );
        for (target, body, content_type) in [
            ("/text", "caf\u{e9} \u{20ac}".as_bytes(), TEXT),
            ("/html", "<HTML><body>\u{e9}</body></HTML>  \n".as_bytes(), HTML),
            ("/data", b"\xff\x00data", b"text/plain"),
            ("/html_data", b"<html>\xff</html>", b"text/html"),
            ("/array", b"array", b"text/plain"),
            ("/view", b"view", b"text/plain"),
            ("/number", b"42", TEXT),
            ("/false", b"False", TEXT),
            ("/mapping", b"{'a': 1}", TEXT),
            ("/item", b"an item", TEXT),
            ("/own_type", b"<html></html>", b"text/x-own"),
            ("/surrogate", b"a?b", TEXT),
        ] {
            let response = pages.get(target);
            assert_eq!(response.status, 200, "{target}: {}", String::from_utf8_lossy(&response.body));
            assert_eq!(String::from_utf8_lossy(&response.body), String::from_utf8_lossy(body), "{target}");
            assert_eq!(response.header("Content-Type"), Some(content_type), "{target}");
            assert_eq!(response.header("Content-Length"), Some(body.len().to_string().as_bytes()), "{target}");
        }
        assert_eq!(pages.get("/html_long").header("Content-Type"), Some(HTML));
        assert_eq!(pages.get("/not_html").header("Content-Type"), Some(TEXT));
        assert_eq!(pages.get("/empty").ok(), "");
    }

    [prefork, event]
    fn nothing_and_what_was_written(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
from mod_python import apache
def nothing():
    pass
def written(req):
    req.content_type = 'text/plain'
    req.write('written')
def both(req):
    req.write('written, ', 0)
    return 'returned'
def status(req):
    req.status = apache.HTTP_CREATED
    return 'made'
def returned(req):
    req.write('x', 0)
    raise apache.SERVER_RETURN(apache.HTTP_GONE)
def number():
    return apache.HTTP_NOT_FOUND
",
        );
        assert_eq!(pages.get("/nothing").ok(), "");
        assert_eq!(pages.get("/nothing").header("Content-Type"), None);
        pages.expect("/written", "written");
        pages.expect("/both", "written, returned");
        let made = pages.get("/status");
        assert_eq!((made.status, made.text()), (201, "made"));
        pages.refuse("/returned", 410);
        pages.expect("/number", "404");
    }

    [prefork, event]
    fn a_generator_is_streamed(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
log = []
def index(req):
    try:
        yield '<html>first'
        # Nobody sends this byte before the first piece has arrived.
        log.append(req.read(1).decode())
        yield None
        yield ''
        yield b'second'
        yield 3
    finally:
        log.append('closed')
def seen():
    return ' '.join(log)
",
        );
        let mut connection = pages.httpd.connect();
        connection
            .send(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
            Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            )
            .expect("sent");
        let head = connection.read_head().expect("the head comes with the first piece");
        assert_eq!(head.header("Content-Type"), Some(HTML));
        let mut body = Vec::new();
        loop {
            let chunk = connection.read_chunk().expect("a chunk");
            if chunk.is_empty() {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        assert_eq!(body, b"<html>firstsecond3");
        drop(connection);
        assert!(pages.get("/seen").ok().ends_with("closed"));
    }

    [prefork, event]
    fn the_first_piece_arrives_before_the_second_is_made(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
import socket
def index(req, port):
    yield 'first'
    with socket.create_connection(('127.0.0.1', int(port)), 30) as gate:
        yield gate.recv(10)
",
        );
        let gate = std::net::TcpListener::bind("127.0.0.1:0").expect("a port for the gate");
        let port = gate.local_addr().expect("an address").port();
        let mut connection = pages.httpd.connect();
        connection.send_request("GET", &format!("/?port={port}"), &[], None).expect("sent");
        connection.read_head().expect("a head");
        assert_eq!(connection.read_chunk().expect("a chunk"), b"first");
        let (mut opened, _) = gate.accept().expect("the generator goes on");
        std::io::Write::write_all(&mut opened, b"second").expect("the gate opens");
        drop(opened);
        assert_eq!(connection.read_chunk().expect("a chunk"), b"second");
        assert_eq!(connection.read_chunk().expect("the end"), b"");
    }

    [prefork, event]
    fn iterables(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
class Closing:
    closed = 0
    def __init__(self, parts):
        self.parts = parts
    def __iter__(self):
        return iter(self.parts)
    def close(self):
        Closing.closed += 1
def texts():
    return ['a', 'b', b'c']
def pair():
    return ('a', 'b')
def numbers():
    return [1, 2]
def empty():
    return []
def an_iterator():
    return iter('xyz')
def mapped():
    return map(str, range(5))
def closing():
    return Closing(['a', 'b'])
def closed():
    return Closing.closed
def failing_first():
    raise ValueError('early')
    yield 'x'
def failing_late():
    yield 'sent'
    raise ValueError('late')
",
        );
        for (target, text) in [
            ("/texts", "abc"),
            ("/pair", "ab"),
            ("/numbers", "[1, 2]"),
            ("/empty", "[]"),
            ("/an_iterator", "xyz"),
            ("/mapped", "01234"),
            ("/closing", "ab"),
            ("/closed", "1"),
        ] {
            pages.expect(target, text);
        }
        pages.refuse("/failing_first", 500);
        let late = pages.get("/failing_late");
        assert!(late.ok().starts_with("sent"), "{}", late.text());
        assert!(pages.httpd.log().contains("ValueError: late"), "{}", pages.httpd.log());
    }

    [prefork, event]
    fn a_stream_that_is_not_read_is_closed(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
events = []
def index():
    try:
        while True:
            yield 'x' * 100000
    except GeneratorExit:
        events.append('closed')
        raise
def seen():
    return ' '.join(events)
",
        );
        let mut connection = pages.httpd.connect();
        connection.send_request("GET", "/", &[], None).expect("sent");
        connection.read_head().expect("a head");
        drop(connection);
        crate::support::wait_for("the generator to be closed", || (pages.get("/seen").ok() == "closed").then_some(()));
    }
}
