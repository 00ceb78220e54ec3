//! `server_rec`: the main server and its virtual hosts.

use std::ffi::CStr;
use std::ptr::NonNull;

use crate::httpd::sys;

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

    /// The ServerName, or an empty text.
    pub fn hostname(&self) -> String {
        let name = self.raw().server_hostname;
        if name.is_null() {
            return String::new();
        }
        // SAFETY: httpd keeps NUL-terminated names in the configuration's pool.
        unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
    }

    /// The servers of the chain that begins here.
    pub fn chain(self) -> impl Iterator<Item = Self> {
        // SAFETY: httpd's chain of servers ends in null.
        std::iter::successors(Some(self), |s| unsafe { Self::from_ptr(s.raw().next) })
    }
}

/// Whether a child serves several requests at a time, each in a thread of its own.
pub fn is_threaded() -> bool {
    let mut threaded = 0;
    // SAFETY: the MPM fills in the number that it is given the place of.
    let status = unsafe { sys::ap_mpm_query(sys::AP_MPMQ_IS_THREADED.cast_signed(), &raw mut threaded) };
    status == 0 && threaded != sys::AP_MPMQ_NOT_SUPPORTED.cast_signed()
}

/// How many children httpd can have at most (`ServerLimit`), once the configuration is read.
pub fn most_children() -> usize {
    let mut most = 0;
    // SAFETY: the MPM fills in the number that it is given the place of.
    let status = unsafe { sys::ap_mpm_query(sys::AP_MPMQ_HARD_LIMIT_DAEMONS.cast_signed(), &raw mut most) };
    if status == 0 { usize::try_from(most).unwrap_or(0) } else { 0 }
}
