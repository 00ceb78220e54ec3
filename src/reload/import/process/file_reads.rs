//! The files and directories that bodies read while they run, and those that modules declare.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::python::audit::{self, Access, Auditor};
use crate::python::stdlib;
use crate::reload::application::Application;
use crate::reload::application::registry::is_installation;
use crate::reload::import::bodies;
use crate::reload::import::caller::{calling_code, nearest_managed};
use crate::reload::module::managed::Managed;
use reload_core::files::dependency::{Dependency, FileMark, Mark};
use reload_core::files::fingerprint::Hash;

struct BodyAuditor;

/// Installs the audit hook: bodies get a dependency for each file that they read.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>) -> PyResult<()> {
    audit::install(py, &BodyAuditor)
}

impl Auditor for BodyAuditor {
    fn listens(&self) -> bool {
        bodies::is_in_body()
    }

    fn access(&self, py: Python<'_>, access: Access) {
        let Some(body) = bodies::reading_body() else { return };
        let Some(application) = body.application.get::<Application>() else { return };
        // The body does not account for what the engine reads here.
        let _quiet = bodies::leave_body();
        let dependency = match access {
            Access::Write(path) => return body.note_written(&path),
            Access::Read(path) if application.archives().root_of(&path).is_some() || is_bytecode(&path) => return,
            Access::Read(path) => Dependency::File(path),
            Access::List(_) if is_import(py, &["<frozen zipimport>", "<frozen importlib"]) || is_glob(py) => return,
            Access::List(path) => Dependency::Listing(path),
            Access::Match(path) => Dependency::Matches(path),
        };
        if counts(&application, &dependency) {
            note_dependency(py, &application, &body, dependency);
        }
    }
}

/// Adds a dependency to a module, with its present state. The directories are followed before anything is read.
fn note_dependency(py: Python<'_>, application: &Application, module: &Managed, dependency: Dependency) {
    if application.key.autoreload && module.is_new_read(&dependency) {
        let mark = py.detach(|| application.mark(&module.name, &dependency));
        module.note_read(dependency, mark);
    }
}

/// The running body has read a file of which this was the content.
pub(in crate::reload) fn note_content(path: &Path, hash: Hash) {
    if let Some(body) = bodies::reading_body() {
        if let Some(application) = body.application.get::<Application>() {
            application.follow_file(&body.name, path);
        }
        body.note_read(Dependency::File(path.to_owned()), Mark::One(FileMark::Content(hash)));
    }
}

/// The calling module depends on the content of these files, directories and patterns, relative to its own directory. Code that
/// is not managed has nothing to declare them for.
///
/// # Errors
/// `ValueError` for too many files, and for files that the kernel makes up.
pub fn declare(py: Python<'_>, paths: &[PathBuf]) -> PyResult<()> {
    let Some(module) = nearest_managed(py) else { return Ok(()) };
    let Some(application) = module.application.get::<Application>() else { return Ok(()) };
    let _quiet = bodies::leave_body();
    let directory = match module.origin.file() {
        Some(file) => file.parent().map(Path::to_owned),
        None => module.origin.directories().into_iter().next(),
    };
    let directory = directory.unwrap_or_default();
    for path in paths.iter().filter_map(|path| audit::absolute(&directory.join(path))) {
        // An archive is one dependency, whatever member is named.
        let path = application.archives().root_of(&path).unwrap_or(path);
        let refuse = |why: &str| {
            let text =
                format!("depends_on: {} {why}: name a directory or pattern of the application's own", path.display());
            PyValueError::new_err(text)
        };
        if is_kernel(&path) {
            return Err(refuse("is made up by the kernel and no file that changes"));
        }
        let dependency = Dependency::Contents(path.clone());
        if py.detach(|| dependency.is_too_large()) {
            return Err(refuse("stands for too many files to look at"));
        }
        note_dependency(py, &application, &module, dependency);
    }
    Ok(())
}

fn is_kernel(path: &Path) -> bool {
    ["/proc", "/sys", "/dev"].iter().any(|d| path.starts_with(d)) && !path.starts_with("/dev/shm")
}

/// Whether a path may be a dependency. The kernel's files, the standard library and installed packages are none.
fn counts(application: &Application, dependency: &Dependency) -> bool {
    let (Dependency::File(path) | Dependency::Listing(path) | Dependency::Matches(path) | Dependency::Contents(path)) =
        dependency;
    if application.manages(path) {
        return true;
    }
    !is_kernel(path) && !stdlib::holds(path) && !is_installation(path)
}

fn is_bytecode(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "pyc" || e == "pyo")
        || path.components().any(|c| c.as_os_str() == "__pycache__")
}

/// A running body, in the hands of the threads that it starts.
#[pyclass(frozen, module = "_apache", name = "body")]
pub struct Reader(Weak<Managed>);

impl Reader {
    /// The body for which this thread reads.
    pub fn of_thread() -> Option<Self> {
        bodies::reading_body().map(|body| Self(Arc::downgrade(&body)))
    }
}

#[pymethods]
impl Reader {
    /// Call a function. What the function reads counts for the body, until the body has run to its end.
    fn run<'py>(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let _helping = bodies::help(self.0.clone());
        function.call0()
    }
}

/// Whether the running code belongs to one of these files of Python's import system, which look for modules.
fn is_import(py: Python<'_>, files: &[&str]) -> bool {
    let file: Option<String> =
        calling_code(py).and_then(|code| code.getattr("co_filename").ok()).and_then(|file| file.extract().ok());
    file.is_some_and(|file| files.iter().any(|f| file.starts_with(f)))
}

/// Whether the module glob lists a directory for a pattern that it has announced already.
fn is_glob(py: Python<'_>) -> bool {
    let text = |name: &str| -> Option<String> { calling_code(py)?.getattr(name).ok()?.extract().ok() };
    text("co_name").is_some_and(|name| name == "_iterdir")
        && text("co_filename").is_some_and(|f| f.ends_with("/glob.py"))
}
