//! What Python code does with files, by one audit hook of the process.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use os::guard;

unsafe extern "C" {
    fn PySys_AddAuditHook(
        hook: unsafe extern "C" fn(*const c_char, *mut ffi::PyObject, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

/// Something that is going to happen to a file or directory. Paths are absolute.
#[derive(Debug)]
pub enum Access {
    /// A file is opened for reading only.
    Read(PathBuf),
    /// A directory is listed.
    List(PathBuf),
    /// A pattern is looked for.
    Match(PathBuf),
    /// A file is written, made, moved or removed.
    Write(PathBuf),
}

/// Who wants to hear of it.
pub trait Auditor: Send + Sync {
    /// Whether this thread's accesses matter now. Called for every audit event of the process.
    fn listens(&self) -> bool;
    /// An access is about to happen; `listens` has answered yes.
    fn access(&self, py: Python<'_>, access: Access);
}

/// Where Linux shows what the process's file descriptors are.
const DESCRIPTORS: &str = "/proc/self/fd";

static AUDITOR: OnceLock<&'static dyn Auditor> = OnceLock::new();

/// Tells the auditor of accesses from now on. A hook can not be removed again.
///
/// # Errors
/// What another audit hook raises against it.
pub fn install(py: Python<'_>, auditor: &'static dyn Auditor) -> PyResult<()> {
    if AUDITOR.set(auditor).is_err() {
        return Ok(());
    }
    // SAFETY: attached; the function is there as long as the process, as the module is never unmapped.
    let result = unsafe { PySys_AddAuditHook(hook, std::ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(PyErr::take(py).unwrap_or_else(|| PyRuntimeError::new_err("no audit hook"))) }
}

unsafe extern "C" fn hook(event: *const c_char, arguments: *mut ffi::PyObject, _: *mut c_void) -> c_int {
    // This comes first and cannot panic: all of Python's events pass here.
    let Some(auditor) = AUDITOR.get().filter(|auditor| auditor.listens()) else { return 0 };
    guard("the audit hook", 0, || {
        // SAFETY: CPython passes a text that ends in NUL.
        let event = unsafe { CStr::from_ptr(event) };
        // SAFETY: Python raises events only attached, once it is initialised.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: CPython passes a tuple, which it keeps until the hook returns.
        let arguments = unsafe { Bound::from_borrowed_ptr_or_opt(py, arguments) };
        let tuple = arguments.as_ref().and_then(|a| a.cast::<PyTuple>().ok());
        if let Some(tuple) = tuple {
            for access in accesses(event.to_bytes(), tuple) {
                auditor.access(py, access);
            }
        }
        0
    })
}

fn accesses(event: &[u8], arguments: &Bound<'_, PyTuple>) -> Vec<Access> {
    if event == b"open" {
        return paths_opened(arguments).map(|path| opened(path, arguments)).collect();
    }
    let path = |index: usize| arguments.get_item(index).ok().and_then(|value| path_of(&value));
    let found = match event {
        b"os.listdir" | b"os.scandir" => [list(arguments).map(Access::List), None],
        b"glob.glob" if !has_root_dir(arguments.py()) => [pattern(arguments, None).map(Access::Match), None],
        b"glob.glob/2" => [pattern(arguments, path(2)).map(Access::Match), None],
        b"os.rename" => [path(0).map(Access::Write), path(1).map(Access::Write)],
        b"os.link" | b"os.symlink" => [path(1).map(Access::Write), None],
        b"os.remove" | b"os.truncate" | b"os.mkdir" | b"os.rmdir" => [path(0).map(Access::Write), None],
        _ => [None, None],
    };
    found.into_iter().flatten().collect()
}

/// What may be opened. `os.open`, which tells no mode, may mean a path relative to an open directory, and does not tell which.
fn paths_opened(arguments: &Bound<'_, PyTuple>) -> impl Iterator<Item = PathBuf> {
    let path = arguments.get_item(0).ok().and_then(|value| raw_path(&value));
    let has_no_mode = arguments.get_item(1).is_ok_and(|mode| mode.is_none());
    let relative = path.as_deref().filter(|path| has_no_mode && path.is_relative()).map(Path::to_owned);
    let in_directory =
        relative.into_iter().flat_map(|path| open_directories().map(move |d| d.join(&path)).filter(|p| p.exists()));
    path.and_then(|path| absolute(&path)).into_iter().chain(in_directory)
}

/// The directories for which this process has a file descriptor.
fn open_directories() -> impl Iterator<Item = PathBuf> {
    let descriptors = std::fs::read_dir(DESCRIPTORS).into_iter().flatten().flatten();
    descriptors.filter_map(|entry| entry.path().read_link().ok()).filter(|path| path.is_absolute() && path.is_dir())
}

fn opened(path: PathBuf, arguments: &Bound<'_, PyTuple>) -> Access {
    let flags: c_int = arguments.get_item(2).and_then(|flags| flags.extract()).unwrap_or(libc::O_RDONLY);
    let writes = flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0;
    if writes { Access::Write(path) } else { Access::Read(path) }
}

/// Without an argument it is the working directory.
fn list(arguments: &Bound<'_, PyTuple>) -> Option<PathBuf> {
    let directory = arguments.get_item(0).ok()?;
    if directory.is_none() {
        std::env::current_dir().ok()
    } else if let Ok(descriptor) = directory.extract::<c_int>() {
        Path::new(DESCRIPTORS).join(descriptor.to_string()).read_link().ok()
    } else {
        path_of(&directory)
    }
}

fn pattern(arguments: &Bound<'_, PyTuple>, root: Option<PathBuf>) -> Option<PathBuf> {
    let pattern = raw_path(&arguments.get_item(0).ok()?)?;
    let pattern = absolute(&root.unwrap_or_default().join(pattern))?;
    let is_recursive = arguments.get_item(1).and_then(|r| r.is_truthy()).unwrap_or(false);
    let parts = pattern.components().map(|part| part.as_os_str());
    Some(parts.map(|part| if part == "**" && !is_recursive { "*".as_ref() } else { part }).collect())
}

/// Since Python 3.10 each `glob.glob` is followed by an event that tells the root directory too.
fn has_root_dir(py: Python<'_>) -> bool {
    py.version_info() >= (3, 10)
}

/// The path that a value names; `None` for what names none, such as a file descriptor.
fn path_of(value: &Bound<'_, PyAny>) -> Option<PathBuf> {
    absolute(&raw_path(value)?)
}

fn raw_path(value: &Bound<'_, PyAny>) -> Option<PathBuf> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Some(std::ffi::OsString::from_vec(bytes.as_bytes().to_vec()).into());
    }
    value.extract().ok()
}

/// The path from the root on, spelled without dots that mean nothing.
pub fn absolute(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok()
}
