//! The phases of a request in which Python may run, in one table.
//!
//! The directive, `req.phase` and the handlers take their names from it. A phase that is added here gets its lists in every
//! section; its directive and its hook are registered beside those of the content phase.

use std::ffi::CStr;

/// A phase of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The response is produced.
    Content,
}

/// A row of the table.
struct PhaseNames {
    directive: &'static CStr,
    name: &'static str,
    default_object: &'static str,
}

const TABLE: [PhaseNames; Phase::COUNT] = [PhaseNames::new(c"PythonHandler", "handler")];

impl PhaseNames {
    const fn new(directive: &'static CStr, default_object: &'static str) -> Self {
        match directive.to_str() {
            Ok(name) => Self { directive, name, default_object },
            Err(_) => panic!("the name of a directive is ASCII"),
        }
    }
}

impl Phase {
    /// How many there are.
    pub const COUNT: usize = 1;

    /// The directive that lists its handlers, for httpd.
    pub const fn directive(self) -> &'static CStr {
        TABLE[self as usize].directive
    }

    /// The same for Python and the log: `req.phase`.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].name
    }

    /// The object that a handler without `::OBJECT` names.
    pub const fn default_object(self) -> &'static str {
        TABLE[self as usize].default_object
    }
}
