//! The hooks: httpd's entries into the module, as plain Rust functions.

use std::ffi::c_int;
use std::sync::OnceLock;

use crate::httpd::pool::Pool;
use crate::httpd::request::RequestRec;
use crate::httpd::server::ServerRec;
use crate::httpd::sys;
use os::guard;

/// What runs at each hook.
pub struct Hooks {
    /// The configuration is about to be read.
    pub pre_config: fn(),
    /// The configuration has been read. An error is the sentence with which httpd refuses to start.
    pub post_config: fn(Pool) -> Result<(), String>,
    /// A child begins; the pool is the child's, the server the main one.
    pub child_init: fn(Pool, ServerRec),
    /// A request wants content; returns an HTTP status, `OK`, `DECLINED` or `DONE`.
    pub handler: fn(RequestRec) -> c_int,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// The status that reports a panic.
const FAILED: c_int = sys::HTTP_INTERNAL_SERVER_ERROR.cast_signed();

/// Registers the hooks. Called whenever httpd loads the module, which it does twice before it starts and at every restart.
pub fn register(hooks: Hooks) {
    // The module stays in memory between loads, so the functions of the first call are those of all others.
    let _ = HOOKS.set(hooks);
    let none = std::ptr::null();
    let middle = sys::APR_HOOK_MIDDLE.cast_signed();
    // SAFETY: httpd keeps the functions, which stay in memory for good (the module is linked with -z nodelete).
    unsafe {
        sys::ap_hook_pre_config(Some(pre_config), none, none, middle);
        sys::ap_hook_post_config(Some(post_config), none, none, middle);
        sys::ap_hook_child_init(Some(child_init), none, none, middle);
        sys::ap_hook_handler(Some(handler), none, none, middle);
    }
}

fn hooks() -> &'static Hooks {
    HOOKS.get().expect("httpd calls no hook before it is registered")
}

unsafe extern "C" fn pre_config(_: *mut sys::apr_pool_t, _: *mut sys::apr_pool_t, _: *mut sys::apr_pool_t) -> c_int {
    guard("pre_config", FAILED, || {
        (hooks().pre_config)();
        0
    })
}

unsafe extern "C" fn post_config(
    pconf: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::apr_pool_t,
    _: *mut sys::server_rec,
) -> c_int {
    guard("post_config", FAILED, || {
        // SAFETY: httpd passes the configuration's pool.
        match (hooks().post_config)(unsafe { Pool::from_ptr(pconf) }) {
            Ok(()) => 0,
            Err(reason) => {
                os::log::crit!("{reason}");
                FAILED
            }
        }
    })
}

unsafe extern "C" fn child_init(pchild: *mut sys::apr_pool_t, server: *mut sys::server_rec) {
    guard("child_init", (), || {
        // SAFETY: httpd passes the child's pool and the main server.
        unsafe {
            if let Some(server) = ServerRec::from_ptr(server) {
                (hooks().child_init)(Pool::from_ptr(pchild), server);
            }
        }
    });
}

unsafe extern "C" fn handler(request: *mut sys::request_rec) -> c_int {
    guard("the content handler", FAILED, || {
        // SAFETY: httpd passes a live request on the thread that works on it.
        (hooks().handler)(unsafe { RequestRec::from_ptr(request) })
    })
}
