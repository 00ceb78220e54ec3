//! mod_python_rs: an Apache httpd 2.4 module that embeds CPython and runs edited code at the next request.
//!
//! This file is the module record and the table of hooks; `docs/architecture.md` is the map of the rest.

mod api;
mod config;
mod handlers;
mod httpd;
mod python;
mod reload;

use std::ffi::{c_int, c_void};

use httpd::{Pool, RequestRec, ServerRec, guard, sys};

/// The version that `mod_python.mp_version` and the Server header tell.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Rust's allocations go on for a while where Python code has taken all memory.
#[global_allocator]
static ALLOCATOR: os::reserve::Reserved = os::reserve::Reserved;

/// The record that `LoadModule python_module` looks for.
// SAFETY (of the name): `python_module` is the name that existing configurations load; nothing else in httpd exports it.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut python_module: sys::module = sys::module {
    version: sys::MODULE_MAGIC_NUMBER_MAJOR.cast_signed(),
    minor_version: sys::MODULE_MAGIC_NUMBER_MINOR.cast_signed(),
    module_index: -1,
    name: c"mod_python.c".as_ptr(),
    dynamic_load_handle: std::ptr::null_mut(),
    next: std::ptr::null_mut(),
    magic: sys::MODULE_MAGIC_COOKIE as _,
    rewrite_args: None,
    create_dir_config: Some(create_dir_config),
    merge_dir_config: Some(merge_dir_config),
    create_server_config: Some(create_server_config),
    merge_server_config: Some(merge_server_config),
    cmds: config::directive::COMMANDS.as_ptr(),
    register_hooks: Some(register_hooks),
    flags: 0,
};

/// The module record, for httpd's functions that ask for it.
fn module_record() -> *const sys::module {
    &raw const python_module
}

/// The index that httpd gave the module; it selects its slots and its log level.
fn module_index() -> c_int {
    // SAFETY: httpd writes the field while it loads the module, before any of our code runs.
    unsafe { (*module_record()).module_index }
}

unsafe extern "C" fn register_hooks(_: *mut sys::apr_pool_t) {
    guard("register_hooks", (), || {
        httpd::log::install();
        let none = std::ptr::null();
        let middle = sys::APR_HOOK_MIDDLE.cast_signed();
        // SAFETY: httpd keeps the functions, which stay in memory for good (the module is linked with -z nodelete).
        unsafe {
            sys::ap_hook_pre_config(Some(pre_config), none, none, middle);
            sys::ap_hook_post_config(Some(post_config), none, none, middle);
            sys::ap_hook_child_init(Some(child_init), none, none, middle);
            sys::ap_hook_handler(Some(handler), none, none, middle);
        }
    });
}

unsafe extern "C" fn create_dir_config(pool: *mut sys::apr_pool_t, _: *mut std::ffi::c_char) -> *mut c_void {
    guard("create_dir_config", std::ptr::null_mut(), || {
        // SAFETY: httpd hands over the configuration's pool.
        config::record::create_dir(unsafe { Pool::from_ptr(pool) })
    })
}

unsafe extern "C" fn merge_dir_config(
    pool: *mut sys::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    guard("merge_dir_config", outer, || {
        // SAFETY: httpd hands over records that the functions above and this one made.
        unsafe { config::record::merge_dir(Pool::from_ptr(pool), outer, inner) }
    })
}

unsafe extern "C" fn create_server_config(pool: *mut sys::apr_pool_t, _: *mut sys::server_rec) -> *mut c_void {
    guard("create_server_config", std::ptr::null_mut(), || {
        // SAFETY: httpd hands over the configuration's pool.
        config::record::create_server(unsafe { Pool::from_ptr(pool) })
    })
}

unsafe extern "C" fn merge_server_config(
    pool: *mut sys::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    guard("merge_server_config", outer, || {
        // SAFETY: httpd hands over records that `create_server_config` made.
        unsafe { config::record::merge_server(Pool::from_ptr(pool), outer, inner) }
    })
}

unsafe extern "C" fn pre_config(_: *mut sys::apr_pool_t, _: *mut sys::apr_pool_t, _: *mut sys::apr_pool_t) -> c_int {
    guard("pre_config", sys::HTTP_INTERNAL_SERVER_ERROR.cast_signed(), || {
        config::process_settings::reset();
        config::watching::reset();
        0
    })
}

unsafe extern "C" fn post_config(
    pconf: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::server_rec,
) -> c_int {
    guard("post_config", sys::HTTP_INTERNAL_SERVER_ERROR.cast_signed(), || {
        // SAFETY: httpd hands over the configuration's pool.
        match handlers::lifecycle::configured(unsafe { Pool::from_ptr(pconf) }) {
            Ok(()) => 0,
            Err(reason) => {
                os::log::crit!("{}", &reason);
                sys::HTTP_INTERNAL_SERVER_ERROR.cast_signed()
            }
        }
    })
}

unsafe extern "C" fn child_init(pchild: *mut sys::apr_pool_t, server: *mut sys::server_rec) {
    guard("child_init", (), || {
        // SAFETY: httpd hands over the child's pool and the main server.
        unsafe {
            if let Some(server) = ServerRec::from_ptr(server) {
                handlers::lifecycle::child_started(Pool::from_ptr(pchild), server);
            }
        }
    });
}

unsafe extern "C" fn handler(request: *mut sys::request_rec) -> c_int {
    guard("the content handler", sys::HTTP_INTERNAL_SERVER_ERROR.cast_signed(), || {
        // SAFETY: httpd hands over a live request on the thread that works on it.
        handlers::content::handle(unsafe { RequestRec::from_ptr(request) })
    })
}
