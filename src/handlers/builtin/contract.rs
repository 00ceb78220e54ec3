//! What a built-in handler provides.

use std::ffi::c_int;
use std::path::PathBuf;

use pyo3::prelude::*;

use crate::api::Request;
use crate::config::record::Settings;
use crate::config::{HandlerEntry, OnError};
use crate::reload::PinnedGeneration;

/// What a built-in handler is called with, beside the request.
#[derive(Clone, Copy)]
pub struct HandlerCall<'a> {
    /// The generation that the request sees.
    pub pin: &'a PinnedGeneration,
    /// The extension that chose the list of handlers, with its dot; `None` for a bare list.
    pub extension: Option<&'a str>,
    /// What the request gets while the newest code cannot be built.
    pub on_error: OnError,
}

/// A handler that the module brings along.
pub trait BuiltinHandler: Sync {
    /// The directory of the application that serves the request, where it is not the one that the handler's section names.
    /// Runs without Python. `filename` is the request's file.
    fn directory(&self, entry: &HandlerEntry, settings: &Settings, filename: Option<&str>) -> Option<PathBuf>;

    /// Handles a request and returns a status for httpd.
    ///
    /// # Errors
    /// What the code that it runs raises.
    fn handle(&self, py: Python<'_>, request: &Bound<'_, Request>, call: HandlerCall<'_>) -> PyResult<c_int>;
}
