//! The header of the response.

use std::ffi::c_int;

use crate::httpd::request::RequestRec;
use crate::httpd::sys;
use crate::httpd::table::TableRef;

impl RequestRec {
    /// Sets a header that is sent with errors too.
    pub fn set_err_header(self, name: &[u8], value: &[u8]) {
        // SAFETY: the table of a live request is live and belongs to its thread.
        if let Some(table) = unsafe { TableRef::from_ptr(self.raw().err_headers_out) } {
            table.set(self.pool(), name, value);
        }
    }

    /// Sets the type of the response.
    pub fn set_content_type(self, value: &[u8]) {
        // SAFETY: the record is live, the text is in its pool.
        unsafe { sys::ap_set_content_type(self.as_ptr(), self.pool().bytes(value)) }
    }

    /// Sets the length of the response, in bytes, and its header.
    pub fn set_content_length(self, length: i64) {
        // SAFETY: the record is live.
        unsafe { sys::ap_set_content_length(self.as_ptr(), length) }
    }

    /// Adds a method to those that the Allow header tells.
    pub fn allow_method(self, name: &[u8]) {
        let list = self.raw().allowed_methods;
        if !list.is_null() {
            // SAFETY: the list belongs to the live request; httpd copies the name.
            unsafe {
                sys::ap_method_list_add(list, self.pool().bytes(name));
                // httpd keeps the names of methods that it does not know, and tells them only with this bit.
                if (*list).method_list.as_ref().is_some_and(|names| names.nelts > 0) {
                    (*list).method_mask |= 1 << sys::M_INVALID;
                }
            }
        }
    }

    /// Forgets the methods that the Allow header would tell.
    pub fn clear_allowed_methods(self) {
        let list = self.raw().allowed_methods;
        if !list.is_null() {
            // SAFETY: the list belongs to the live request.
            unsafe { sys::ap_clear_method_list(list) }
        }
    }

    /// Moves the resource's time of change forward to `micros` since 1970, if that is later.
    pub fn update_mtime(self, micros: i64) {
        // SAFETY: the record is live.
        unsafe { sys::ap_update_mtime(self.as_ptr(), micros) }
    }

    /// Sets Last-Modified from the resource's time of change.
    pub fn set_last_modified(self) {
        // SAFETY: the record is live.
        unsafe { sys::ap_set_last_modified(self.as_ptr()) }
    }

    /// Sets ETag from the resource's file and time of change.
    pub fn set_etag(self) {
        // SAFETY: the record is live.
        unsafe { sys::ap_set_etag(self.as_ptr()) }
    }

    /// Compares the conditional headers with the response's: 0, 304 or 412.
    pub fn meets_conditions(self) -> c_int {
        // SAFETY: the record is live.
        unsafe { sys::ap_meets_conditions(self.as_ptr()) }
    }
}
