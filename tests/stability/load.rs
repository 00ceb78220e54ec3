//! Start, stop and both kinds of restart while requests keep coming.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crate::support::{Builder, Connection, Httpd, Mpm, Response, Served, group_members, mpm_tests, wait_for};

const CODE: &str = "
import socket
def fine(req):
    req.write('passed by %d' % os.getpid(), 0)
def hold(req):
    with socket.create_connection(('127.0.0.1', int(req.args)), 60) as gate:
        gate.recv(1)
    req.write('held to the end', 0)
";

/// How many clients ask at the same time.
const CLIENTS: usize = 6;

fn builder(mpm: Mpm) -> Builder {
    if mpm.threaded() { Httpd::builder(mpm).children(2).threads(8) } else { Httpd::builder(mpm).children(4) }
}

/// A request of its own connection, so that it never meets a connection that httpd closes between two requests.
fn ask(port: u16) -> std::io::Result<Response> {
    Connection::open(port)?.request("GET", "/fine", &[("Connection", "close")], None)
}

/// Runs `work` while clients ask without a pause, and returns how many requests they made. Every one must be answered.
fn under_load(port: u16, work: impl FnOnce(&AtomicUsize)) -> usize {
    let finished = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    while !finished.load(Ordering::Relaxed) {
                        match ask(port) {
                            Ok(response) => assert!(response.ok().starts_with("passed by ")),
                            Err(error) => panic!("a request was lost: {error}"),
                        }
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        // The clients stop also where the work fails.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let end = End(&finished);
        work(&answered);
        drop(end);
        for client in clients {
            client.join().expect("no request was lost");
        }
    });
    answered.into_inner()
}

/// Requests that wait inside their handlers.
struct Held {
    connections: Vec<Connection>,
    gates: Vec<std::net::TcpStream>,
}

impl Held {
    fn start(httpd: &Httpd, count: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the gates");
        let port = listener.local_addr().expect("an address").port();
        let mut connections = Vec::new();
        let mut gates = Vec::new();
        for _ in 0..count {
            let mut connection = httpd.connect();
            connection.send_request("GET", &format!("/hold?{port}"), &[("Connection", "close")], None).expect("sent");
            connections.push(connection);
            gates.push(listener.accept().expect("the handler comes to its gate").0);
        }
        Self { connections, gates }
    }

    /// Opens the gates and expects all answers.
    fn finish(self) {
        drop(self.gates);
        for mut connection in self.connections {
            assert_eq!(connection.read_response(false).expect("an answer").ok(), "held to the end");
        }
    }
}

mpm_tests! {
    [prefork, worker, event]
    fn graceful_restarts_lose_no_request(mpm) {
        let mut served = Served::start_with(builder(mpm), "", CODE);
        let port = served.httpd.port();
        let first = served.httpd.child_pids();
        let requests = under_load(port, |answered| {
            for _ in 0..5 {
                let before = answered.load(Ordering::Relaxed);
                served.httpd.graceful();
                wait_for("requests after the restart", || {
                    (answered.load(Ordering::Relaxed) > before + CLIENTS).then_some(())
                });
            }
        });
        assert!(requests > 5 * CLIENTS);
        wait_for("the first children to be gone", || {
            served.httpd.child_pids().iter().all(|pid| !first.contains(pid)).then_some(())
        });
    }

    [prefork, worker, event]
    fn a_graceful_restart_waits_for_requests_in_their_handlers(mpm) {
        let mut served = Served::start_with(builder(mpm), "", CODE);
        let held = Held::start(&served.httpd, 2);
        served.httpd.graceful();
        assert!(served.get("/fine").ok().starts_with("passed by "));
        held.finish();
    }

    [prefork, worker, event]
    fn a_graceful_stop_waits_for_requests_in_their_handlers(mpm) {
        let mut served = Served::start_with(builder(mpm), "", CODE);
        let parent = served.httpd.parent_pid();
        let held = Held::start(&served.httpd, 3);
        served.httpd.signal(libc::SIGWINCH);
        wait_for("httpd to close its port", || Connection::open(served.httpd.port()).is_err().then_some(()));
        held.finish();
        wait_for("httpd to end", || served.httpd.has_exited().then_some(()));
        assert!(served.httpd.stop().success());
        assert_eq!(group_members(parent), []);
    }

    [prefork, worker, event]
    fn a_stop_ends_requests_in_their_handlers_and_leaves_no_process(mpm) {
        let mut served = Served::start_with(builder(mpm), "", CODE);
        let parent = served.httpd.parent_pid();
        let held = Held::start(&served.httpd, 3);
        assert!(served.httpd.stop().success());
        assert_eq!(group_members(parent), []);
        for mut connection in held.connections {
            assert!(connection.read_response(false).is_err(), "a request outlived its server");
        }
    }

    [prefork, worker, event]
    fn a_restart_at_once_leaves_no_old_process(mpm) {
        let served = Served::start_with(builder(mpm), "", CODE);
        for _ in 0..3 {
            let before = served.httpd.child_pids();
            let held = Held::start(&served.httpd, 2);
            served.httpd.signal(libc::SIGHUP);
            wait_for("new children in place of all old ones", || {
                let now = served.httpd.child_pids();
                (now.len() == before.len() && now.iter().all(|pid| !before.contains(pid))).then_some(())
            });
            drop(held);
            assert!(served.get("/fine").ok().starts_with("passed by "));
        }
    }

    [prefork, worker, event]
    fn starting_and_stopping_again_and_again(mpm) {
        for _ in 0..5 {
            let mut served = Served::start_with(builder(mpm), "", CODE);
            let parent = served.httpd.parent_pid();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    let port = served.httpd.port();
                    thread::spawn(move || ask(port))
                })
                .collect();
            for client in clients {
                let response = client.join().expect("no panic").expect("an answer");
                assert!(response.ok().starts_with("passed by "));
            }
            assert!(served.httpd.stop().success());
            assert_eq!(group_members(parent), []);
        }
    }
}
