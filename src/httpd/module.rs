//! The module record: its index, and its slots in httpd's configuration vectors.

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::httpd::pool::Pool;
use crate::httpd::sys;
use os::guard;

/// The version that `mod_python.mp_version` and the Server header show.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the module keeps per directory or per server. httpd makes a record for each section and overlays them at each request.
pub trait ConfigRecord: Sized + 'static {
    /// A record for a new section or server.
    fn create(pool: Pool) -> NonNull<Self>;

    /// `inner` over `outer`.
    fn merged(pool: Pool, outer: &Self, inner: &Self) -> NonNull<Self>;
}

/// The module record with the records `Dir` per directory and `Server` per server.
pub const fn record<Dir: ConfigRecord, Server: ConfigRecord>(
    commands: *const sys::command_rec,
    register_hooks: unsafe extern "C" fn(*mut sys::apr_pool_t),
) -> sys::module {
    sys::module {
        version: sys::MODULE_MAGIC_NUMBER_MAJOR.cast_signed(),
        minor_version: sys::MODULE_MAGIC_NUMBER_MINOR.cast_signed(),
        module_index: -1,
        name: c"mod_python.c".as_ptr(),
        dynamic_load_handle: std::ptr::null_mut(),
        next: std::ptr::null_mut(),
        magic: sys::MODULE_MAGIC_COOKIE as _,
        rewrite_args: None,
        create_dir_config: Some(create_dir::<Dir>),
        merge_dir_config: Some(merge::<Dir>),
        create_server_config: Some(create_server::<Server>),
        merge_server_config: Some(merge::<Server>),
        cmds: commands,
        register_hooks: Some(register_hooks),
        flags: 0,
    }
}

unsafe extern "C" fn create_dir<T: ConfigRecord>(pool: *mut sys::apr_pool_t, _: *mut c_char) -> *mut c_void {
    guard("create_dir_config", std::ptr::null_mut(), || {
        // SAFETY: httpd passes the configuration's pool.
        T::create(unsafe { Pool::from_ptr(pool) }).as_ptr().cast()
    })
}

unsafe extern "C" fn create_server<T: ConfigRecord>(
    pool: *mut sys::apr_pool_t,
    _: *mut sys::server_rec,
) -> *mut c_void {
    guard("create_server_config", std::ptr::null_mut(), || {
        // SAFETY: httpd passes the configuration's pool.
        T::create(unsafe { Pool::from_ptr(pool) }).as_ptr().cast()
    })
}

unsafe extern "C" fn merge<T: ConfigRecord>(
    pool: *mut sys::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    guard("a merge of configuration records", outer, || {
        // SAFETY: httpd passes a pool, and records that the functions above and this one made for the same kind of slot.
        let (pool, outer, inner) = unsafe { (Pool::from_ptr(pool), &*outer.cast::<T>(), &*inner.cast::<T>()) };
        T::merged(pool, outer, inner).as_ptr().cast()
    })
}

/// The record that httpd loaded; null until it registers the hooks.
static RECORD: AtomicPtr<sys::module> = AtomicPtr::new(std::ptr::null_mut());

/// Remembers the record. Called once httpd has given it an index, before anything asks for that.
pub fn set_record(record: *mut sys::module) {
    RECORD.store(record, Ordering::Release);
}

/// The index that httpd gave the module, which selects its slots and its log level; `APLOG_NO_MODULE` before it has one.
pub fn index() -> c_int {
    // SAFETY: null, or the record in the module's static memory. httpd writes the field while it loads the module, before it
    // starts threads.
    unsafe { RECORD.load(Ordering::Acquire).as_ref() }.map_or(sys::APLOG_NO_MODULE, |record| record.module_index)
}

/// The module's slot in one of httpd's configuration vectors.
pub struct ModuleSlot<T> {
    vector: *mut sys::ap_conf_vector_t,
    _value: PhantomData<*mut T>,
}

/// The slot of a vector.
///
/// # Safety
/// `vector` is live while the slot is used and belongs to the calling thread or is only read, and nothing but a `T` is ever set
/// in this vector's slot.
pub unsafe fn slot<T>(vector: *mut sys::ap_conf_vector_t) -> ModuleSlot<T> {
    ModuleSlot { vector, _value: PhantomData }
}

impl<T> ModuleSlot<T> {
    /// The address that was set; null where none was.
    pub fn get(&self) -> *mut T {
        // SAFETY: promised by the caller of `slot`; httpd reads the record's index.
        unsafe { sys::ap_get_module_config(self.vector, RECORD.load(Ordering::Acquire)).cast() }
    }

    /// Keeps an address; null empties the slot.
    pub fn set(&self, value: *mut T) {
        // SAFETY: as above.
        unsafe { sys::ap_set_module_config(self.vector, RECORD.load(Ordering::Acquire), value.cast()) }
    }
}
