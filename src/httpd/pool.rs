//! APR pools: memory and cleanups with the lifetime of a process, a configuration, a connection or a request.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use crate::httpd::sys;
use os::guard;

/// The alignment of everything that APR allocates, in bytes.
const ALIGNMENT: usize = 8;

/// A live pool. A thread that holds one is the thread that the pool belongs to.
#[derive(Clone, Copy)]
pub struct Pool(NonNull<sys::apr_pool_t>);

impl Pool {
    /// # Safety
    /// `pool` is live for as long as the value is used, and the calling thread may allocate from it.
    pub unsafe fn from_ptr(pool: *mut sys::apr_pool_t) -> Self {
        Self(NonNull::new(pool).expect("httpd hands over pools that exist"))
    }

    /// The raw pool.
    pub fn as_ptr(self) -> *mut sys::apr_pool_t {
        self.0.as_ptr()
    }

    /// Copies bytes into the pool, with a NUL behind them.
    pub fn bytes(self, bytes: &[u8]) -> *mut c_char {
        // SAFETY: the pool is live and ours; apr_pstrmemdup copies `len` bytes and ends them with NUL.
        unsafe { sys::apr_pstrmemdup(self.as_ptr(), bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Moves a value that needs no destructor into the pool.
    pub fn place<T: Copy>(self, value: T) -> NonNull<T> {
        const { assert!(align_of::<T>() <= ALIGNMENT, "APR aligns to 8 bytes") };
        // SAFETY: apr_palloc returns memory of the asked size with APR's alignment, and ends the process when there is none.
        unsafe {
            let place = NonNull::new_unchecked(sys::apr_palloc(self.as_ptr(), size_of::<T>()).cast::<T>());
            place.write(value);
            place
        }
    }

    /// Moves a value to the heap; it is dropped when the pool is cleared.
    pub fn own<T>(self, value: T) -> NonNull<T> {
        let place = NonNull::from(Box::leak(Box::new(value)));
        // SAFETY: `drop_value::<T>` frees exactly the box made above, once, when the pool is cleared.
        unsafe { self.on_clear(place.as_ptr().cast(), drop_value::<T>) };
        place
    }

    /// Calls a function when the pool is cleared or destroyed.
    pub fn call_on_clear(self, function: fn()) {
        // SAFETY: `call` takes the function's address.
        unsafe { self.on_clear(function as *mut c_void, call) };
    }

    /// Calls a function before the pool's own and its children's cleanups.
    pub fn call_before_clear(self, function: fn()) {
        // SAFETY: `call` takes the function's address.
        unsafe { self.before_clear(function as *mut c_void, call) };
    }

    /// Calls `cleanup(data)` when the pool is cleared or destroyed.
    ///
    /// # Safety
    /// `data` is valid for `cleanup` until then.
    pub unsafe fn on_clear(self, data: *mut c_void, cleanup: unsafe extern "C" fn(*mut c_void) -> sys::apr_status_t) {
        // SAFETY: the pool is live; nothing is to be done in a child that execs.
        unsafe { sys::apr_pool_cleanup_register(self.as_ptr(), data, Some(cleanup), Some(sys::apr_pool_cleanup_null)) }
    }

    /// Calls `cleanup(data)` before the pool's own and its children's cleanups.
    ///
    /// # Safety
    /// `data` is valid for `cleanup` until then.
    pub unsafe fn before_clear(
        self,
        data: *mut c_void,
        cleanup: unsafe extern "C" fn(*mut c_void) -> sys::apr_status_t,
    ) {
        // SAFETY: as above.
        unsafe { sys::apr_pool_pre_cleanup_register(self.as_ptr(), data, Some(cleanup)) }
    }
}

unsafe extern "C" fn drop_value<T>(data: *mut c_void) -> sys::apr_status_t {
    guard("a pool cleanup", 0, || {
        // SAFETY: `Pool::own` registered this with the box it leaked.
        drop(unsafe { Box::from_raw(data.cast::<T>()) });
        0
    })
}

unsafe extern "C" fn call(function: *mut c_void) -> sys::apr_status_t {
    guard("a pool cleanup", 0, || {
        // SAFETY: `call_on_clear` and `call_before_clear` registered this with the address of such a function.
        let function = unsafe { std::mem::transmute::<*mut c_void, fn()>(function) };
        function();
        0
    })
}
