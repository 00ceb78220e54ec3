//! The body of a request.

use std::ffi::c_int;

use crate::httpd::request::{AprError, RequestRec};
use crate::httpd::sys;

impl RequestRec {
    /// Makes the body readable, dechunking it. Returns whether there is one.
    ///
    /// # Errors
    /// The HTTP status to answer with when the request cannot have such a body.
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

    /// Reads from the body into the buffer: what is there, or with `fill` as much as fits; 0 at the end. The second part tells
    /// that the end was seen.
    pub fn read_body(self, buffer: &mut [u8], fill: bool) -> Result<(usize, bool), AprError> {
        let mut at_end: c_int = 0;
        let mut status: sys::apr_status_t = 0;
        // SAFETY: the buffer is writable for its length; the record is live.
        let count = unsafe {
            sys::mpr_read_body(
                self.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                c_int::from(fill),
                &raw mut at_end,
                &raw mut status,
            )
        };
        usize::try_from(count).map(|n| (n, at_end != 0)).map_err(|_| AprError(status))
    }

    /// Reads and forgets what is left of the body; 0 or an HTTP status.
    pub fn discard_body(self) -> c_int {
        // SAFETY: the record is live.
        unsafe { sys::ap_discard_request_body(self.as_ptr()) }
    }

    /// Closes the connection after this response.
    pub fn close_connection(self) {
        // SAFETY: the connection of a live request is live, and the request's thread is the connection's.
        unsafe { (*self.raw().connection).keepalive = sys::ap_conn_keepalive_e_AP_CONN_CLOSE }
    }
}
