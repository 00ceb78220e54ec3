//! Directives: the table that httpd reads them by, the line that it hands over, and the tree that it keeps.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};

use crate::httpd::module::slot;
use crate::httpd::pool::Pool;
use crate::httpd::sys;
use crate::httpd::text::text;
use os::guard;

/// How httpd splits the arguments of a directive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ArgumentForm {
    /// The rest of the line as it is.
    Raw,
    /// `On` or `Off`.
    Flag,
    /// One argument.
    One,
    /// One argument, and perhaps a second one.
    OneOrTwo,
    /// Two arguments.
    Two,
    /// Any number of arguments; the directive runs once for each.
    Each,
}

/// The directives of a module, whose table is `TABLE`.
pub trait Directives: 'static {
    /// The record per directory.
    type Dir: 'static;
    /// The record per server.
    type Server: 'static;

    /// Runs the directive at `index` of the table; the record is that of the section. `server` is the server's own record where
    /// the line stands outside of all sections.
    ///
    /// # Errors
    /// The sentence that httpd prints after the place of the line.
    fn run(
        index: usize,
        line: ConfigLine<'_>,
        arguments: &[&str],
        dir: &mut Self::Dir,
        server: Option<&mut Self::Server>,
    ) -> Result<(), String>;
}

/// A line of the configuration while httpd reads it.
#[derive(Clone, Copy)]
pub struct ConfigLine<'a>(&'a sys::cmd_parms);

impl<'a> ConfigLine<'a> {
    /// The pool of the configuration; of a `.htaccess` file, that of the request.
    pub fn pool(self) -> Pool {
        // SAFETY: httpd hands over a live pool, on the thread that reads the configuration.
        unsafe { Pool::from_ptr(self.0.pool) }
    }

    /// The path of the section, as httpd keeps it; in a `<Files>` section its pattern; `None` outside of all sections.
    pub fn path(self) -> Option<Cow<'a, str>> {
        // SAFETY: httpd's string is null or NUL-terminated, and lives as long as the line.
        unsafe { text(self.0.path) }.map(String::from_utf8_lossy)
    }

    /// The sections around the line, innermost first.
    pub fn sections(self) -> impl Iterator<Item = DirectiveNode<'a>> {
        // SAFETY: the nodes of httpd's tree live while it is read; a node's chain of parents ends in null.
        let parent = |node: DirectiveNode<'a>| unsafe { node.0.parent.as_ref() }.map(DirectiveNode);
        // SAFETY: as above.
        let line = unsafe { self.0.directive.as_ref() }.map(DirectiveNode);
        std::iter::successors(line.and_then(parent), move |node| parent(*node))
    }

    /// The file that the line is read from, if the line stands in a `.htaccess` file: those are read without the overrides of a
    /// configuration file.
    pub fn htaccess(self) -> Option<Cow<'a, str>> {
        if self.0.override_ & (sys::RSRC_CONF | sys::ACCESS_CONF).cast_signed() != 0 {
            return None;
        }
        // SAFETY: httpd's record of the file is null or live, and its name NUL-terminated.
        let name = unsafe { text(self.0.config_file.as_ref()?.name) };
        Some(String::from_utf8_lossy(name.unwrap_or_default()))
    }

    /// Whether the line stands in the main server and not in a virtual host.
    pub fn is_in_main_server(self) -> bool {
        // SAFETY: a line has a server.
        unsafe { (*self.0.server).is_virtual == 0 }
    }
}

/// A directive of the configuration tree; a section has others in it.
#[derive(Clone, Copy)]
pub struct DirectiveNode<'a>(&'a sys::ap_directive_t);

impl<'a> DirectiveNode<'a> {
    /// The first directive of the running configuration, where httpd keeps the tree.
    pub fn first() -> Option<DirectiveNode<'static>> {
        // SAFETY: httpd's global is null or the tree of the running configuration, which is only read.
        unsafe { sys::ap_conftree.as_ref() }.map(DirectiveNode)
    }

    /// The directive's name; that of a section begins with `<`.
    pub fn name(self) -> Option<&'a [u8]> {
        // SAFETY: httpd's strings are NUL-terminated and live as long as the tree.
        unsafe { text(self.0.directive) }
    }

    /// The arguments, as written.
    pub fn arguments(self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { text(self.0.args) }
    }

    /// The first directive inside this one.
    pub fn first_child(self) -> Option<Self> {
        // SAFETY: null or a node of the same tree.
        unsafe { self.0.first_child.as_ref() }.map(Self)
    }

    /// The next directive beside this one.
    pub fn next(self) -> Option<Self> {
        // SAFETY: null or a node of the same tree.
        unsafe { self.0.next.as_ref() }.map(Self)
    }
}

/// httpd's form of a table of `N - 1` directives; the last record is all zero, as httpd expects.
pub struct CommandTable<const N: usize>([sys::command_rec; N]);

// SAFETY: the records are never changed and point to statics only.
unsafe impl<const N: usize> Sync for CommandTable<N> {}

