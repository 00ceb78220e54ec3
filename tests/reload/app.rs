//! An application whose modules record that they ran, and whose handler shows the record.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
};

use crate::support::{Builder, Connection, Httpd, Mpm, Response, Save, Site, wait_for};

/// The last line of a module: it records that the body has run to its end.
const RECORD: &str = "import sys as _sys; _sys.__dict__.setdefault('_runs', []).append(__name__)";

/// The end of `h.py`. A response has the process id, the bodies that ran in this process and the value. A request for
/// `/hold/PORT` takes the value, waits at the [`Gate`] and takes the value once more.
const HANDLER: &str = "
import os as _os, socket as _socket, sys as _sys
from mod_python import apache as _apache

def handler(req):
    value = str(_value())
    if req.uri.startswith('/hold/'):
        port = int(req.uri.rsplit('/', 1)[1])
        with _socket.create_connection(('127.0.0.1', port), 60) as gate:
            gate.recv(1)
        value += ' then ' + str(_value())
    req.content_type = 'text/plain'
    req.write('%d\\n%s\\n%s' % (_os.getpid(), ' '.join(_sys._runs), value))
    return _apache.OK
";

/// A call that neither a signal nor an exception ends, until the handler's `wake` does.
pub const HANG: &str = "
import ctypes, sys
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
sys.__dict__.setdefault('_hung', []).append(mutex)
libc.pthread_mutex_lock(mutex)
libc.pthread_mutex_lock(mutex)
";

/// A module with this body.
pub fn module(body: &str) -> String {
    format!("{body}\n{RECORD}\n")
}

/// The body of a handler's module: the statements in `head`, and a handler that shows the value of `expression`.
pub fn handler(head: &str, expression: &str) -> String {
    format!("{head}\ndef _value():\n    return {expression}\n{HANDLER}")
}

/// A site with the handler `h` in its root, and the httpd that serves it.
pub struct App {
    /// The files.
    pub site: Site,
    /// The server.
    pub httpd: Httpd,
}

impl App {
    /// Serves modules, given as path and body, by one child.
    pub fn start(mpm: Mpm, modules: &[(&str, &str)]) -> Self {
        Self::start_with(Httpd::builder(mpm), modules)
    }

    /// Serves modules by as many children as it takes to answer while one request is held.
    pub fn start_for_two(mpm: Mpm, modules: &[(&str, &str)]) -> Self {
        let children = if mpm.threaded() { 1 } else { 2 };
        Self::start_with(Httpd::builder(mpm).children(children), modules)
    }

    /// Serves modules by an httpd of the test's own making.
    pub fn start_with(builder: Builder, modules: &[(&str, &str)]) -> Self {
        Self::start_configured(builder, "", modules)
    }

    /// The same with more lines in the site's `<Directory>`.
    pub fn start_configured(builder: Builder, conf: &str, modules: &[(&str, &str)]) -> Self {
        let site = Site::new();
        for (path, body) in modules {
            site.write(path, module(body));
        }
        Self::serve(builder, site, conf)
    }

    /// Serves the handler `h` of a site that the test has written, with these lines in the site's `<Directory>`.
    pub fn serve(builder: Builder, site: Site, conf: &str) -> Self {
        let conf = format!("SetHandler mod_python\nPythonHandler h\n{conf}");
        let httpd = builder.site(&site, &conf).start();
        Self { site, httpd }
    }

    /// Saves a module with this body in place.
    pub fn edit(&self, path: &str, body: &str) {
        self.save(Save::InPlace, path, body);
    }

    /// Saves a module with this body.
    pub fn save(&self, how: Save, path: &str, body: &str) {
        self.site.save(how, path, module(body));
    }

    /// Asks the handler of the root directory; panics where it does not answer 200.
    #[track_caller]
    pub fn ask(&self) -> Answer {
        self.ask_at("/")
    }

    /// Asks for a target; panics where the answer is not a 200.
    #[track_caller]
    pub fn ask_at(&self, target: &str) -> Answer {
        Answer::of(&self.httpd.get(target))
    }

    /// Asks and expects this value.
    #[track_caller]
    pub fn expect(&self, value: &str) -> Answer {
        let answer = self.ask();
        assert_eq!(answer.value, value);
        answer
    }

    /// Saves one module after the other, and expects this value after each edit. A row is path, body and value.
    #[track_caller]
    pub fn edit_gives(&self, edits: &[(&str, &str, &str)]) {
        for (path, body, value) in edits {
            self.edit(path, body);
            assert_eq!(self.ask().value, *value, "after the edit of {path} to {body:?}");
        }
    }

