//! Clients that disconnect, are slow, or send and request a lot.

use crate::support::{Httpd, Mpm, Served, mpm_tests, wait_for};

const CODE: &str = "
import hashlib

def fine(req):
    passed(req)

def endless(req):
    try:
        while True:
            req.write('x' * 10000)
    except OSError as error:
        again = raises(OSError, req.write, 'y')
        raises(OSError, req.flush)
        apache.log_error('endless: %s, %s' % (error, again))

def unflushed(req):
    try:
        while True:
            req.write('x' * 10000, 0)
    except OSError as error:
        apache.log_error('unflushed: %s' % error)

def ignorant(req):
    try:
        while True:
            req.write('x' * 10000)
    finally:
        apache.log_error('ignorant: ended')

def file(req):
    try:
        while True:
            req.sendfile(os.path.join(req.document_root(), 'tested.py'))
    except OSError as error:
        apache.log_error('file: %s' % error)

def digest(req):
    state = hashlib.sha256()
    total = 0
    while True:
        piece = req.read(100000)
        if not piece:
            break
        total += len(piece)
        state.update(piece)
    req.write('%d %s' % (total, state.hexdigest()), 0)

def echo(req):
    req.write(req.read())

def big(req):
    for number in range(20):
        req.write(bytes([number]) * 1000000, 0)
";

/// Serves with enough children or threads for several clients.
fn serve(mpm: Mpm) -> Served {
    let children = if mpm.threaded() { 1 } else { 3 };
    Served::start_with(Httpd::builder(mpm).children(children), "", CODE)
}

/// Twenty million bytes whose order shows any block that is lost or swapped.
fn twenty_megabytes() -> Vec<u8> {
    let mut state = 1_u32;
    (0..20_000_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

mpm_tests! {
    [prefork, worker, event]
    fn a_client_that_goes_away(mpm) {
        let served = serve(mpm);
        let children = served.httpd.child_pids();
        for name in ["endless", "unflushed", "ignorant", "file"] {
            let mut connection = served.connect();
            connection.send_request("GET", &format!("/{name}"), &[], None).expect("sent");
            connection.read_head().expect("a head");
            drop(connection);
            wait_for("the handler to notice", || {
                (!served.httpd.log_lines(&format!("{name}: ")).is_empty()).then_some(())
            });
            served.check("/fine");
        }
        let failed = "Write failed, client closed connection.";
        for line in [format!("endless: {failed}, {failed}"), format!("unflushed: {failed}"), format!("file: {failed}")]
        {
            assert_eq!(served.httpd.log_lines(&line).len(), 1, "{line} in {}", served.httpd.log());
        }
        assert_eq!(served.httpd.child_pids(), children);
    }

    [prefork, worker, event]
    fn large_bodies_both_ways(mpm) {
        let served = serve(mpm);
        let body = twenty_megabytes();
        let digest = served.post("/digest", &body);
        assert!(digest.ok().starts_with("20000000 "), "{}", digest.text());
        let echo = served.post("/echo", &body);
        assert_eq!(echo.status, 200);
        assert!(echo.body == body, "{} bytes came back changed", echo.body.len());
        let big = served.get("/big");
        assert_eq!(big.body.len(), 20_000_000);
        assert!(big.body.chunks(1_000_000).zip(0_u8..).all(|(chunk, number)| chunk.iter().all(|byte| *byte == number)));
    }

    [prefork, worker, event]
    fn a_client_that_does_not_read_holds_nobody_up(mpm) {
        let served = serve(mpm);
        let mut slow = served.connect();
        slow.send_request("GET", "/big", &[], None).expect("sent");
        let mut response = slow.read_head().expect("a head");
        // The rest exceeds the sockets' buffers, so the handler waits in the middle of its write.
        for _ in 0..20 {
            served.check("/fine");
        }
        loop {
            let chunk = slow.read_chunk().expect("a chunk");
            if chunk.is_empty() {
                break;
            }
            response.body.extend_from_slice(&chunk);
            if response.body.len().is_multiple_of(5) {
                served.check("/fine");
            }
        }
        assert_eq!(response.body.len(), 20_000_000);
    }

    [prefork, worker, event]
    fn a_client_that_sends_slowly_holds_nobody_up(mpm) {
        let served = serve(mpm);
        let mut slow = served.connect();
        let request = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nhello, httpd";
        for byte in request {
            slow.send(&[*byte]).expect("sent");
            if byte.is_ascii_lowercase() {
                served.check("/fine");
            }
        }
        assert_eq!(slow.read_response(false).expect("an answer").ok(), "hello, httpd");
    }

    [prefork, worker, event]
    fn a_client_that_goes_away_in_the_middle_of_its_body(mpm) {
        let served = serve(mpm);
        let children = served.httpd.child_pids();
        for _ in 0..5 {
            let mut connection = served.connect();
            connection
                .send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nthe beginning")
                .expect("sent");
            drop(connection);
            served.check("/fine");
        }
        wait_for("the handlers to notice", || (served.httpd.log_lines("Client read error").len() >= 5).then_some(()));
        assert_eq!(served.httpd.child_pids(), children);
    }
}
