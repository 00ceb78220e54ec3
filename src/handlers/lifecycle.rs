//! Start and end of the configuration and of a child.

use crate::api;
use crate::config::{process_settings, watching};
use crate::httpd::module::VERSION;
use crate::httpd::{Pool, ServerRec, log, server};
use crate::python::{self, embed, library, shutdown, stdlib};
use crate::reload::application::registry;
use crate::reload::build::workers;
use crate::reload::import::{self, file_reads};
use crate::reload::interrupt;
use os::fork;
use reload_core::{scoreboard, watch};

/// The configuration has been read, in the parent.
///
/// # Errors
/// A sentence that says why httpd cannot start with it.
pub fn configured(pconf: Pool) -> Result<(), String> {
    let token = format!("mod_python_rs/{} Python/{}", VERSION, process_settings::python_version());
    server::add_version_component(pconf, &token);
    if server::is_first_reading() {
        return Ok(());
    }
    watch::prepare(&watching::current())?;
    scoreboard::prepare(server::most_children());
    pconf.call_on_clear(configuration_ends);
    Ok(())
}

fn configuration_ends() {
    watch::release();
    scoreboard::release();
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
        log::server!(Some(server), log::Level::CRIT, "{reason}");
        return;
    }
    pchild.call_before_clear(shutdown::run);
}
