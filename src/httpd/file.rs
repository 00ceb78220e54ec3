//! What the file system says about a file, in APR's terms.

use std::ffi::CStr;

use crate::httpd::request::AprError;
use crate::httpd::sys;

/// Some of what was asked for is not known.
const INCOMPLETE: i32 = sys::APR_INCOMPLETE.cast_signed();

/// The attributes of a file: a record whose pointers are null.
pub struct FileRecord(sys::apr_finfo_t);

// SAFETY: the record holds numbers only, as its pointers are null, and it is never changed.
unsafe impl Send for FileRecord {}
// SAFETY: as above.
unsafe impl Sync for FileRecord {}

impl FileRecord {
    /// Asks the file system about `path`; `wanted` is a sum of `APR_FINFO_*`. A missing file is no error: its type is
    /// `APR_NOFILE`.
    ///
    /// # Errors
    /// What APR returns when the file system refuses an answer.
    pub fn stat(path: &CStr, wanted: i32) -> Result<Self, AprError> {
        // SAFETY: all-zero is a valid record: null pointers and numbers.
        let mut record: sys::apr_finfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pool is made and destroyed here; APR's pointers into it are taken out below.
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
        match status {
            0 | INCOMPLETE => Ok(Self(record)),
            libc::ENOENT => {
                record.filetype = sys::apr_filetype_e_APR_NOFILE;
                record.valid = 0;
                Ok(Self(record))
            }
            error => Err(AprError(error)),
        }
    }

    /// The record, whose pointers are null.
    pub fn raw(&self) -> &sys::apr_finfo_t {
        &self.0
    }
}
