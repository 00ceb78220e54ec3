//! What is sent as the response, and through which filters.

use std::ffi::{CStr, c_int};

use crate::httpd::request::{AprError, RequestRec, SendFailed, WriteFailed};
use crate::httpd::sys;

impl RequestRec {
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

    /// Sends `length` bytes of a file (negative: all up to its end), never more than it has; returns the bytes sent.
    pub fn send_file(self, path: &CStr, offset: i64, length: i64) -> Result<usize, SendFailed> {
        let mut sent = 0;
        let mut opened: c_int = 0;
        // SAFETY: the record is live, the path ends in NUL.
        let status =
            unsafe { sys::mpr_send_file(self.as_ptr(), path.as_ptr(), offset, length, &raw mut opened, &raw mut sent) };
        match (status, opened) {
            (0, _) => Ok(sent),
            (_, 0) => Err(SendFailed::File(AprError(status))),
            _ => Err(SendFailed::Client),
        }
    }

    /// Runs another request of this server in place of the rest of this one.
    pub fn internal_redirect(self, uri: &[u8]) {
        // SAFETY: the record is live; the URI is copied into the pool that both requests share.
        unsafe { sys::ap_internal_redirect(self.pool().bytes(uri), self.as_ptr()) }
    }

    /// Adds an output filter by name; httpd logs a name that it does not know.
    pub fn add_output_filter(self, name: &[u8]) {
        // SAFETY: the record is live, the name is in its pool.
        unsafe {
            let name = self.pool().bytes(name);
            sys::ap_add_output_filter(name, std::ptr::null_mut(), self.as_ptr(), self.raw().connection);
        }
    }

    /// Adds an input filter by name; httpd logs a name that it does not know.
    pub fn add_input_filter(self, name: &[u8]) {
        // SAFETY: as above.
        unsafe {
            let name = self.pool().bytes(name);
            sys::ap_add_input_filter(name, std::ptr::null_mut(), self.as_ptr(), self.raw().connection);
        }
    }
}
