//! mod_python_rs: an Apache httpd 2.4 module that embeds CPython and runs edited code at the next request.
//!
//! This file is the top of the crate: the module record that httpd loads, and what runs at each hook. `docs/architecture.md` is
//! the map of the rest. Nothing below imports from here.

mod api;
mod config;
mod handlers;
mod httpd;
mod python;
mod reload;

use config::{DirConfig, ServerConfig};
use httpd::hooks::{self, Hooks};
use httpd::{guard, module, sys};

/// Rust's allocations go on for a while where Python code has taken all memory.
#[global_allocator]
static ALLOCATOR: os::reserve::Reserved = os::reserve::Reserved;

/// The record that `LoadModule python_module` looks for.
// SAFETY (of the name): `python_module` is the name that existing configurations load; nothing else in httpd exports it.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut python_module: sys::module =
    module::record::<DirConfig, ServerConfig>(config::directive::COMMANDS.as_ptr(), register_hooks);

unsafe extern "C" fn register_hooks(_: *mut sys::apr_pool_t) {
    guard("register_hooks", (), || {
        module::set_record(&raw mut python_module);
        httpd::log::install();
        hooks::register(Hooks {
            pre_config: config::reset,
            post_config: handlers::lifecycle::configured,
            child_init: handlers::lifecycle::child_started,
            handler: handlers::content::handle,
        });
    });
}
