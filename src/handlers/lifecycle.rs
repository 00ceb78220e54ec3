//! Start and end of the configuration and of a child.

use pyo3::prelude::*;

use crate::api;
use crate::config::{process_settings, watching};
use crate::handlers::functions;
use crate::httpd::module::VERSION;
use crate::httpd::{Pool, ServerRec, log, server};
use crate::python::{self, embed, library, shutdown, stdlib};
use crate::reload;
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
            reload::remember_base_path(py)
                .and_then(|()| stdlib::remember(py))
                .and_then(|()| library::install(py))
                .and_then(|()| api::module::install(py, &add_functions))
                .and_then(|()| reload::install(py, library::LOADER, library::EDITS, is_inline))
                .map_err(|e| format!("Python's side of mod_python_rs did not load: {}", python::error::format(py, &e)))
        })
    };
    let started = reload::start_workers(is_inline, start)
        .unwrap_or_else(|| Err("no thread for Python could be started".to_owned()));
    if let Err(reason) = started {
        log::server!(Some(server), log::Level::CRIT, "{reason}");
        return;
    }
    pchild.call_before_clear(child_ends);
}

/// What `_apache` gets from the engine and from the handlers.
fn add_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    reload::add_functions(module, functions::host())?;
    functions::add(module)
}

fn child_ends() {
    // Modules stop their threads in the second, before threads are waited for.
    shutdown::run(&[api::cleanup::run_for_child, reload::end_of_child]);
}