/// What httpd is told of a directive: the name, how its arguments are split, where it may stand, and a line of help.
#[derive(Clone, Copy)]
pub struct CommandInfo {
    /// The directive's name.
    pub name: &'static CStr,
    /// How its arguments are split.
    pub form: ArgumentForm,
    /// Where it may stand: httpd's `RSRC_CONF`, `ACCESS_CONF` and `OR_*`.
    pub contexts: u32,
    /// What httpd shows of it with `httpd -L`, and after a wrong number of arguments.
    pub help: &'static CStr,
}

impl<const N: usize> CommandTable<N> {
    /// The table whose records all run `D::run`.
    pub const fn of<D: Directives>(infos: &[CommandInfo]) -> Self {
        assert!(N == infos.len() + 1, "one record more than directives");
        // SAFETY: all-zero is a valid record: null pointers, an absent function and numbers.
        let mut records: [sys::command_rec; N] = unsafe { std::mem::zeroed() };
        let mut index = 0;
        while index < infos.len() {
            records[index] = record::<D>(index, &infos[index]);
            index += 1;
        }
        Self(records)
    }

    /// The address of the first record.
    pub const fn as_ptr(&'static self) -> *const sys::command_rec {
        self.0.as_ptr()
    }
}

const fn record<D: Directives>(index: usize, info: &CommandInfo) -> sys::command_rec {
    let (func, args_how) = match info.form {
        ArgumentForm::Raw => (sys::cmd_func { raw_args: Some(raw::<D>) }, sys::cmd_how_RAW_ARGS),
        ArgumentForm::Flag => (sys::cmd_func { flag: Some(flag::<D>) }, sys::cmd_how_FLAG),
        ArgumentForm::One => (sys::cmd_func { take1: Some(raw::<D>) }, sys::cmd_how_TAKE1),
        ArgumentForm::Each => (sys::cmd_func { take1: Some(raw::<D>) }, sys::cmd_how_ITERATE),
        ArgumentForm::OneOrTwo => (sys::cmd_func { take2: Some(two::<D>) }, sys::cmd_how_TAKE12),
        ArgumentForm::Two => (sys::cmd_func { take2: Some(two::<D>) }, sys::cmd_how_TAKE2),
    };
    sys::command_rec {
        name: info.name.as_ptr(),
        func,
        cmd_data: std::ptr::without_provenance_mut(index),
        req_override: info.contexts.cast_signed(),
        args_how,
        errmsg: info.help.as_ptr(),
    }
}

/// Runs a directive and turns its error into the text that httpd prints after the place of the line.
///
/// # Safety
/// Called by httpd with the live `cmd_parms` of a directive of the table of `D`, and with the record of its section, which is a
/// `D::Dir`. The server's slot holds a `D::Server`.
unsafe fn run<D: Directives>(cmd: *mut sys::cmd_parms, dir: *mut c_void, arguments: &[*const c_char]) -> *const c_char {
    guard("a directive", c"mod_python_rs failed inside; its error log says why".as_ptr(), || {
        // SAFETY: promised by the caller; cmd_data is the index that `record` put there, and the strings end in NUL. httpd reads
        // a configuration on one thread, and uses no record meanwhile. A server's own record is not that of its section.
        let (result, name, pool) = unsafe {
            let line = ConfigLine(&*cmd);
            let arguments: Vec<Cow<'_, str>> =
                arguments.iter().filter_map(|a| text(*a)).map(String::from_utf8_lossy).collect();
            let arguments: Vec<&str> = arguments.iter().map(|a| &**a).collect();
            let server = match line.path() {
                None => slot::<D::Server>((*(*cmd).server).module_config).get().as_mut(),
                Some(_) => None,
            };
            let command = &*(*cmd).cmd;
            let dir = &mut *dir.cast::<D::Dir>();
            (D::run(command.cmd_data.addr(), line, &arguments, dir, server), text(command.name), line.pool())
        };
        match result {
            Ok(()) => std::ptr::null(),
            Err(sentence) => {
                let name = String::from_utf8_lossy(name.unwrap_or_default());
                pool.bytes(format!("{name}: {sentence}").as_bytes()).cast_const()
            }
        }
    })
}

unsafe extern "C" fn raw<D: Directives>(cmd: *mut sys::cmd_parms, dir: *mut c_void, a: *const c_char) -> *const c_char {
    // SAFETY: httpd calls with what `run` asks for.
    unsafe { run::<D>(cmd, dir, &[a]) }
}

unsafe extern "C" fn flag<D: Directives>(cmd: *mut sys::cmd_parms, dir: *mut c_void, on: c_int) -> *const c_char {
    let word = if on != 0 { c"On" } else { c"Off" };
    // SAFETY: as above.
    unsafe { run::<D>(cmd, dir, &[word.as_ptr()]) }
}

unsafe extern "C" fn two<D: Directives>(
    cmd: *mut sys::cmd_parms,
    dir: *mut c_void,
    a: *const c_char,
    b: *const c_char,
) -> *const c_char {
    // SAFETY: as above.
    unsafe { run::<D>(cmd, dir, &[a, b]) }
}
