//! httpd's error log.

use std::ffi::{CString, c_int};

use super::{RequestRec, ServerRec, sys};

/// Log levels, httpd's own numbers.
pub const CRIT: u32 = sys::APLOG_CRIT;
/// An error of one request or one file.
pub const ERR: u32 = sys::APLOG_ERR;
/// Something an administrator should look at.
pub const WARNING: u32 = sys::APLOG_WARNING;
/// What an operator wants to know of normal operation.
pub const NOTICE: u32 = sys::APLOG_NOTICE;
/// What an administrator may want to follow.
pub const INFO: u32 = sys::APLOG_INFO;
/// What shows how the module works.
pub const DEBUG: u32 = sys::APLOG_DEBUG;

fn text(message: &str) -> CString {
    CString::new(message.replace('\0', "\\0")).unwrap_or_default()
}

fn level(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(3)
}

/// Logs against the main server, line by line.
pub fn main(severity: u32, message: &str) {
    server(ServerRec::main(), severity, message);
}

/// The most that fits into one line of httpd's log, with what httpd puts in front of it.
const RECORD: usize = 7_600;

/// Logs against the main server as one record: httpd shows line ends as `\n`. Of what is too long the middle is left out.
pub fn record(severity: u32, message: &str) {
    let record = ServerRec::main().map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    let message = text(&shortened(message.trim_end(), RECORD));
    // SAFETY: the record is null or a live server_rec, which lives as long as the process's configuration.
    unsafe { sys::mpr_log_server(crate::module_index(), level(severity), record, message.as_ptr()) };
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
pub fn server(server: Option<ServerRec>, severity: u32, message: &str) {
    let record = server.map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    for line in message.lines() {
        let line = text(line);
        // SAFETY: the record is null or a live server_rec, which lives as long as the process's configuration.
        unsafe { sys::mpr_log_server(crate::module_index(), level(severity), record, line.as_ptr()) };
    }
}

/// Logs against a request, line by line, with httpd's request tags.
pub fn request(request: RequestRec, severity: u32, message: &str) {
    for line in message.lines() {
        let line = text(line);
        // SAFETY: a RequestRec is live by its own contract.
        unsafe { sys::mpr_log_request(crate::module_index(), level(severity), request.as_ptr(), line.as_ptr()) };
    }
}

/// Logs against a connection, line by line.
///
/// # Safety
/// `connection` is a live `conn_rec`.
pub unsafe fn connection(connection: *const sys::conn_rec, severity: u32, message: &str) {
    for line in message.lines() {
        let line = text(line);
        // SAFETY: promised by the caller.
        unsafe { sys::mpr_log_connection(crate::module_index(), level(severity), connection, line.as_ptr()) };
    }
}
