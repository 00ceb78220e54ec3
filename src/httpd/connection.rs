//! `conn_rec`: a client's connection, which outlives a request when the client keeps it open.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::httpd::lease::Lease;
use crate::httpd::lease::Leased;
use crate::httpd::module::slot;
use crate::httpd::pool::Pool;
use crate::httpd::request::RequestRec;
use crate::httpd::sys;

/// Ends the lease with the connection's pool.
struct ConnectionEnding(Arc<Lease>);

impl Drop for ConnectionEnding {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The connection of a request for objects that may outlive it; taken by the calling thread. `None` for a request without one.
pub fn leased(request: RequestRec) -> Option<Leased<sys::conn_rec>> {
    let connection = NonNull::new(request.raw().connection)?;
    // SAFETY: the connection of a live request is live and this thread's. The slot is null or holds the `ConnectionEnding` that
    // the connection's pool owns.
    unsafe {
        let raw = connection.as_ref();
        let slot = slot::<ConnectionEnding>(raw.conn_config);
        let lease = match slot.get().as_ref() {
            Some(ending) => Arc::clone(&ending.0),
            None => {
                let lease = Arc::new(Lease::default());
                slot.set(Pool::from_ptr(raw.pool).own(ConnectionEnding(Arc::clone(&lease))).as_ptr());
                lease
            }
        };
        lease.take();
        Some(Leased::new(lease, connection))
    }
}

/// Whether the client has closed the connection.
pub fn is_aborted(connection: &sys::conn_rec) -> bool {
    // SAFETY: the record is live; the function reads a field of it.
    unsafe { sys::mpr_is_aborted(connection) != 0 }
}

/// 1 when the client's name was confirmed by a second look-up, -1 when that failed, 0 when there was none.
pub fn double_reverse(connection: &sys::conn_rec) -> c_int {
    // SAFETY: the record is live; the function reads a field of it.
    unsafe { sys::mpr_double_reverse(connection) }
}
