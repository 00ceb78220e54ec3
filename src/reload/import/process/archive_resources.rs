//! What the loader of a module in an archive reads from that archive.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::reload::application::Application;
use crate::reload::application::parts::archives::Archive;
use crate::reload::import::process::file_reads;

/// The archive that a module came from, in the hands of its loader.
#[pyclass(frozen, module = "_apache", name = "archive")]
pub(in crate::reload) struct ArchiveHandle {
    application: Weak<Application>,
    root: PathBuf,
}

impl ArchiveHandle {
    /// The archive that a module's file lies in, if it does in one.
    pub fn of(application: &Application, file: &Path) -> Option<Self> {
        let root = application.archives().root_of(file)?;
        Some(Self { application: application.weak(), root })
    }
}

#[pymethods]
impl ArchiveHandle {
    /// The archive's file.
    #[getter]
    fn path(&self) -> &OsStr {
        self.root.as_os_str()
    }

    /// The archive as it is now: like a file beside a module, it may be newer than the module. The body that runs depends on it.
    fn snapshot(&self) -> Option<ArchiveBytes> {
        let archive = self.application.upgrade()?.archives().archive_of(&self.root)?;
        file_reads::note_content(&archive.path, archive.content.hash);
        Some(ArchiveBytes(archive))
    }
}

/// An archive's bytes.
#[pyclass(frozen, module = "_apache", name = "archive_snapshot")]
pub(in crate::reload) struct ArchiveBytes(Arc<Archive>);

#[pymethods]
impl ArchiveBytes {
    /// What tells one snapshot from another.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.content.hash)
    }

    /// The bytes.
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.content.bytes)
    }
}
