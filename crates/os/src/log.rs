//! The log of the server, for code that knows nothing of httpd.
//!
//! httpd's side puts its log in place with [`set_sink`]; until then, as in tests and tools, messages go to the standard error.

use std::fmt::Arguments;
use std::sync::OnceLock;

pub use crate::{
    log_crit as crit, log_debug as debug, log_error as error, log_info as info, log_notice as notice,
    log_warning as warning,
};

/// How much a message matters. The numbers are those of syslog, which httpd uses as well; 8 and more are httpd's trace levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(u32);

impl Level {
    /// The module cannot do its work.
    pub const CRIT: Self = Self(2);
    /// One request or one file failed.
    pub const ERROR: Self = Self(3);
    /// An administrator should look at it.
    pub const WARNING: Self = Self(4);
    /// An operator wants to know it of normal operation.
    pub const NOTICE: Self = Self(5);
    /// An administrator may want to follow it.
    pub const INFO: Self = Self(6);
    /// It shows how the module works.
    pub const DEBUG: Self = Self(7);

    /// The level with httpd's number.
    pub const fn of(number: u32) -> Self {
        Self(number)
    }

    /// httpd's number for the level.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// How a message of several lines is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A record for each line.
    Lines,
    /// One record, with escaped line ends.
    Record,
}

/// Where messages go.
pub type Sink = fn(Level, Layout, &str);

static SINK: OnceLock<Sink> = OnceLock::new();

/// Sends all messages to this sink from now on. Only the first call has an effect.
pub fn set_sink(sink: Sink) {
    let _ = SINK.set(sink);
}

fn send(level: Level, layout: Layout, message: &str) {
    match SINK.get() {
        Some(sink) => sink(level, layout, message),
        None => eprintln!("{level:?}: {message}"),
    }
}

/// Logs a message for the main server, line by line. The macros of this module call it.
pub fn write(level: Level, message: Arguments<'_>) {
    match message.as_str() {
        Some(text) => send(level, Layout::Lines, text),
        None => send(level, Layout::Lines, &message.to_string()),
    }
}

/// Logs a message for the main server as one record. If it is too long for one, its middle is left out.
pub fn record(level: Level, message: &str) {
    send(level, Layout::Record, message);
}

/// Logs at [`Level::CRIT`].
#[macro_export]
macro_rules! log_crit {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::CRIT, ::std::format_args!($($message)+)) };
}

/// Logs at [`Level::ERROR`].
#[macro_export]
macro_rules! log_error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::ERROR, ::std::format_args!($($message)+)) };
}

/// Logs at [`Level::WARNING`].
#[macro_export]
macro_rules! log_warning {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::WARNING, ::std::format_args!($($message)+)) };
}

/// Logs at [`Level::NOTICE`].
#[macro_export]
macro_rules! log_notice {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::NOTICE, ::std::format_args!($($message)+)) };
}

/// Logs at [`Level::INFO`].
#[macro_export]
macro_rules! log_info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::INFO, ::std::format_args!($($message)+)) };
}

/// Logs at [`Level::DEBUG`].
#[macro_export]
macro_rules! log_debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::DEBUG, ::std::format_args!($($message)+)) };
}
