//! httpd's wildcards and regular expressions, so that a pattern means what it means in httpd's own sections.

use std::ffi::{CStr, CString};

use crate::httpd::sys;

/// Whether a path matches wildcards as in `<Directory>`: `*` and `?` match no slash.
pub fn matches_wildcards(pattern: &CStr, path: &str) -> bool {
    let Ok(path) = CString::new(path) else { return false };
    // SAFETY: both strings end in NUL.
    unsafe { sys::apr_fnmatch(pattern.as_ptr(), path.as_ptr(), sys::APR_FNM_PATHNAME.cast_signed()) == 0 }
}

/// A compiled regular expression as in `<DirectoryMatch>`.
pub struct Regex(sys::ap_regex_t);

impl Regex {
    /// Compiles an expression; `None` for one that is none.
    pub fn new(pattern: &str) -> Option<Self> {
        let pattern = CString::new(pattern).ok()?;
        // SAFETY: an all-zero ap_regex_t is what ap_regcomp expects to fill in.
        let mut regex: sys::ap_regex_t = unsafe { std::mem::zeroed() };
        // SAFETY: the record is ours and the pattern ends in NUL.
        (unsafe { sys::ap_regcomp(&raw mut regex, pattern.as_ptr(), 0) } == 0).then_some(Self(regex))
    }

    /// Whether the expression matches anywhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the expression is compiled, the text ends in NUL, no groups are asked for.
        unsafe { sys::ap_regexec(&raw const self.0, text.as_ptr(), 0, std::ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled in `new`, freed once.
        unsafe { sys::ap_regfree(&raw mut self.0) }
    }
}
