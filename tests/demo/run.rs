//! `scripts/run.py` as a process.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use crate::support::{
    Connection, DEADLINE, Mpm, Response, Site, children_of, free_port, python_module, signal, wait_for,
};

/// The directory of the sources.
pub fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A run of the script, stopped as by Ctrl-C when dropped.
pub struct Run {
    process: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    port: u16,
}

impl Run {
    /// Runs a script and returns when it has printed the site's address.
    pub fn start(script: &Path, mpm: Mpm, more: &[&str]) -> Self {
        let python = env::var_os("PYO3_PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
        let mut command = Command::new(python);
        command.arg("-B").arg(script).arg("--module").arg(python_module()).args(["--mpm", mpm.name()]).args(more);
        // By default every run would use the same port.
        command.arg("--port").arg(free_port().to_string());
        if let Some(apxs) = env::var_os("APXS") {
            command.arg("--apxs").arg(apxs);
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("the script runs");
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let errors = BufReader::new(process.stderr.take().expect("a pipe"));
        follow(output, sender.clone());
        follow(errors, sender);
        let mut run = Self { process, lines, said: Vec::new(), port: 0 };
        let address = run.wait_for_line("Open http://127.0.0.1:");
        let digits = address.rsplit(':').next().unwrap_or_default().trim_end_matches('/');
        run.port = digits.parse().expect("the address ends with a port");
        run
    }

    /// Waits for a line that contains `text`.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("no {text:?} in {:#?}", self.said));
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// All its output.
    pub fn said(&mut self) -> &[String] {
        self.said.extend(self.lines.try_iter());
        &self.said
    }

    /// The site's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a `GET`.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target, &[], None)
    }

    /// Sends a request on a connection of its own.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Response {
        let mut all = vec![("Connection", "close")];
        all.extend_from_slice(headers);
        let mut connection = Connection::open(self.port).expect("httpd takes a connection");
        connection.request(method, target, &all, body).unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    /// All processes of the run, its own included.
    pub fn processes(&self) -> Vec<i32> {
        let mut all = vec![i32::try_from(self.process.id()).expect("a pid fits its type")];
        let mut next = 0;
        while let Some(pid) = all.get(next) {
            all.extend(children_of(*pid));
            next += 1;
        }
        all
    }

    /// Sends a signal to the run and waits for its end.
    pub fn end_by(&mut self, number: i32) -> ExitStatus {
        signal(i32::try_from(self.process.id()).expect("a pid fits its type"), number).expect("it takes a signal");
        wait_for("the script to end", || self.process.try_wait().expect("it is our own child"))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = signal(i32::try_from(self.process.id()).unwrap_or_default().max(2), libc::SIGINT);
            let _ = self.process.wait();
        }
        if thread::panicking() {
            eprintln!("--- what the script said:\n{}", self.said().join("\n"));
        }
    }
}

fn follow(pipe: impl BufRead + Send + 'static, sender: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in pipe.split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
}

/// A copy of the script and the site, to be edited.
pub fn copy() -> (Site, PathBuf) {
    let site = Site::new();
    for directory in ["scripts", "apache-conf"] {
        copy_into(&site, &sources().join(directory), directory);
    }
    let script = site.path("scripts/run.py");
    (site, script)
}

fn copy_into(site: &Site, from: &Path, to: &str) {
    for entry in fs::read_dir(from).expect("a directory of the sources") {
        let entry = entry.expect("an entry of the directory");
        let name = entry.file_name().into_string().expect("a name of the sources is text");
        let path = format!("{to}/{name}");
        if name == "__pycache__" {
            continue;
        } else if entry.path().is_dir() {
            copy_into(site, &entry.path(), &path);
        } else {
            site.write(&path, fs::read(entry.path()).expect("a file of the sources"));
        }
    }
}
