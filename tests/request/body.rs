//! `read`, `readline`, `readlines` and `discard_request_body`, of bodies with a length and of chunked ones.

use crate::support::{Connection, Httpd, Response, Served, mpm_tests};

/// What the tests of one kind of reading send: short lines, empty ones, one longer than any buffer, no line feed at the end.
fn lines() -> Vec<u8> {
    let mut body = Vec::new();
    for number in 0..4000 {
        body.extend_from_slice(format!("line {number} {}\n", "x".repeat(number % 90)).as_bytes());
    }
    body.extend_from_slice(b"\n\n");
    body.extend_from_slice(&b"long ".repeat(50_000));
    body.extend_from_slice(b"\nthe end");
    body
}

/// The same bytes in the chunked coding, in pieces that end anywhere.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut rest = body;
    let mut size = 1;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        coded.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        coded.extend_from_slice(piece);
        coded.extend_from_slice(b"\r\n");
        rest = after;
        size = size * 3 % 20_011 + 1;
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}

/// Each function reads the whole body in its own way and sends it back.
const READERS: &str = "
def whole(req):
    req.write(req.read())
def mixed(req):
    parts = [req.read(3), req.read(0), req.readline(4), req.read(100000), req.readline(), req.readline(7), req.read(5)]
    eq(parts[1], b'')
    eq([len(parts[0]), len(parts[3]), len(parts[6])], [3, 100000, 5])
    parts.append(req.read(-1))
    eq((req.read(), req.read(10), req.readline(), req.readlines()), (b'', b'', b'', []))
    req.write(b''.join(parts))
def pieces(req):
    while True:
        piece = req.read(len=7777)
        if not piece:
            break
        req.write(piece, 0)
def by_line(req):
    while True:
        line = req.readline()
        if not line:
            break
        assert line.count(b'\\n') == (1 if line.endswith(b'\\n') else 0), line
        req.write(line, 0)
def by_short_line(req):
    while True:
        line = req.readline(len=50)
        if not line:
            break
        assert len(line) <= 50 and b'\\n' not in line[:-1], line
        req.write(line, 0)
def all_lines(req):
    lines = req.readlines()
    assert all(line.endswith(b'\\n') for line in lines[:-1])
    eq(lines[-1], b'the end')
    req.write(b''.join(lines))
def some_lines(req):
    lines = req.readlines(sizehint=1000)
    assert all(line.endswith(b'\\n') for line in lines), lines
    assert 1000 <= sum(map(len, lines)) < 1100, lines
    req.write(b''.join(lines))
    req.write(req.read())
";

#[track_caller]
fn assert_same(response: &Response, body: &[u8], what: &str) {
    assert_eq!(response.status, 200, "{what}: {}", String::from_utf8_lossy(&response.body));
    assert!(response.body == body, "{what}: {} bytes of {} differ", response.body.len(), body.len());
}

const NAMES: [&str; 7] = ["whole", "mixed", "pieces", "by_line", "by_short_line", "all_lines", "some_lines"];

