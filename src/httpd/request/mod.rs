//! `request_rec`: one request.
//!
//! Promises: a [`RequestRec`] is a live record that only this thread works on, and a field is written through its address. Does not
//! know what the module keeps for a request, but for the slot that it is in.

mod body;
mod error;
mod fields;
mod output;
mod response;

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use crate::httpd::connection;
use crate::httpd::pool::Pool;
use crate::httpd::server::ServerRec;
use crate::httpd::sys;
use crate::httpd::table::TableRef;
use crate::httpd::text::{text, texts};

pub use crate::httpd::request::error::{AprError, SendFailed, WriteFailed};

/// A live request on the thread that works on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestRec(NonNull<sys::request_rec>);

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

    /// One of the record's strings.
    pub fn text(&self, field: fn(&sys::request_rec) -> *const c_char) -> Option<&[u8]> {
        // SAFETY: the strings of a live request are null or NUL-terminated, and live as long as its pool.
        unsafe { text(field(self.raw())) }
    }

    /// One of the record's arrays of strings.
    pub fn texts(&self, field: fn(&sys::request_rec) -> *const sys::apr_array_header_t) -> impl Iterator<Item = &[u8]> {
        // SAFETY: the arrays of a live request are null or hold strings as above.
        unsafe { texts(field(self.raw())) }
    }

    /// A string that httpd's functions return for this request.
    fn answer(&self, answer: *const c_char) -> Option<&[u8]> {
        // SAFETY: they return null or a NUL-terminated string of the request's pool or of the configuration.
        unsafe { text(answer) }
    }

    /// The request's pool.
    pub fn pool(self) -> Pool {
        // SAFETY: the pool of a live request is live and belongs to its thread.
        unsafe { Pool::from_ptr(self.raw().pool) }
    }

    /// The server, or virtual host, of the request.
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

    /// The request that this one was internally redirected to.
    pub fn next(self) -> Option<Self> {
        NonNull::new(self.raw().next).map(Self)
    }

    /// The id that ties the request's log lines together; httpd makes it when it is first asked for.
    pub fn error_id(self) -> String {
        let record = self.as_ptr();
        // SAFETY: the record and its connection are live; the hook keeps the id in the request's pool.
        unsafe {
            if (*record).log_id.is_null() {
                sys::ap_run_generate_log_id((*record).connection, record, &raw mut (*record).log_id);
            }
        }
        self.text(|r| r.log_id).map_or_else(|| "-".to_owned(), |id| String::from_utf8_lossy(id).into_owned())
    }

    /// Whether the client has closed the connection.
    pub fn is_aborted(self) -> bool {
        // SAFETY: the connection of a live request is live.
        connection::is_aborted(unsafe { &*self.raw().connection })
    }

    /// The first value of a header of the request.
    pub fn header_in(&self, name: &[u8]) -> Option<&[u8]> {
        // SAFETY: the table of a live request is live, and so are its strings as long as the request's pool.
        let table = unsafe { TableRef::from_ptr(self.raw().headers_in) }?;
        let value = table.get(name)?;
        // SAFETY: the bytes lie in the pool, not in the copy of the reference.
        Some(unsafe { std::slice::from_raw_parts(value.as_ptr(), value.len()) })
    }

    /// What `SetHandler` or a type map chose.
    pub fn handler(&self) -> Option<&[u8]> {
        self.text(|r| r.handler)
    }

    /// The file that the URI was mapped to.
    pub fn filename(&self) -> Option<&[u8]> {
        self.text(|r| r.filename)
    }

    /// Where in `uri` the part that `path_info` repeats begins: the end of the script's own name.
    pub fn script_name(&self) -> &[u8] {
        let raw = self.raw();
        let (Some(uri), Some(path_info)) = (self.text(|r| r.uri), self.text(|r| r.path_info)) else {
            return self.text(|r| r.uri).unwrap_or_default();
        };
        // SAFETY: both strings end in NUL; httpd only compares them.
        let end = unsafe { sys::ap_find_path_info(raw.uri, raw.path_info) };
        match usize::try_from(end) {
            Ok(end) if !path_info.is_empty() => uri.get(..end).unwrap_or(uri),
            _ => uri,
        }
    }

    /// The password of Basic authentication; the user name goes into the record. `None` when there is none to be had.
    pub fn basic_password(&self) -> Option<&[u8]> {
        let mut password: *const c_char = std::ptr::null();
        // SAFETY: the record is live; httpd writes a string of the request's pool, or nothing.
        let status = unsafe { sys::ap_get_basic_auth_pw(self.as_ptr(), &raw mut password) };
        if status == sys::OK.cast_signed() { self.answer(password) } else { None }
    }

    /// `AuthName`.
    pub fn auth_name(&self) -> Option<&[u8]> {
        // SAFETY: the record is live.
        self.answer(unsafe { sys::ap_auth_name(self.as_ptr()) })
    }

    /// `AuthType`.
    pub fn auth_type(&self) -> Option<&[u8]> {
        // SAFETY: the record is live.
        self.answer(unsafe { sys::ap_auth_type(self.as_ptr()) })
    }

    /// `DocumentRoot`, or what a module put in its place.
    pub fn document_root(&self) -> Option<&[u8]> {
        // SAFETY: the record is live.
        self.answer(unsafe { sys::ap_document_root(self.as_ptr()) })
    }

    /// Scheme, host and port of the server before `uri`.
    pub fn construct_url(&self, uri: &[u8]) -> Option<&[u8]> {
        // SAFETY: the record and its pool are live.
        self.answer(unsafe { sys::ap_construct_url(self.raw().pool, self.pool().bytes(uri), self.as_ptr()) })
    }

    /// Puts the variables that CGI and server-side includes share into the environment table.
    pub fn add_common_variables(self) {
        // SAFETY: the record is live.
        unsafe { sys::ap_add_common_vars(self.as_ptr()) }
    }

    /// The client's name or address as `kind` (one of `REMOTE_*`) asks for it, and whether it is an address.
    pub fn remote_host(&self, kind: c_int) -> (Option<&[u8]>, bool) {
        let mut is_address: c_int = 0;
        // SAFETY: the connection of a live request is live; the directory's configuration is the request's own.
        let name = unsafe {
            sys::ap_get_remote_host(self.raw().connection, self.raw().per_dir_config.cast(), kind, &raw mut is_address)
        };
        (self.answer(name), is_address != 0)
    }

    /// Whether mod_ssl encrypts the connection.
    pub fn is_https(self) -> bool {
        // SAFETY: the connection of a live request is live.
        unsafe { sys::mpr_is_https(self.raw().connection) != 0 }
    }

    /// A variable of mod_ssl; `None` without mod_ssl.
    pub fn ssl_variable(&self, name: &CStr) -> Option<&[u8]> {
        // SAFETY: the record is live, the name ends in NUL and is copied.
        self.answer(unsafe { sys::mpr_ssl_variable(self.as_ptr(), name.as_ptr()) })
    }

    /// The extensions that `AddHandler` maps to our handler names, joined by blanks.
    pub fn handler_extensions(&self) -> Option<&[u8]> {
        // SAFETY: the record is live, the names end in NUL.
        self.answer(unsafe {
            sys::mpr_handler_extensions(self.as_ptr(), c"mod_python".as_ptr(), c"python-program".as_ptr())
        })
    }
}