    /// Saves one module after the other, and expects that each edit leads to this value and that exactly these bodies run for
    /// it, in this order. A row is path, body, value and names. `before` is the last answer; the result is the one after the
    /// last edit.
    #[track_caller]
    pub fn edit_runs(&self, before: &Answer, edits: &[EditRuns<'_>]) -> Answer {
        self.edit_and_compare(before, edits, |after, before| after.runs_after(before))
    }

    /// [`App::edit_runs`] for bodies whose order is free: the rows have the names in alphabetical order.
    #[track_caller]
    pub fn edit_runs_in_any_order(&self, before: &Answer, edits: &[EditRuns<'_>]) -> Answer {
        self.edit_and_compare(before, edits, |after, before| after.sorted_runs_after(before))
    }

    #[track_caller]
    fn edit_and_compare(
        &self,
        before: &Answer,
        edits: &[EditRuns<'_>],
        compare: impl for<'a> Fn(&'a Answer, &Answer) -> Vec<&'a str>,
    ) -> Answer {
        let mut last = before.clone();
        for (path, body, value, runs) in edits {
            self.edit(path, body);
            let answer = self.ask();
            assert_eq!(answer.value, *value, "after the edit of {path} to {body:?}");
            assert_eq!(compare(&answer, &last), *runs, "after the edit of {path} to {body:?}");
            last = answer;
        }
        last
    }

    /// Expects this number of failed reloads in the error log since the start.
    #[track_caller]
    pub fn expect_failures(&self, count: usize) {
        let failures = self.failures();
        assert_eq!(failures.len(), count, "{failures:#?}");
    }

    /// The reports of failed reloads in the error log.
    pub fn failures(&self) -> Vec<String> {
        self.httpd.log_lines("reload failed")
    }
}

/// A row of [`App::edit_runs`]: the path and the body of the edited module, the handler's value, and the bodies that run.
pub type EditRuns<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

/// A response of [`handler`].
#[derive(Clone, Debug)]
pub struct Answer {
    /// The process that answered.
    pub pid: i32,
    /// The names of the bodies that have run in that process, in the order in which they ended.
    pub runs: Vec<String>,
    /// The value of the handler's expression.
    pub value: String,
}

impl Answer {
    /// Reads an answer; panics where the response is not a 200 of [`handler`].
    #[track_caller]
    pub fn of(response: &Response) -> Self {
        let mut parts = response.ok().splitn(3, '\n');
        let mut part = || parts.next().expect("an answer has three parts");
        Self {
            pid: part().parse().expect("an answer begins with a process id"),
            runs: part().split_whitespace().map(str::to_owned).collect(),
            value: part().to_owned(),
        }
    }

    /// The bodies that ran between an earlier answer of the same process and this one.
    #[track_caller]
    pub fn runs_after(&self, earlier: &Self) -> Vec<&str> {
        assert_eq!(self.pid, earlier.pid, "both answers must come from one process");
        let (before, after) = self.runs.split_at(earlier.runs.len());
        assert_eq!(before, earlier.runs, "the record only grows");
        after.iter().map(String::as_str).collect()
    }

    /// [`Answer::runs_after`] in alphabetical order, for bodies whose order is free.
    #[track_caller]
    pub fn sorted_runs_after(&self, earlier: &Self) -> Vec<&str> {
        let mut runs = self.runs_after(earlier);
        runs.sort_unstable();
        runs
    }
}

/// A place where Python code waits until the test opens it.
pub struct Gate {
    listener: TcpListener,
    waiting: Vec<std::net::TcpStream>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the gate");
        listener.set_nonblocking(true).expect("accepting does not block");
        Self { listener, waiting: Vec::new() }
    }

    /// The Python statements that wait at this gate.
    pub fn wait_statement(&self) -> String {
        let port = self.port();
        format!("import socket\nwith socket.create_connection(('127.0.0.1', {port}), 60) as g:\n    g.recv(1)")
    }

    /// The Python statements that come to this gate and go on at once.
    pub fn arrive_statement(&self) -> String {
        format!("import socket\nsocket.create_connection(('127.0.0.1', {}), 60).close()", self.port())
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("a bound socket has an address").port()
    }

    /// Returns when one more piece of code has come to the gate.
    pub fn arrival(&mut self) {
        let stream = wait_for("code to come to the gate", || match self.listener.accept() {
            Ok((stream, _)) => Some(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("the gate is broken: {error}"),
        });
        self.waiting.push(stream);
    }
}

/// A request that is held inside its handler until the test lets it go on.
pub struct Held {
    connection: Connection,
    gate: Gate,
}

impl Held {
    /// Sends a request to the application's handler, and returns when it has taken its first value.
    pub fn start(app: &App) -> Self {
        let mut gate = Gate::new();
        let mut connection = app.httpd.connect();
        let target = format!("/hold/{}", gate.port());
        connection.send_request("GET", &target, &[("Connection", "close")], None).expect("the request is sent");
        gate.arrival();
        Self { connection, gate }
    }

    /// Lets the request go on, and reads its answer.
    pub fn finish(mut self) -> Answer {
        drop(self.gate);
        Answer::of(&self.connection.read_response(false).expect("the held request answers"))
    }
}
