//! `server_rec`: the main server and its virtual hosts; and what httpd and its MPM say about the process.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;

use crate::httpd::pool::Pool;
use crate::httpd::sys;
use crate::httpd::text::{text, texts};

/// A server of the running configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServerRec(NonNull<sys::server_rec>);

// SAFETY: after start-up httpd only reads server records, from any thread.
unsafe impl Send for ServerRec {}
// SAFETY: as above.
unsafe impl Sync for ServerRec {}

impl ServerRec {
    /// # Safety
    /// `server` is null or a server of the configuration that this process runs.
    pub unsafe fn from_ptr(server: *mut sys::server_rec) -> Option<Self> {
        NonNull::new(server).map(Self)
    }

    /// The main server; `None` before the configuration is read.
    pub fn main() -> Option<Self> {
        // SAFETY: httpd's global, set before any hook of ours and constant in a child.
        NonNull::new(unsafe { sys::ap_server_conf }).map(Self)
    }

    /// The raw record.
    pub fn as_ptr(self) -> *mut sys::server_rec {
        self.0.as_ptr()
    }

    /// The record itself.
    pub fn raw(&self) -> &sys::server_rec {
        // SAFETY: live by the contract of `from_ptr`.
        unsafe { self.0.as_ref() }
    }

    /// One of the record's strings.
    pub fn text(&self, field: fn(&sys::server_rec) -> *const c_char) -> Option<&[u8]> {
        // SAFETY: the strings of a server are null or NUL-terminated, and live as long as the configuration.
        unsafe { text(field(self.raw())) }
    }

    /// One of the record's arrays of strings.
    pub fn texts(&self, field: fn(&sys::server_rec) -> *const sys::apr_array_header_t) -> impl Iterator<Item = &[u8]> {
        // SAFETY: the arrays of a server are null or hold strings as above.
        unsafe { texts(field(self.raw())) }
    }

    /// The ServerName, or an empty text.
    pub fn hostname(&self) -> String {
        String::from_utf8_lossy(self.text(|s| s.server_hostname).unwrap_or_default()).into_owned()
    }

    /// The next server of the chain.
    pub fn next(self) -> Option<Self> {
        // SAFETY: httpd's chain of servers ends in null.
        unsafe { Self::from_ptr(self.raw().next) }
    }

    /// The servers of the chain that begins here.
    pub fn chain(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |server| server.next())
    }
}

/// What the MPM returns for a query, one of `AP_MPMQ_*`; `None` for a query that it does not know.
pub fn mpm_query(code: c_int) -> Option<c_int> {
    let mut answer = 0;
    // SAFETY: the MPM writes one number, or nothing.
    let status = unsafe { sys::ap_mpm_query(code, &raw mut answer) };
    (status == 0).then_some(answer)
}

/// How many children httpd can have at most (`ServerLimit`), once the configuration is read; 0 where the MPM does not know it.
pub fn most_children() -> usize {
    let most = mpm_query(sys::AP_MPMQ_HARD_LIMIT_DAEMONS.cast_signed());
    most.and_then(|most| usize::try_from(most).ok()).unwrap_or(0)
}

/// Whether a child serves several requests at a time.
pub fn is_threaded() -> bool {
    mpm_query(sys::AP_MPMQ_IS_THREADED.cast_signed())
        .is_some_and(|threaded| threaded != sys::AP_MPMQ_NOT_SUPPORTED.cast_signed())
}

/// How often httpd was restarted gracefully before this child began; 0 where the MPM does not know it.
pub fn generation() -> c_int {
    mpm_query(sys::AP_MPMQ_GENERATION.cast_signed()).unwrap_or(0)
}

/// When httpd was last started or restarted, in microseconds since 1970; `None` where it has no scoreboard.
pub fn restart_time() -> Option<i64> {
    // SAFETY: httpd's global is null or points to the scoreboard, which lives as long as the child.
    unsafe { Some(sys::ap_scoreboard_image.as_ref()?.global.as_ref()?.restart_time) }
}

/// `ServerRoot`.
pub fn server_root() -> Option<&'static [u8]> {
    // SAFETY: httpd's global is null or a string of the running configuration.
    unsafe { text(sys::ap_server_root) }
}

/// Whether httpd was started with `-D name`.
pub fn is_defined(name: &CStr) -> bool {
    // SAFETY: the name ends in NUL; httpd compares it.
    unsafe { sys::ap_exists_config_define(name.as_ptr()) != 0 }
}

/// Whether httpd reads its configuration for the first time: it reads it twice before it starts, and serves the second reading.
pub fn is_first_reading() -> bool {
    // SAFETY: a plain query of httpd's state.
    let state = unsafe { sys::ap_state_query(sys::AP_SQ_MAIN_STATE.cast_signed()) };
    state == sys::AP_SQ_MS_CREATE_PRE_CONFIG.cast_signed()
}

/// Adds a component to the Server header of all responses.
pub fn add_version_component(pconf: Pool, component: &str) {
    // SAFETY: the pool is the configuration's; httpd copies the text into it.
    unsafe { sys::ap_add_version_component(pconf.as_ptr(), pconf.bytes(component.as_bytes())) }
}
