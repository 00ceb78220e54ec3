//! The source of a module: its file read and compiled.

use std::path::Path;
use std::sync::Arc;

use pyo3::exceptions::{PyImportError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::reload::application::Application;
use crate::reload::code::CodeSummary;
use crate::reload::module::compiler::CompiledCode;
use crate::reload::module::origin::Origin;
use crate::reload::module::source::Source;
use reload_core::files::fingerprint::{self, Content};

/// Compiles the content of a module's file.
///
/// # Errors
/// What the compiler of the origin raises.
pub(in crate::reload) fn compile(py: Python<'_>, origin: &Origin, content: &Content) -> PyResult<Arc<Source>> {
    let Some(file) = origin.file() else { return Ok(namespace_source(origin)) };
    let bytes = PyBytes::new(py, &content.bytes);
    let CompiledCode { code, summary } = origin.compiler().compile(file, &bytes)?;
    let text = PyList::new(py, [&bytes])?.unbind();
    Ok(Arc::new(Source::new(content.hash, content.bytes.clone(), Some(code), summary, Some(text))))
}

/// The source of a module as it is on disk now.
///
/// # Errors
/// `OSError` when the file cannot be read; what the compiler raises.
pub(in crate::reload) fn read_and_compile(
    py: Python<'_>,
    application: &Application,
    origin: &Origin,
) -> PyResult<Arc<Source>> {
    let Some(file) = origin.file() else { return Ok(namespace_source(origin)) };
    let content = py.detach(|| application.read_written(file)).map_err(|e| unreadable(file, &e))?;
    compile(py, origin, &content)
}

/// The exception for a file that cannot be read.
pub(in crate::reload) fn unreadable(file: &Path, error: &std::io::Error) -> PyErr {
    // A file that must not be read raises what the system would raise, so that code which tries imports does not swallow it.
    let refused = (error.kind() == std::io::ErrorKind::PermissionDenied).then_some(libc::EACCES);
    match error.raw_os_error().or(refused) {
        Some(number) => PyOSError::new_err((number, error.to_string(), file.display().to_string())),
        None => PyImportError::new_err(format!("{}: {error}", file.display())),
    }
}

/// The source of a namespace package, which is its list of directories.
pub(in crate::reload) fn namespace_source(origin: &Origin) -> Arc<Source> {
    let text: String = origin.directories().iter().map(|d| format!("{}\n", d.display())).collect();
    Arc::new(Source::new(fingerprint::hash_of(&text), Arc::from(&[][..]), None, CodeSummary::default(), None))
}
