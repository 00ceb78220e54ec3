//! httpd's strings: NUL-terminated bytes in no particular encoding.

use std::ffi::{CStr, c_char};

use crate::httpd::sys;

/// The bytes of a C string, without its NUL; `None` for a null pointer.
///
/// # Safety
/// `text` is null, or NUL-terminated and alive and unchanged for `'a`.
pub unsafe fn text<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The strings of an array; a null array has none. Entries that are null are left out.
///
/// # Safety
/// `array` is null or a live array of strings for which the contract of [`text`] holds.
pub unsafe fn texts<'a>(array: *const sys::apr_array_header_t) -> impl Iterator<Item = &'a [u8]> {
    let entries: &[*const c_char] = if array.is_null() {
        &[]
    } else {
        // SAFETY: promised by the caller; APR keeps `nelts` elements at `elts`.
        unsafe {
            let count = usize::try_from((*array).nelts).unwrap_or(0);
            if count == 0 || (*array).elts.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts((*array).elts.cast(), count)
            }
        }
    };
    // SAFETY: promised by the caller.
    entries.iter().filter_map(|entry| unsafe { text(*entry) })
}
