//! What a fresh interpreter answers.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::PoisonError,
};

use crate::support::FORKS;

/// A process that answers for a tree what a newly started interpreter would answer.
pub struct Fresh {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Fresh {
    /// Starts the process with these directories on the search path.
    pub fn start(directories: &[PathBuf]) -> Self {
        let python = env::var("PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned());
        let mut command = Command::new(&python);
        command.args(["-I", "-B", "-c", include_str!("fresh.py")]).args(directories);
        let alone = FORKS.write().unwrap_or_else(PoisonError::into_inner);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{python} does not run: {error}"));
        drop(alone);
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        Self { process, input, output }
    }

    /// Asks about the tree as it is now. `changed` are the files that have changed since the last call.
    pub fn ask(&mut self, changed: &[PathBuf]) {
        let mut line = changed.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\t");
        line.push('\n');
        self.input
            .as_mut()
            .expect("it is open until the end")
            .write_all(line.as_bytes())
            .expect("Python reads the line");
    }

    /// The answer.
    pub fn answer(&mut self) -> String {
        let mut length = String::new();
        self.output.read_line(&mut length).expect("Python answers");
        let mut bytes = vec![0; length.trim().parse().expect("an answer begins with its length")];
        self.output.read_exact(&mut bytes).expect("Python answers whole");
        String::from_utf8(bytes).expect("an answer is UTF-8")
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // The process ends at the end of its input.
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
