//! Fields of the record that a handler may change.
//!
//! Each is written through the record's address. A `&mut` of the record could not be had: httpd keeps pointers to it, and so do
//! other copies of [`RequestRec`].

use std::ffi::c_int;

use crate::httpd::request::RequestRec;
use crate::httpd::sys;

/// Makes a method for each field that holds a number.
macro_rules! numbers {
    ($($(#[$doc:meta])* $method:ident: $field:ident,)*) => {
        impl RequestRec {
            $($(#[$doc])*
            pub fn $method(self, value: c_int) {
                // SAFETY: the record is live, only this thread works on it, and no reference to it is held over the write.
                unsafe { (*self.as_ptr()).$field = value }
            })*
        }
    };
}

/// Makes a method for each field that holds a string, which is copied into the request's pool.
macro_rules! strings {
    ($($(#[$doc:meta])* $method:ident: $field:ident,)*) => {
        impl RequestRec {
            $($(#[$doc])*
            pub fn $method(self, value: &[u8]) {
                let value = self.pool().bytes(value);
                // SAFETY: as for the numbers.
                unsafe { (*self.as_ptr()).$field = value }
            })*
        }
    };
}

numbers! {
    /// Sets whether the request is one of HTTP/0.9, which has no headers.
    set_assbackwards: assbackwards,
    /// Sets whether the response is sent in chunks.
    set_chunked: chunked,
    /// Sets whether the response must not be kept by caches.
    set_no_cache: no_cache,
    /// Sets whether there is no copy of the response at the client that could be validated.
    set_no_local_copy: no_local_copy,
    /// Sets how the request is a proxy request, one of `PROXYREQ_*`.
    set_proxyreq: proxyreq,
    /// Sets the status of the response.
    set_status: status,
    /// Sets whether `path_info` may be rejected or accepted, one of `AP_REQ_*_PATH_INFO`.
    set_used_path_info: used_path_info,
}

strings! {
    /// Sets how the client authenticated.
    set_auth_type: ap_auth_type,
    /// Sets the query string, still encoded.
    set_args: args,
    /// Sets the file's name with the case that its directory has.
    set_canonical_filename: canonical_filename,
    /// Sets the file that the URI is mapped to.
    set_filename: filename,
    /// Sets the name of the handler.
    set_handler: handler,
    /// Sets what follows the file in the URI.
    set_path_info: path_info,
    /// Sets the status line of the response.
    set_status_line: status_line,
    /// Sets the path of the URI.
    set_uri: uri,
    /// Sets who the client has proved to be.
    set_user: user,
}

impl RequestRec {
    /// Takes the query string away.
    pub fn clear_args(self) {
        // SAFETY: as for the numbers.
        unsafe { (*self.as_ptr()).args = std::ptr::null_mut() }
    }

    /// Takes the name of the handler away.
    pub fn clear_handler(self) {
        // SAFETY: as for the numbers.
        unsafe { (*self.as_ptr()).handler = std::ptr::null() }
    }

    /// Sets what is known about the request's file; both names are copied into the request's pool.
    pub fn set_file_record(self, record: &sys::apr_finfo_t, fname: Option<&[u8]>, name: Option<&[u8]>) {
        let pool = self.pool();
        let copied = |text: Option<&[u8]>| text.map_or(std::ptr::null(), |text| pool.bytes(text).cast_const());
        let mut record = *record;
        record.pool = pool.as_ptr();
        record.filehand = std::ptr::null_mut();
        record.fname = copied(fname);
        record.name = copied(name);
        // SAFETY: as for the numbers.
        unsafe { (*self.as_ptr()).finfo = record }
    }
}
