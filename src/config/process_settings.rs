//! What is decided once for the process, before Python starts: `PythonHome` and `PythonOptimize`.

use std::path::{Path, PathBuf};

use os::Mutex;

/// The process's Python, as configured.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// `PythonHome`: a virtual environment or an installation.
    pub home: Option<PathBuf>,
    /// `PythonOptimize`.
    pub optimize: bool,
}

static PROCESS: Mutex<Process> = Mutex::new(Process { home: None, optimize: false });

/// Changes what is configured.
pub fn update(change: impl FnOnce(&mut Process)) {
    change(&mut PROCESS.lock());
}

/// Forgets everything: the configuration is about to be read (again).
pub fn reset() {
    update(|process| *process = Process::default());
}

/// What is configured now.
pub fn current() -> Process {
    PROCESS.lock().clone()
}

/// The `X.Y` that the module was built for.
pub fn python_version() -> &'static str {
    env!("MPR_PYTHON_VERSION")
}

/// Checks that `home` is a virtual environment or an installation of the right Python.
///
/// # Errors
/// A sentence that says what is wrong and what would be right.
pub fn check(home: &Path) -> Result<(), String> {
    let shown = home.display();
    let version = python_version();
    if !home.is_absolute() {
        return Err(format!(
            "`{shown}` is not an absolute path: it takes the directory of a virtual environment or of a Python installation"
        ));
    }
    if !home.is_dir() {
        return Err(format!(
            "`{shown}` is not a directory: make one with `python{version} -m venv {shown}`, or name one that is there"
        ));
    }
    let library = home.join("lib").join(format!("python{version}"));
    let config = home.join("pyvenv.cfg");
    if config.is_file() {
        if library.join("site-packages").is_dir() {
            return Ok(());
        }
        return Err(format!(
            "`{shown}` is a virtual environment of another Python ({}), but this module was built for Python {version}: \
             make the environment with python{version}, or build the module with `make PYTHON={shown}/bin/python3`",
            environment_version(&config)
        ));
    }
    if library.join("os.py").is_file() || library.join("encodings").is_dir() {
        return Ok(());
    }
    Err(format!(
        "`{shown}` is neither a virtual environment (no pyvenv.cfg) nor an installation of Python {version} (no lib/python{version}): \
         make an environment with `python{version} -m venv {shown}`, or name the directory that holds lib/python{version}"
    ))
}

fn environment_version(config: &Path) -> String {
    std::fs::read_to_string(config)
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            let (key, value) = line.split_once('=')?;
            key.trim().starts_with("version").then(|| value.trim().to_owned())
        })
        .unwrap_or_else(|| "of unknown version".to_owned())
}
