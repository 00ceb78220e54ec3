//! httpd's error log.

use std::ffi::{CString, c_int};

use crate::httpd::{RequestRec, ServerRec, sys};
use os::log::DirectiveForm;

pub use os::log::{Level, error, warning};

fn text(message: &str) -> CString {
    CString::new(message.replace('\0', "\\0")).unwrap_or_default()
}

/// Sends what the engine logs to the main server's error log. Called once, while httpd loads the module.
pub fn install() {
    os::log::set_sink(|level, form, message| match form {
        DirectiveForm::Lines => server(ServerRec::main(), level, message),
        DirectiveForm::Record => record(level, message),
    });
}

/// The most that fits into one line of httpd's log, with what httpd puts in front of it.
const RECORD: usize = 7_600;

/// Logs against the main server as one record: httpd shows line ends as `\n`. Of what is too long the middle is left out.
fn record(level: Level, message: &str) {
    let record = ServerRec::main().map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    let message = text(&shortened(message.trim_end(), RECORD));
    // SAFETY: the record is null or a live server_rec, which lives as long as the process's configuration.
    unsafe {
        sys::mpr_log_server(
            crate::module_index(),
            c_int::try_from(level.number()).unwrap_or(3),
            record,
            message.as_ptr(),
        )
    };
}

/// The text without its middle, so that it takes at most `limit` bytes once httpd has escaped it.
fn shortened(message: &str, limit: usize) -> std::borrow::Cow<'_, str> {
    let cost = |c: char| match c {
        ' '..='~' if c != '\\' && c != '"' => 1,
        '\n' | '\t' | '\\' | '"' => 2,
        _ => 4 * c.len_utf8(),
    };
    if message.chars().map(cost).sum::<usize>() <= limit {
        return message.into();
    }
    let within = |limit: usize| {
        let mut spent = 0;
        move |(_, c): &(usize, char)| {
            spent += cost(*c);
            spent <= limit
        }
    };
    let head = message.char_indices().take_while(within(limit / 3)).last().map_or(0, |(at, c)| at + c.len_utf8());
    let tail = message.char_indices().rev().take_while(within(limit / 2)).last().map_or(message.len(), |(at, _)| at);
    format!("{}\n[...]\n{}", &message[..head], &message[tail..]).into()
}

/// Logs against `server`, line by line; `None` before the configuration is read.
pub fn server(server: Option<ServerRec>, level: Level, message: &str) {
    let record = server.map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    for line in message.lines() {
        let line = text(line);
        // SAFETY: the record is null or a live server_rec, which lives as long as the process's configuration.
        unsafe {
            sys::mpr_log_server(
                crate::module_index(),
                c_int::try_from(level.number()).unwrap_or(3),
                record,
                line.as_ptr(),
            )
        };
    }
}

/// Logs against a request, line by line, with httpd's request tags.
pub fn request(request: RequestRec, level: Level, message: &str) {
    for line in message.lines() {
        let line = text(line);
        // SAFETY: a RequestRec is live by its own contract.
        unsafe {
            sys::mpr_log_request(
                crate::module_index(),
                c_int::try_from(level.number()).unwrap_or(3),
                request.as_ptr(),
                line.as_ptr(),
            )
        };
    }
}

/// Logs against a connection, line by line.
///
/// # Safety
/// `connection` is a live `conn_rec`.
pub unsafe fn connection(connection: *const sys::conn_rec, level: Level, message: &str) {
    for line in message.lines() {
        let line = text(line);
        // SAFETY: promised by the caller.
        unsafe {
            sys::mpr_log_connection(
                crate::module_index(),
                c_int::try_from(level.number()).unwrap_or(3),
                connection,
                line.as_ptr(),
            )
        };
    }
}
