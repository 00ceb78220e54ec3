//! The content handler: produces the response of a request whose handler is ours.

use std::ffi::c_int;

use crate::config::DirConfig;
use crate::config::phase::Phase;
use crate::handlers::extensions;
use crate::handlers::outcome::FAILED;
use crate::handlers::phase::{PhaseOutcome, PhaseRun};
use crate::httpd::{RequestRec, log, sys};
use crate::python::embed;

/// Handles a request, or declines it.
pub fn handle(request: RequestRec) -> c_int {
    if !request.handler().is_some_and(|name| extensions::HANDLER_NAMES.contains(&name)) {
        return sys::DECLINED;
    }
    let config = DirConfig::of(&request);
    let filename = request.filename().map(String::from_utf8_lossy);
    let extension = filename.as_deref().map(extensions::of);
    let Some((entries, by_extension)) = config.handlers(Phase::Content, extension) else { return sys::DECLINED };
    if let Err(reason) = embed::running() {
        log::request!(request, log::Level::ERROR, "{reason}");
        return FAILED;
    }
    let extension = match extension {
        Some("") => Some(""),
        Some(extension) if by_extension => Some(extension),
        _ => None,
    };
    let run = PhaseRun {
        phase: Phase::Content,
        request,
        settings: &config.settings,
        entries,
        filename: filename.as_deref(),
        extension,
    };
    respond(request, run.run())
}

/// Hands to httpd what the handlers wrote. Output of a handler that failed is not sent: the error page takes its place.
fn respond(request: RequestRec, PhaseOutcome { status, output }: PhaseOutcome) -> c_int {
    let is_sent = matches!(status, 0 | sys::DONE | sys::DECLINED);
    if is_sent && !output.is_empty() && request.write(&output).is_err() {
        log::request!(request, log::Level::INFO, "the client closed the connection before the response was written");
    }
    status
}
