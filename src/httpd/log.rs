//! httpd's error log.

use std::borrow::Cow;
use std::ffi::{CString, c_char, c_int};
use std::fmt::Arguments;

use crate::httpd::module;
use crate::httpd::request::RequestRec;
use crate::httpd::server::ServerRec;
use crate::httpd::sys;
use os::log::Layout;

pub use os::log::{Level, error, warning};

/// Logs against a request, with httpd's request tags: `request!(record, Level::ERROR, "{} failed", name)`.
macro_rules! request {
    ($request:expr, $level:expr, $($message:tt)+) => {
        $crate::httpd::log::write_request($request, $level, ::std::format_args!($($message)+))
    };
}

/// Logs against a server, as `request!` does.
macro_rules! server {
    ($server:expr, $level:expr, $($message:tt)+) => {
        $crate::httpd::log::write_server($server, $level, ::std::format_args!($($message)+))
    };
}

/// Logs against a connection, as `request!` does.
macro_rules! connection {
    ($connection:expr, $level:expr, $($message:tt)+) => {
        $crate::httpd::log::write_connection($connection, $level, ::std::format_args!($($message)+))
    };
}

pub(crate) use {connection, request, server};

fn text(message: &str) -> CString {
    CString::new(message.replace('\0', "\\0")).unwrap_or_default()
}

/// Sends what the engine logs to the main server's error log. Called once, while httpd loads the module.
pub fn install() {
    os::log::set_sink(|level, layout, message| match layout {
        Layout::Lines => server!(ServerRec::main(), level, "{message}"),
        Layout::Record => record(level, message),
    });
}

/// The most that fits into one line of httpd's log, with what httpd puts in front of it.
const RECORD: usize = 7_600;

/// Logs against the main server as one record: httpd shows line ends as `\n`. Of what is too long the middle is left out.
fn record(level: Level, message: &str) {
    let record = ServerRec::main().map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    let message = text(&shortened(message.trim_end(), RECORD));
    // SAFETY: the record is null or a live server_rec, which lives as long as the process's configuration.
    unsafe { sys::mpr_log_server(module::index(), number(level), record, message.as_ptr()) };
}

/// The text without its middle, so that it takes at most `limit` bytes once httpd has escaped it.
fn shortened(message: &str, limit: usize) -> Cow<'_, str> {
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
pub fn write_server(server: Option<ServerRec>, level: Level, message: Arguments<'_>) {
    let record = server.map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    // SAFETY: the record is null or a live server_rec, which lives as long as the process's configuration.
    each_line(message, |line| unsafe { sys::mpr_log_server(module::index(), number(level), record, line) });
}

/// Logs against a request, line by line, with httpd's request tags.
pub fn write_request(request: RequestRec, level: Level, message: Arguments<'_>) {
    // SAFETY: a RequestRec is live by its own contract.
    each_line(message, |line| unsafe { sys::mpr_log_request(module::index(), number(level), request.as_ptr(), line) });
}

/// Logs against a connection, line by line.
pub fn write_connection(connection: &sys::conn_rec, level: Level, message: Arguments<'_>) {
    // SAFETY: the record is live.
    each_line(message, |line| unsafe { sys::mpr_log_connection(module::index(), number(level), connection, line) });
}

/// Passes on each line of a message, NUL-terminated.
fn each_line(message: Arguments<'_>, write: impl Fn(*const c_char)) {
    let message = message.as_str().map_or_else(|| Cow::Owned(message.to_string()), Cow::Borrowed);
    for line in message.lines() {
        write(text(line).as_ptr());
    }
}

/// httpd's number for a level.
fn number(level: Level) -> c_int {
    c_int::try_from(level.number()).unwrap_or(3)
}
