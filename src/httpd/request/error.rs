//! Why something that httpd or APR was asked for failed.

use std::ffi::CStr;

use crate::httpd::sys;

/// The client has gone, or a filter refused the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteFailed;

/// Why a file was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendFailed {
    /// It cannot be opened or is no regular file; APR's status, which is an errno.
    File(AprError),
    /// The client has gone.
    Client,
}

/// An APR status that is not success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AprError(pub sys::apr_status_t);

impl AprError {
    /// APR's own words for the status.
    pub fn message(self) -> String {
        let mut buffer = [0_u8; 200];
        // SAFETY: apr_strerror writes at most the given size, NUL included, and returns the buffer.
        let text = unsafe { CStr::from_ptr(sys::apr_strerror(self.0, buffer.as_mut_ptr().cast(), buffer.len())) };
        text.to_string_lossy().into_owned()
    }
}