mpm_tests! {
    [prefork, event]
    fn every_way_of_reading_loses_no_byte(mpm) {
        let served = Served::start(mpm, READERS);
        let body = lines();
        for name in NAMES {
            assert_same(&served.post(&format!("/{name}"), &body), &body, name);
        }
    }

    [prefork, event]
    fn chunked_bodies_are_read_like_others(mpm) {
        let served = Served::start(mpm, READERS);
        let body = lines();
        let coded = chunked(&body);
        // One connection: the next request begins where a body ends.
        let mut connection = served.connect();
        for name in NAMES {
            let headers = [("Transfer-Encoding", "chunked")];
            let response = connection.request("POST", &format!("/{name}"), &headers, Some(&coded));
            assert_same(&response.expect("an answer"), &body, name);
        }
    }

    [prefork, event]
    fn a_request_without_a_body_reads_as_empty(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq((req.read(), req.read(5), req.readline(), req.readline(5), req.readlines()), (b'', b'', b'', b'', []))
    eq(req.discard_request_body(), apache.OK)
    passed(req)
",
        );
        served.check("/page");
        assert_eq!(served.post("/page", b"").ok(), "passed");
    }

    [prefork, event]
    fn an_unread_body_does_not_become_the_next_request(mpm) {
        let served = Served::start(
            mpm,
            "
def ignore(req):
    passed(req)
def partly(req):
    eq(req.read(2), b'GE')
    passed(req)
def discard(req):
    eq(req.readline(), b'GET /nowhere HTTP/1.1\\r\\n')
    eq(req.discard_request_body(), apache.OK)
    eq(req.read(), b'')
    passed(req)
",
        );
        let mut connection = served.connect();
        for target in ["/ignore", "/partly", "/discard", "/ignore"] {
            let body = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
            let response = connection.request("POST", target, &[], Some(body)).expect("an answer");
            assert_eq!(response.ok(), "passed", "{target}");
        }
    }

    [prefork, event]
    fn a_body_that_comes_slowly_is_waited_for(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq(req.read(4), b'abcd')
    req.write('go on')
    eq(req.readline(), b'efgh\\n')
    req.write('done')
",
        );
        let mut connection = served.connect();
        connection.send(b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab").expect("sent");
        connection.send(b"cd").expect("sent");
        connection.read_head().expect("a head");
        assert_eq!(connection.read_chunk().expect("a chunk"), b"go on");
        connection.send(b"ef").expect("sent");
        connection.send(b"gh\n").expect("sent");
        assert_eq!(connection.read_chunk().expect("a chunk"), b"done");
    }

    [prefork, event]
    fn expect_100_is_answered_when_the_body_is_read(mpm) {
        let served = Served::start(
            mpm,
            "
def page(req):
    eq(req.expecting_100, 1)
    req.write(req.read())
def refuse(req):
    return apache.HTTP_FORBIDDEN
",
        );
        let mut connection = served.connect();
        let head = b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
        connection.send(head).expect("sent");
        assert_eq!(connection.read_interim().expect("an interim response"), 100);
        connection.send(b"body").expect("sent");
        assert_eq!(connection.read_response(false).expect("an answer").ok(), "body");
        drop(connection);

        let mut connection = served.connect();
        connection.send(&String::from_utf8_lossy(head).replace("page", "refuse").into_bytes()).expect("sent");
        assert_eq!(connection.read_response(false).expect("an answer").status, 403);
    }

    [prefork, event]
    fn a_body_that_breaks_off_raises(mpm) {
        let served = Served::start(
            mpm,
            "
def length(req):
    error = raises(OSError, req.read)
    raises(OSError, req.read)
    req.log_error('the reader got %s' % error)
",
        );
        let mut connection = served.connect();
        connection.send(b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc").expect("sent");
        connection.finish_sending().expect("the sending side closes");
        drop(connection);
        crate::support::wait_for("the reader to notice", || {
            served.httpd.log().contains("the reader got Client read error").then_some(())
        });
    }

    [prefork, event]
    fn a_body_that_httpd_refuses_is_the_clients_error(mpm) {
        let builder = Httpd::builder(mpm).conf("LimitRequestBody 1000");
        let served = Served::start_with(
            builder,
            "",
            "
def page(req):
    req.write(req.read())
",
        );
        assert_eq!(served.post("/page", &[b'x'; 1000]).body, [b'x'; 1000]);
        assert_eq!(served.post("/page", &[b'x'; 1001]).status, 413);
        let chunked = |body: &[u8]| {
            let mut connection: Connection = served.connect();
            let headers = [("Transfer-Encoding", "chunked"), ("Connection", "close")];
            connection.request("POST", "/page", &headers, Some(body)).expect("an answer").status
        };
        let large = [&b"3e9\r\n"[..], &[b'x'; 1001], b"\r\n0\r\n\r\n"].concat();
        assert_eq!(chunked(&large), 413);
        assert_eq!(chunked(b"3\r\nabc\r\n0\r\n\r\n"), 200);
        assert_eq!(chunked(b"no number\r\nabc\r\n0\r\n\r\n"), 400);
    }
}
