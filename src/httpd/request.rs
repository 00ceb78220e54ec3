//! `request_rec`: one request, its output and its body.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use super::{Pool, ServerRec, sys};

/// A live request on the thread that works on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestRec(NonNull<sys::request_rec>);

/// The client has gone, or a filter refused the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteFailed;

/// An APR status that is not success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AprError(pub sys::apr_status_t);

impl AprError {
    /// APR's own words for the status.
    pub fn message(self) -> String {
        let mut buffer = [0_u8; 200];
        // SAFETY: apr_strerror writes at most the given size, NUL included, and returns the buffer.
        let text = unsafe {
            CStr::from_ptr(sys::apr_strerror(self.0, buffer.as_mut_ptr().cast(), buffer.len()))
        };
        text.to_string_lossy().into_owned()
    }
}

impl RequestRec {
    /// # Safety
    /// `request` is live while the value is used, and only the calling thread works on it.
    pub unsafe fn from_ptr(request: *mut sys::request_rec) -> Self {
        Self(NonNull::new(request).expect("httpd hands over requests that exist"))
    }

    /// The raw record.
    pub fn as_ptr(self) -> *mut sys::request_rec {
        self.0.as_ptr()
    }

    /// The record, to be read.
    pub fn raw(&self) -> &sys::request_rec {
        // SAFETY: live by the contract of `from_ptr`.
        unsafe { self.0.as_ref() }
    }

    /// The record, to be changed. The borrow must not be held over a call into httpd.
    #[allow(clippy::mut_from_ref)]
    pub fn raw_mut(&self) -> &mut sys::request_rec {
        // SAFETY: live, and only this thread works on it.
        unsafe { &mut *self.0.as_ptr() }
    }

    /// The request's pool.
    pub fn pool(self) -> Pool {
        // SAFETY: the pool of a live request is live and belongs to its thread.
        unsafe { Pool::from_ptr(self.raw().pool) }
    }

    /// The server that answers.
    pub fn server(self) -> ServerRec {
        // SAFETY: a request's server is never null.
        unsafe { ServerRec::from_ptr(self.raw().server) }.expect("a request has a server")
    }

    /// The request that this one is a subrequest of.
    pub fn main(self) -> Option<Self> {
        NonNull::new(self.raw().main).map(Self)
    }

    /// The request that was internally redirected to this one.
    pub fn prev(self) -> Option<Self> {
        NonNull::new(self.raw().prev).map(Self)
    }

    /// The bytes of a C string of the record.
    pub fn bytes(&self, text: *const c_char) -> Option<&[u8]> {
        if text.is_null() {
            return None;
        }
        // SAFETY: httpd's strings are NUL-terminated and live as long as the request's pool.
        Some(unsafe { CStr::from_ptr(text) }.to_bytes())
    }

    /// What `SetHandler` or a type map chose.
    pub fn handler(&self) -> Option<&[u8]> {
        self.bytes(self.raw().handler)
    }

    /// The file that the URI was mapped to.
    pub fn filename(&self) -> Option<&[u8]> {
        self.bytes(self.raw().filename)
    }

    /// Hands bytes to the output filters, which may buffer them.
    pub fn write(self, mut data: &[u8]) -> Result<(), WriteFailed> {
        while !data.is_empty() {
            let part = c_int::try_from(data.len()).unwrap_or(c_int::MAX);
            // SAFETY: the record is live; ap_rwrite reads `part` bytes.
            if unsafe { sys::ap_rwrite(data.as_ptr().cast(), part, self.as_ptr()) } < 0 {
                return Err(WriteFailed);
            }
            data = &data[usize::try_from(part).unwrap_or(data.len())..];
        }
        Ok(())
    }

    /// Sends everything that was written so far, headers first.
    pub fn flush(self) -> Result<(), WriteFailed> {
        // SAFETY: the record is live.
        if unsafe { sys::ap_rflush(self.as_ptr()) } < 0 { Err(WriteFailed) } else { Ok(()) }
    }

    /// Makes the body readable, dechunking it; an HTTP status when the request cannot have one like this.
    pub fn setup_body(self) -> Result<bool, c_int> {
        // SAFETY: the record is live.
        unsafe {
            let status = sys::ap_setup_client_block(self.as_ptr(), sys::REQUEST_CHUNKED_DECHUNK.cast_signed());
            if status != 0 {
                return Err(status);
            }
            Ok(sys::ap_should_client_block(self.as_ptr()) != 0)
        }
    }

    /// Reads at most the buffer's size from the body; 0 at the end. The second part tells that the end was seen.
    pub fn read_body(self, buffer: &mut [u8]) -> Result<(usize, bool), AprError> {
        let mut at_end: c_int = 0;
        let mut status: sys::apr_status_t = 0;
        // SAFETY: the buffer is writable for its length; the record is live.
        let count = unsafe {
            sys::mpr_read_body(self.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len(), &raw mut at_end, &raw mut status)
        };
        usize::try_from(count).map(|n| (n, at_end != 0)).map_err(|_| AprError(status))
    }

    /// Sends a part of a file; returns the bytes sent.
    pub fn send_file(self, path: &CStr, offset: i64, length: i64) -> Result<usize, AprError> {
        let mut sent = 0;
        // SAFETY: the record is live, the path ends in NUL.
        let status = unsafe { sys::mpr_send_file(self.as_ptr(), path.as_ptr(), offset, length, &raw mut sent) };
        if status == 0 { Ok(sent) } else { Err(AprError(status)) }
    }
}
