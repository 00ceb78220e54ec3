//! `write`, `flush` and `sendfile`.

use crate::support::{Served, mpm_tests};

mpm_tests! {
    [prefork, event]
    fn write_takes_text_and_buffers(mpm) {
        let served = Served::start(
            mpm,
            r#"
import array
def page(req):
    req.write('\xe9')
    req.write(b'\xff', 0)
    req.write(bytearray(b'ba'))
    req.write(memoryview(b'xmvx')[1:3], flush=0)
    req.write(array.array('H', [0x4141]), 0)
    req.write('')
    req.write(b'', 0)
    req.write(string='\u20ac', flush=False)
    for wrong in (5, None, ['x'], object()):
        raises(TypeError, req.write, wrong)
    raises(TypeError, req.write)
    raises(BufferError, req.write, memoryview(b'abcd')[::2])
    raises(UnicodeEncodeError, req.write, '\ud800')
    eq(req._bytes_queued, 2 + 1 + 2 + 2 + 2 + 3)
"#,
        );
        let response = served.get("/page");
        assert_eq!(response.body, "\u{e9}".bytes().chain(*b"\xffbamvAA").chain("\u{20ac}".bytes()).collect::<Vec<_>>());
        assert_eq!(response.status, 200);
    }

    [prefork, event]
    fn a_flushed_write_reaches_the_client_while_the_handler_runs(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.write('first')
    eq(req.read(4), b'next')
    req.write('second', 0)
    req.flush()
    eq(req.read(4), b'last')
    req.write('third', 0)
",
        );
        let mut connection = served.connect();
        connection.send(b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n").expect("sent");
        let head = connection.read_head().expect("the head comes with the first write");
        assert_eq!(head.header("Transfer-Encoding"), Some(&b"chunked"[..]));
        assert_eq!(connection.read_chunk().expect("a chunk"), b"first");
        connection.send(b"next").expect("sent");
        assert_eq!(connection.read_chunk().expect("a chunk"), b"second");
        connection.send(b"last").expect("sent");
        assert_eq!(connection.read_chunk().expect("a chunk"), b"third");
        assert_eq!(connection.read_chunk().expect("the end"), b"");
    }

    [prefork, event]
    fn unflushed_writes_become_one_response_with_a_length(mpm) {
        let served = Served::start(
            mpm,
            "
def small(req):
    for n in range(10):
        req.write(str(n), 0)
def large(req):
    for n in range(1000):
        req.write('x' * 100, 0)
    req.write(b'y' * 1000000, 0)
    req.write('end', 0)
def nothing(req):
    pass
",
        );
        let small = served.get("/small");
        assert_eq!(small.ok(), "0123456789");
        assert_eq!(small.header("Content-Length"), Some(&b"10"[..]));
        let large = served.get("/large");
        let expected = "x".repeat(100_000) + &"y".repeat(1_000_000) + "end";
        assert!(large.ok() == expected, "{} bytes differ", large.body.len());
        let nothing = served.get("/nothing");
        assert_eq!(nothing.ok(), "");
        assert_eq!(nothing.header("Content-Length"), Some(&b"0"[..]));
    }

    [prefork, event]
    fn head_sends_headers_only(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq((req.method, req.header_only, req.method_number), ('HEAD', 1, apache.M_GET))
    req.headers_out['X-Seen'] = 'yes'
    req.write('body')
    req.write('more')
",
        );
        let mut connection = served.connect();
        for _ in 0..2 {
            let response = connection.request("HEAD", "/page", &[], None).expect("an answer");
            assert_eq!(response.status, 200);
            assert_eq!(response.header("X-Seen"), Some(&b"yes"[..]));
        }
    }

    [prefork, event]
    fn connection_closed_and_not_chunked(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.connection.keepalive = apache.AP_CONN_CLOSE
    req.chunked = 0
    req.write('one')
    req.write('two')
",
        );
        let mut connection = served.connect();
        connection.send_request("GET", "/page", &[], None).expect("sent");
        let head = connection.read_head().expect("a head");
        assert_eq!(head.header("Transfer-Encoding"), None);
        assert_eq!(head.header("Connection"), Some(&b"close"[..]));
        assert_eq!(connection.read_to_end().expect("the rest"), b"onetwo");
    }

    [prefork, event]
    fn content_length_is_what_the_handler_sets(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    req.set_content_length(6)
    eq(req.clength, 6)
    req.write('one')
    req.write('two')
def filtered(req):
    req.add_output_filter('CONTENT_LENGTH')
    req.write('one', 0)
    req.write('two', 0)
",
        );
        for target in ["/page", "/filtered"] {
            let response = served.get(target);
            assert_eq!(response.ok(), "onetwo");
            assert_eq!(response.header("Content-Length"), Some(&b"6"[..]));
            assert_eq!(response.header("Transfer-Encoding"), None);
        }
    }

    [prefork, event]
    fn sendfile_sends_parts_of_files(mpm) {
        let served = Served::start(
            mpm,
            "
import pathlib
def page(req):
    path = os.path.join(req.document_root(), 'ten.txt')
    req.write('<', 0)
    eq(req.sendfile(path), 10)
    req.write('>', 0)
    eq(req.sendfile(path, 2, 3), 3)
    eq(req.sendfile(path=path, offset=4), 6)
    eq(req.sendfile(path, 8, 100), 2)
    eq(req.sendfile(path, 20), 0)
    eq(req.sendfile(path, 0, 0), 0)
    eq(req.sendfile(pathlib.Path(path), len=1), 1)
    eq(raises(FileNotFoundError, req.sendfile, '/no/such/file').filename, '/no/such/file')
    raises(IsADirectoryError, req.sendfile, req.document_root())
    raises(ValueError, req.sendfile, path, -1)
    raises(TypeError, req.sendfile, 5)
    eq(req._bytes_queued, 24)
def large(req):
    eq(req.sendfile(os.path.join(req.document_root(), 'large.bin'), 1), 2999999)
",
        );
        served.site.write("ten.txt", "0123456789");
        let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        served.site.write("large.bin", &large);
        assert_eq!(served.get("/page").ok(), "<0123456789>234456789890");
        let response = served.get("/large");
        assert_eq!(response.status, 200);
        assert!(response.body == large[1..], "{} bytes differ", response.body.len());
    }
}
