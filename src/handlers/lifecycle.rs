//! Start and end of the configuration and of a child.

use std::ffi::c_void;

use crate::api;
use crate::config::{process_settings, watching};
use crate::httpd::{Pool, ServerRec, log, server, sys};
use crate::python::{self, embed, library, shutdown, stdlib};
use crate::reload::application::registry;
use crate::reload::build::workers;
use crate::reload::import::{self, file_reads};
use crate::reload::interrupt;
use os::{fork, guard};
use reload_core::{scoreboard, watch};

/// The configuration has been read, in the parent.
///
/// # Errors
/// A sentence that says why httpd cannot start with it.
pub fn configured(pconf: Pool) -> Result<(), String> {
    let token = format!("mod_python_rs/{} Python/{}", crate::VERSION, process_settings::python_version());
    // SAFETY: httpd copies the text into the pool.
    unsafe { sys::ap_add_version_component(pconf.as_ptr(), pconf.bytes(token.as_bytes())) };
    // httpd reads its configuration twice before it starts; only the second reading is served.
    // SAFETY: plain queries of httpd's state.
    if unsafe { sys::ap_state_query(sys::AP_SQ_MAIN_STATE.cast_signed()) }
        == sys::AP_SQ_MS_CREATE_PRE_CONFIG.cast_signed()
    {
        return Ok(());
    }
    watch::prepare(&watching::current())?;
    scoreboard::prepare(server::most_children());
    // SAFETY: the function takes no data.
    unsafe { pconf.on_clear(std::ptr::null_mut(), configuration_ends) };
    Ok(())
}

unsafe extern "C" fn configuration_ends(_: *mut c_void) -> sys::apr_status_t {
    guard("the end of a configuration", 0, || {
        watch::release();
        scoreboard::release();
        0
    })
}

/// A child begins: Python is started in it, and its end prepared.
pub fn child_started(pchild: Pool, server: ServerRec) {
    fork::watch();
    if let Some(watch) = watch::current() {
        watch.follow_trigger();
    }
    let is_inline = !server::is_threaded();
    let start = move || {
        embed::start(&process_settings::current())?;
        python::attach(|py| {
            registry::remember_base_path(py)
                .and_then(|()| stdlib::remember(py))
                .and_then(|()| library::install(py))
                .and_then(|()| api::module::install(py))
                .and_then(|()| import::install(py, library::LOADER, library::EDITS))
                .and_then(|()| file_reads::install(py))
                .and_then(|()| interrupt::install(py, is_inline))
                .map_err(|e| format!("Python's side of mod_python_rs did not load: {}", python::error::format(py, &e)))
        })
    };
    let started =
        workers::start(is_inline, start).unwrap_or_else(|| Err("no thread for Python could be started".to_owned()));
    if let Err(reason) = started {
        log::server(Some(server), log::Level::CRIT, &reason);
        return;
    }
    // SAFETY: the function takes no data.
    unsafe { pchild.before_clear(std::ptr::null_mut(), child_ends) };
}

unsafe extern "C" fn child_ends(_: *mut c_void) -> sys::apr_status_t {
    guard("the end of a child", 0, || {
        shutdown::run();
        0
    })
}
