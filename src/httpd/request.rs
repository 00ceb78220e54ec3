//! `request_rec`: one request, its output and its body.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use crate::httpd::table::TableRef;
use crate::httpd::{Pool, ServerRec, sys};

/// A live request on the thread that works on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestRec(NonNull<sys::request_rec>);

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

    /// The id that ties the request's log lines together; httpd makes it when it is first asked for.
    pub fn error_id(self) -> String {
        let record = self.raw_mut();
        if record.log_id.is_null() {
            // SAFETY: the record and its connection are live; the hook keeps the id in the request's pool.
            unsafe { sys::ap_run_generate_log_id(record.connection, self.as_ptr(), &raw mut (*self.as_ptr()).log_id) };
        }
        self.bytes(self.raw().log_id).map_or_else(|| "-".to_owned(), |id| String::from_utf8_lossy(id).into_owned())
    }

    /// Whether the client has closed the connection.
    pub fn is_aborted(self) -> bool {
        // SAFETY: the connection of a live request is live.
        unsafe { sys::mpr_is_aborted(self.raw().connection) != 0 }
    }

    /// The file that the URI is mapped to from now on.
    pub fn set_filename(self, path: &std::ffi::OsStr) {
        self.raw_mut().filename = self.pool().bytes(std::os::unix::ffi::OsStrExt::as_bytes(path));
    }

    /// The first value of a header of the request.
    pub fn header_in(&self, name: &[u8]) -> Option<&[u8]> {
        // SAFETY: the table of a live request is live, and so are its strings as long as the request's pool.
        let table = unsafe { TableRef::from_ptr(self.raw().headers_in) }?;
        let value = table.get(name)?;
        // SAFETY: the bytes lie in the pool, not in the copy of the reference.
        Some(unsafe { std::slice::from_raw_parts(value.as_ptr(), value.len()) })
    }

    /// Sets a header that is sent with errors too.
    pub fn set_err_header(self, name: &[u8], value: &[u8]) {
        // SAFETY: the table of a live request is live and belongs to its thread.
        if let Some(table) = unsafe { TableRef::from_ptr(self.raw().err_headers_out) } {
            table.set(self.pool(), name, value);
        }
    }

    /// Who the client has proved to be.
    pub fn set_user(self, user: &str) {
        self.raw_mut().user = self.pool().bytes(user.replace('\0', "").as_bytes());
    }

    /// The request that was internally redirected to this one.
    pub fn prev(self) -> Option<Self> {
        NonNull::new(self.raw().prev).map(Self)
    }

    /// The request that this one was internally redirected to.
    pub fn next(self) -> Option<Self> {
        NonNull::new(self.raw().next).map(Self)
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

    /// Closes the connection after this response.
    pub fn close_connection(self) {
        // SAFETY: the connection of a live request is live, and the request's thread is the connection's.
        unsafe { (*self.raw().connection).keepalive = sys::ap_conn_keepalive_e_AP_CONN_CLOSE }
    }

    /// Reads and forgets what is left of the body; 0 or an HTTP status.
    pub fn discard_body(self) -> c_int {
        // SAFETY: the record is live.
        unsafe { sys::ap_discard_request_body(self.as_ptr()) }
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

    /// The password of Basic authentication; the user name goes into the record. `None` when there is none to be had.
    pub fn basic_password(&self) -> Option<&[u8]> {
        let mut password: *const c_char = std::ptr::null();
        // SAFETY: the record is live; httpd writes a string of the request's pool, or nothing.
        let status = unsafe { sys::ap_get_basic_auth_pw(self.as_ptr(), &raw mut password) };
        if status == sys::OK.cast_signed() { self.bytes(password) } else { None }
    }

    /// `AuthName`.
    pub fn auth_name(&self) -> Option<&[u8]> {
        // SAFETY: the record is live.
        self.bytes(unsafe { sys::ap_auth_name(self.as_ptr()) })
    }

    /// `AuthType`.
    pub fn auth_type(&self) -> Option<&[u8]> {
        // SAFETY: the record is live.
        self.bytes(unsafe { sys::ap_auth_type(self.as_ptr()) })
    }

    /// `DocumentRoot`, or what a module put in its place.
    pub fn document_root(&self) -> Option<&[u8]> {
        // SAFETY: the record is live.
        self.bytes(unsafe { sys::ap_document_root(self.as_ptr()) })
    }

    /// Scheme, host and port of the server before `uri`.
    pub fn construct_url(&self, uri: &[u8]) -> Option<&[u8]> {
        // SAFETY: the record and its pool are live.
        self.bytes(unsafe { sys::ap_construct_url(self.raw().pool, self.pool().bytes(uri), self.as_ptr()) })
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
        (self.bytes(name), is_address != 0)
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

    /// Whether mod_ssl encrypts the connection.
    pub fn is_https(self) -> bool {
        // SAFETY: the connection of a live request is live.
        unsafe { sys::mpr_is_https(self.raw().connection) != 0 }
    }

    /// A variable of mod_ssl; `None` without mod_ssl.
    pub fn ssl_variable(&self, name: &CStr) -> Option<&[u8]> {
        // SAFETY: the record is live, the name ends in NUL and is copied.
        self.bytes(unsafe { sys::mpr_ssl_variable(self.as_ptr(), name.as_ptr()) })
    }

    /// The extensions that `AddHandler` maps to our handler names, joined by blanks.
    pub fn handler_extensions(&self) -> Option<&[u8]> {
        // SAFETY: the record is live, the names end in NUL.
        self.bytes(unsafe {
            sys::mpr_handler_extensions(self.as_ptr(), c"mod_python".as_ptr(), c"python-program".as_ptr())
        })
    }

    /// Where in `uri` the part that `path_info` repeats begins: the end of the script's own name.
    pub fn script_name(&self) -> &[u8] {
        let raw = self.raw();
        let (Some(uri), Some(path_info)) = (self.bytes(raw.uri), self.bytes(raw.path_info)) else {
            return self.bytes(raw.uri).unwrap_or_default();
        };
        // SAFETY: both strings end in NUL; httpd only compares them.
        let end = unsafe { sys::ap_find_path_info(raw.uri, raw.path_info) };
        match usize::try_from(end) {
            Ok(end) if !path_info.is_empty() => uri.get(..end).unwrap_or(uri),
            _ => uri,
        }
    }
}

/// The texts of an array of C strings; a null array has none.
///
/// # Safety
/// `array` is null or a live array of NUL-terminated strings, for as long as the texts are used.
pub unsafe fn texts<'a>(array: *const sys::apr_array_header_t) -> &'a [*const c_char] {
    if array.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe {
        let count = usize::try_from((*array).nelts).unwrap_or(0);
        if count == 0 || (*array).elts.is_null() {
            return &[];
        }
        std::slice::from_raw_parts((*array).elts.cast(), count)
    }
}
