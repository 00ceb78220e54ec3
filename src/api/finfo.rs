//! `mp_finfo`: what is known about a file.

use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;

use pyo3::exceptions::{PyIndexError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::api::leased::refused;
use crate::api::text::to_str;
use crate::httpd::lease::Leased;
use crate::httpd::request::AprError;
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

/// Texts and numbers of an owned record.
struct Owned {
    record: sys::apr_finfo_t,
    fname: Option<CString>,
    name: Option<CString>,
}

// SAFETY: the record is a copy whose pointers were taken out; it is never changed.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

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
    fname: Option<&'a CStr>,
    name: Option<&'a CStr>,
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
        let (status, record) = py.detach(|| {
            // SAFETY: all-zero is a valid record: null pointers and numbers.
            let mut record: sys::apr_finfo_t = unsafe { std::mem::zeroed() };
            // SAFETY: a pool of our own, gone before the record is used: only numbers of it are.
            let status = unsafe {
                let mut pool = std::ptr::null_mut();
                match sys::apr_pool_create_ex(&raw mut pool, std::ptr::null_mut(), None, std::ptr::null_mut()) {
                    0 => {
                        let status = sys::apr_stat(&raw mut record, path.as_ptr(), wanted, pool);
                        sys::apr_pool_destroy(pool);
                        status
                    }
                    status => status,
                }
            };
            record.pool = std::ptr::null_mut();
            record.fname = std::ptr::null();
            record.name = std::ptr::null();
            record.filehand = std::ptr::null_mut();
            (status, Numbers(record))
        });
        let mut record = record.0;
        match status {
            0 | INCOMPLETE => {}
            libc::ENOENT => {
                record.filetype = sys::apr_filetype_e_APR_NOFILE;
                record.valid = 0;
            }
            error => {
                let shown = to_str(py, path.to_bytes()).unbind();
                return Err(PyOSError::new_err((error, AprError(error).message(), shown)));
            }
        }
        Ok(Self { source: StatSource::Owned(Box::new(Owned { record, fname: Some(path.to_owned()), name: None })) })
    }

    /// Puts a copy into a request, with texts of its pool.
    ///
    /// # Errors
    /// `RuntimeError` when this is the view of a request that has ended.
    pub fn copy_to(&self, request: RequestRec) -> PyResult<()> {
        let view = self.view()?;
        let pool = request.pool();
        let copied = |text: Option<&CStr>| text.map_or(std::ptr::null(), |t| pool.bytes(t.to_bytes()).cast_const());
        let mut record = *view.record;
        record.pool = pool.as_ptr();
        record.filehand = std::ptr::null_mut();
        record.fname = copied(view.fname);
        record.name = copied(view.name);
        request.raw_mut().finfo = record;
        Ok(())
    }

    fn view(&self) -> PyResult<FileInfoView<'_>> {
        match &self.source {
            StatSource::Owned(owned) => {
                Ok(FileInfoView { record: &owned.record, fname: owned.fname.as_deref(), name: owned.name.as_deref() })
            }
            StatSource::Request(record) => {
                let record: NonNull<sys::request_rec> = record.get().map_err(|r| refused("request", r))?;
                // SAFETY: the lease says that the record is live and this thread's; its texts end in NUL.
                unsafe {
                    let record = &(*record.as_ptr()).finfo;
                    Ok(FileInfoView { record, fname: c_text(record.fname), name: c_text(record.name) })
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

/// The parts of the file that could be told are there.
const INCOMPLETE: i32 = sys::APR_INCOMPLETE.cast_signed();

/// A record without pointers.
struct Numbers(sys::apr_finfo_t);

// SAFETY: plain numbers; the pointers are null.
unsafe impl Send for Numbers {}

/// # Safety
/// `text` is null or a NUL-terminated string that lives while the result is used.
unsafe fn c_text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

#[pymethods]
impl FileInfo {
    /// The file's path.
    #[getter]
    fn fname<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        Ok(self.view()?.fname.map(|text| to_str(py, text.to_bytes())))
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
        Ok(self.view()?.name.map(|text| to_str(py, text.to_bytes())))
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
