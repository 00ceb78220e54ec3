//! A running httpd.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    builder::Builder,
    client::{Connection, Response},
    installation::Mpm,
    process::{self, Pid},
    wait::{DEADLINE, wait_for},
};

/// The error log's name in the ServerRoot.
pub(super) const ERROR_LOG: &str = "error.log";
/// The file in the ServerRoot that holds what httpd writes to its standard output and error.
pub(super) const CONSOLE: &str = "console.log";
/// The pid file's name in the ServerRoot.
pub(super) const PID_FILE: &str = "httpd.pid";

/// How long the children may take to come to rest before httpd is stopped.
const SETTLING: Duration = Duration::from_millis(300);

/// How many lines of the error log a failing test shows.
const TAIL: usize = 80;

/// An httpd on a port of 127.0.0.1, stopped when dropped. Dropping it also fails the test if a child
/// died of a signal.
#[derive(Debug)]
pub struct Httpd {
    process: Child,
    status: Option<ExitStatus>,
    port: u16,
    server_root: PathBuf,
    killed: Mutex<Vec<Pid>>,
    _directory: TempDir,
}

impl Httpd {
    /// An httpd to be configured and started.
    pub fn builder(mpm: Mpm) -> Builder {
        Builder::new(mpm)
    }

    pub(super) fn new(process: Child, directory: TempDir, port: u16) -> Self {
        Self {
            process,
            status: None,
            port,
            server_root: directory.path().to_owned(),
            killed: Mutex::default(),
            _directory: directory,
        }
    }

    /// The port that httpd listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory with the configuration, the logs and the pid file.
    pub fn server_root(&self) -> &Path {
        &self.server_root
    }

    /// Opens a connection.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.port).expect("httpd takes a connection")
    }

    /// Sends a `GET` on a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target, &[], None)
    }

    /// Sends a request on a connection of its own.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Response {
        let mut all = vec![("Connection", "close")];
        all.extend_from_slice(headers);
        self.connect().request(method, target, &all, body).unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    /// The version of Python that the module was built for, as `(3, 9)`. httpd logs it when it has started its children.
    pub fn python_version(&self) -> (u32, u32) {
        let told = wait_for("the version of Python", || {
            let log = self.log();
            let (_, rest) = log.split_once(" Python/")?;
            Some(rest.split_once(' ')?.0.to_owned())
        });
        let (major, minor) = told.split_once('.').expect("two numbers");
        (major.parse().expect("a number"), minor.parse().expect("a number"))
    }

    /// The error log so far.
    pub fn log(&self) -> String {
        read_lossy(&self.server_root.join(ERROR_LOG))
    }

    /// The lines of the error log that contain `text`.
    pub fn log_lines(&self, text: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// What httpd wrote to its standard output and error, followed by the error log.
    pub fn output(&self) -> String {
        read_lossy(&self.server_root.join(CONSOLE)) + &self.log()
    }

    /// The process id of httpd's parent.
    pub fn parent_pid(&self) -> Pid {
        Pid::try_from(self.process.id()).expect("a pid fits its type")
    }

    /// The process ids of the living children, in ascending order.
    pub fn child_pids(&self) -> Vec<Pid> {
        process::children_of(self.parent_pid())
    }

    /// Kills a child, which is then no failure of the test. It may have ended before.
    pub fn kill_child(&self, pid: Pid) {
        self.killed.lock().expect("no test panics here").push(pid);
        let _ = process::signal(pid, libc::SIGKILL);
    }

    /// Restarts gracefully and waits until the parent serves again.
    /// Old children may still be finishing their requests.
    pub fn graceful(&mut self) {
        const RESUMED: &str = "resuming normal operations";
        let before = self.log_lines(RESUMED).len();
        self.signal(libc::SIGUSR1);
        wait_for("the graceful restart", || {
            assert!(!self.has_exited(), "httpd ended in a graceful restart");
            (self.log_lines(RESUMED).len() > before).then_some(())
        });
    }

    /// Stops at once and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.settle();
        self.end_by(libc::SIGTERM)
    }

    /// Stops when the requests in flight are served, and waits for the end.
    pub fn graceful_stop(&mut self) -> ExitStatus {
        self.end_by(libc::SIGWINCH)
    }

    /// Sends a signal to the parent.
    pub fn signal(&self, signal: i32) {
        process::signal(self.parent_pid(), signal).expect("the parent takes a signal");
    }

    /// Whether the parent has ended.
    pub fn has_exited(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.process.try_wait().expect("httpd is our own child");
        }
        self.status.is_some()
    }

    /// Waits until the children are idle, for a moment at most, as some handlers never rest.
    ///
    /// httpd's threaded MPMs close the workers' sockets when they are told to stop, and crash where a worker frees its
    /// connection in the same microsecond. A test that stops httpd right after its last response would meet this crash.
    fn settle(&self) {
        let children = self.child_pids();
        let asked = Instant::now();
        while !process::at_rest(&children) && asked.elapsed() < SETTLING {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn end_by(&mut self, signal: i32) -> ExitStatus {
        if !self.has_exited() {
            self.signal(signal);
            wait_for("httpd to end", || self.has_exited().then_some(()));
        }
        self.status.expect("the wait above ended with a status")
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the end of httpd's output:\n{}---", tail(&self.output()));
        }
        // Nothing here may panic before the processes are gone, as a panic may already be unwinding.
        let ended = |process: &mut Child| process.try_wait().is_ok_and(|status| status.is_some());
        if !ended(&mut self.process) {
            self.settle();
            let _ = process::signal(self.parent_pid(), libc::SIGTERM);
            let asked = Instant::now();
            while !ended(&mut self.process) {
                if asked.elapsed() > DEADLINE {
                    let _ = self.process.kill();
                    let _ = self.process.wait();
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        process::kill_group(self.parent_pid());
        if !thread::panicking() {
            let mut deaths = self.log_lines("exit signal");
            for pid in self.killed.get_mut().expect("no test panics with it") {
                let ours = format!("child pid {pid} exit signal Killed (9)");
                deaths.retain(|line| !line.contains(&ours));
            }
            assert!(deaths.is_empty(), "children died: {deaths:#?}");
        }
    }
}

/// A file's text, with U+FFFD for what is not UTF-8; empty where there is no such file.
pub(super) fn read_lossy(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(TAIL);
    lines[start..].iter().map(|line| format!("{line}\n")).collect()
}
