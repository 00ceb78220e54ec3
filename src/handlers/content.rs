//! The content handler: `PythonHandler`.

use std::ffi::c_int;

use crate::httpd::{RequestRec, sys};

/// Answers a request, or declines it.
pub fn handle(request: RequestRec) -> c_int {
    if !matches!(request.handler(), Some(b"mod_python" | b"python-program")) {
        return sys::DECLINED;
    }
    sys::DECLINED
}
