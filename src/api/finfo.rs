//! `mp_finfo`: what is known about a file.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;

use pyo3::exceptions::{PyIndexError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::api::convert::refused;
use crate::api::text::to_str;
use crate::httpd::file::FileRecord;
use crate::httpd::lease::Leased;
use crate::httpd::text::text;
use crate::httpd::{RequestRec, sys};

/// The names in the order of their FINFO_* indices.
const FIELDS: [&str; 13] = [
    "protection",
    "inode",
    "device",
    "nlink",
    "user",
    "group",
    "size",
    "atime",
    "mtime",
    "ctime",
    "fname",
    "name",
    "filetype",
];

/// What `stat` found, and the path that it was asked for.
struct Owned {
    record: FileRecord,
    fname: CString,
}

enum StatSource {
    Request(Leased<sys::request_rec>),
    Owned(Box<Owned>),
}

/// What is known about a file: attributes, or a sequence in the order of the FINFO_* constants. What is not known is None.
///
/// Times are whole seconds since 1970, sizes bytes, protection is APR's (APR_FPROT_*). The one of a request is a live view and
/// raises RuntimeError after the request has ended.
#[pyclass(frozen, name = "mp_finfo", module = "_apache")]
pub struct FileInfo {
    source: StatSource,
}

/// A look at the record, for one attribute.
struct FileInfoView<'a> {
    record: &'a sys::apr_finfo_t,
    fname: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
}

impl FileInfo {
    /// A view of the file that a request was mapped to.
    pub fn of_request(record: Leased<sys::request_rec>) -> Self {
        Self { source: StatSource::Request(record) }
    }

    /// Asks the file system about `path`; `wanted` is a sum of APR_FINFO_*. A missing file is no error: its type is APR_NOFILE.
    ///
    /// # Errors
    /// `OSError` when the file system refuses an answer.
    pub fn stat(py: Python<'_>, path: &CStr, wanted: i32) -> PyResult<Self> {
        let record = py
            .detach(|| FileRecord::stat(path, wanted))
            .map_err(|error| PyOSError::new_err((error.0, error.message(), to_str(py, path.to_bytes()).unbind())))?;
        Ok(Self { source: StatSource::Owned(Box::new(Owned { record, fname: path.to_owned() })) })
    }

    /// Puts a copy into a request, with texts of its pool.
    ///
    /// # Errors
    /// `RuntimeError` when this is the view of a request that has ended.
    pub fn copy_to(&self, request: RequestRec) -> PyResult<()> {
        let view = self.view()?;
        request.set_file_record(view.record, view.fname, view.name);
        Ok(())
    }

    fn view(&self) -> PyResult<FileInfoView<'_>> {
        match &self.source {
            StatSource::Owned(owned) => {
                Ok(FileInfoView { record: owned.record.raw(), fname: Some(owned.fname.to_bytes()), name: None })
            }
            StatSource::Request(record) => {
                let record: NonNull<sys::request_rec> = record.get().map_err(|r| refused("request", r))?;
                // SAFETY: the lease says that the record is live and this thread's; its texts end in NUL.
                unsafe {
                    let record = &(*record.as_ptr()).finfo;
                    Ok(FileInfoView { record, fname: text(record.fname), name: text(record.name) })
                }
            }
        }
    }

    /// A field that is there when the bits of `needed` are.
    fn field<T>(&self, needed: u32, read: impl FnOnce(&sys::apr_finfo_t) -> T) -> PyResult<Option<T>> {
        let record = self.view()?.record;
        let there = record.filetype != sys::apr_filetype_e_APR_NOFILE && record.valid.cast_unsigned() & needed != 0;
        Ok(there.then(|| read(record)))
    }
}

fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

#[pymethods]
impl FileInfo {
    /// The file's path.
    #[getter]
    fn fname<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        Ok(self.view()?.fname.map(|text| to_str(py, text)))
    }

    /// One of APR_NOFILE, APR_REG, APR_DIR and so on.
    #[getter]
    fn filetype(&self) -> PyResult<u32> {
        Ok(self.view()?.record.filetype)
    }

    /// The APR_FINFO_* bits of what is known; None for a missing file.
    #[getter]
    fn valid(&self) -> PyResult<Option<i32>> {
        let record = self.view()?.record;
        Ok((record.filetype != sys::apr_filetype_e_APR_NOFILE).then_some(record.valid))
    }

    /// APR's access bits.
    #[getter]
    fn protection(&self) -> PyResult<Option<i32>> {
        self.field(sys::APR_FINFO_PROT, |r| r.protection)
    }

    /// The owner's number.
    #[getter]
    fn user(&self) -> PyResult<Option<u32>> {
        self.field(sys::APR_FINFO_USER, |r| r.user)
    }

    /// The group's number.
    #[getter]
    fn group(&self) -> PyResult<Option<u32>> {
        self.field(sys::APR_FINFO_GROUP, |r| r.group)
    }

    /// The inode.
    #[getter]
    fn inode(&self) -> PyResult<Option<u64>> {
        self.field(sys::APR_FINFO_INODE, |r| r.inode)
    }

    /// The device.
    #[getter]
    fn device(&self) -> PyResult<Option<u64>> {
        self.field(sys::APR_FINFO_DEV, |r| r.device)
    }

    /// How many names the file has.
    #[getter]
    fn nlink(&self) -> PyResult<Option<i32>> {
        self.field(sys::APR_FINFO_NLINK, |r| r.nlink)
    }

    /// Bytes.
    #[getter]
    fn size(&self) -> PyResult<Option<i64>> {
        self.field(sys::APR_FINFO_SIZE, |r| r.size)
    }

    /// The last access, seconds since 1970.
    #[getter]
    fn atime(&self) -> PyResult<Option<i64>> {
        self.field(sys::APR_FINFO_ATIME, |r| seconds(r.atime))
    }

    /// The last change of the content, seconds since 1970.
    #[getter]
    fn mtime(&self) -> PyResult<Option<i64>> {
        self.field(sys::APR_FINFO_MTIME, |r| seconds(r.mtime))
    }

    /// The last change of the inode, seconds since 1970.
    #[getter]
    fn ctime(&self) -> PyResult<Option<i64>> {
        self.field(sys::APR_FINFO_CTIME, |r| seconds(r.ctime))
    }

    /// The file's name as its directory has it.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        Ok(self.view()?.name.map(|text| to_str(py, text)))
    }

    fn __len__(&self) -> usize {
        FIELDS.len()
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        let length = FIELDS.len().cast_signed();
        let index = if index < 0 { index.saturating_add(length) } else { index };
        match usize::try_from(index).ok().and_then(|index| FIELDS.get(index)) {
            Some(field) => slf.as_any().getattr(*field),
            None => Err(PyIndexError::new_err("finfo index out of range")),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut parts = Vec::new();
        for field in [
            "fname",
            "filetype",
            "valid",
            "protection",
            "user",
            "group",
            "inode",
            "device",
            "nlink",
            "size",
            "atime",
            "mtime",
            "ctime",
            "name",
        ] {
            parts.push(format!("'{field}': {}", slf.as_any().getattr(field)?.repr()?.to_string_lossy()));
        }
        Ok(format!("{{{}}}", parts.join(", ")))
    }
}
