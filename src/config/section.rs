//! Where in the configuration a directive stands: what decides a handler's directory.

use std::ffi::{CStr, CString, c_char};

use crate::httpd::sys;

/// The section around a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionPath {
    /// The main server or a virtual host.
    Server,
    /// `<Directory>`, or the directory of a `.htaccess`; with a trailing slash.
    Directory(String),
    /// `<Directory>` with wildcards, `<Directory ~>` or `<DirectoryMatch>`: decided per request.
    Pattern(String, Matching),
    /// `<Location>`, as written.
    Location(String),
}

/// How a pattern is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// Shell wildcards.
    Glob,
    /// A regular expression.
    Regex,
}

impl SectionPath {
    /// Finds the section from the command httpd is processing.
    ///
    /// # Safety
    /// `cmd` is the live record that httpd handed to a directive's function.
    pub unsafe fn of(cmd: *const sys::cmd_parms) -> Self {
        // SAFETY: promised by the caller; a directive's chain of parents ends in null.
        unsafe {
            let mut directive: *const sys::ap_directive_t = (*cmd).directive;
            if !directive.is_null() {
                directive = (*directive).parent;
            }
            let mut path = Some(text((*cmd).path));
            while !directive.is_null() {
                let name = text((*directive).directive).to_ascii_lowercase();
                let argument = text((*directive).args);
                match name.as_str() {
                    "<directory" | "<directorymatch" => return Self::directory(&name, &argument, path),
                    "<location" => return Self::Location(unquoted(&argument)),
                    "<locationmatch" => return Self::Location(unquoted(&argument)),
                    _ => {
                        directive = (*directive).parent;
                        // In a `<Files>` section httpd's path is the pattern of that.
                        path = None;
                    }
                }
            }
            if in_htaccess(cmd) {
                let file = text((*(*cmd).config_file).name);
                return Self::Directory(
                    file.rsplit_once('/').map_or(String::new(), |(dir, _)| slashed(dir.to_owned())),
                );
            }
            Self::Server
        }
    }

    /// `path` is httpd's own form of the argument, where that can be had.
    fn directory(name: &str, argument: &str, path: Option<String>) -> Self {
        let argument = argument.trim_end_matches('>').trim();
        if let Some(pattern) = argument.strip_prefix('~') {
            return Self::Pattern(unquoted(pattern), Matching::Regex);
        }
        if name == "<directorymatch" {
            return Self::Pattern(unquoted(argument), Matching::Regex);
        }
        let path = path.unwrap_or_else(|| unquoted(argument));
        if path.contains(['*', '?', '[']) {
            return Self::Pattern(path, Matching::Glob);
        }
        Self::Directory(slashed(path))
    }

    /// The handler's directory for a request of `filename`, with a trailing slash; `None` at server level and in `<Location>`.
    pub fn directory_for(&self, filename: Option<&str>) -> Option<String> {
        match self {
            Self::Server | Self::Location(_) => None,
            Self::Directory(path) => Some(path.clone()),
            Self::Pattern(pattern, matching) => shortest_match(pattern, *matching, filename?),
        }
    }

    /// Whether the directive stands in a `<Location>`.
    pub fn is_location(&self) -> bool {
        matches!(self, Self::Location(_))
    }
}

/// Whether the line stands in a `.htaccess` file: those are parsed without the overrides of a configuration file.
///
/// # Safety
/// `cmd` is the live record that httpd handed to a directive's function.
pub unsafe fn in_htaccess(cmd: *const sys::cmd_parms) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        (*cmd).override_ & (sys::RSRC_CONF | sys::ACCESS_CONF).cast_signed() == 0 && !(*cmd).config_file.is_null()
    }
}

/// The shortest leading directory of `filename` that the pattern matches, with a trailing slash.
fn shortest_match(pattern: &str, matching: Matching, filename: &str) -> Option<String> {
    let matches: Box<dyn Fn(&str) -> bool> = match matching {
        Matching::Glob => {
            let pattern = CString::new(pattern.trim_end_matches('/')).ok()?;
            Box::new(move |dir| glob(&pattern, dir.trim_end_matches('/')))
        }
        Matching::Regex => {
            let regex = Regex::new(pattern)?;
            Box::new(move |dir| regex.matches(dir) || regex.matches(dir.trim_end_matches('/')))
        }
    };
    filename.match_indices('/').map(|(at, _)| &filename[..=at]).find(|dir| matches(dir)).map(str::to_owned)
}

fn glob(pattern: &CStr, text: &str) -> bool {
    let Ok(text) = CString::new(text) else { return false };
    // SAFETY: both strings end in NUL.
    unsafe { sys::apr_fnmatch(pattern.as_ptr(), text.as_ptr(), sys::APR_FNM_PATHNAME.cast_signed()) == 0 }
}

/// httpd's own regular expressions, so that a pattern means here what it means to `<DirectoryMatch>`.
struct Regex(sys::ap_regex_t);

impl Regex {
    fn new(pattern: &str) -> Option<Self> {
        let pattern = CString::new(pattern).ok()?;
        // SAFETY: an all-zero ap_regex_t is what ap_regcomp expects to fill in.
        let mut regex: sys::ap_regex_t = unsafe { std::mem::zeroed() };
        // SAFETY: the record is ours and the pattern ends in NUL.
        (unsafe { sys::ap_regcomp(&raw mut regex, pattern.as_ptr(), 0) } == 0).then_some(Self(regex))
    }

    fn matches(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the expression is compiled, the text ends in NUL, no groups are asked for.
        unsafe { sys::ap_regexec(&raw const self.0, text.as_ptr(), 0, std::ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled in `new`, freed once.
        unsafe { sys::ap_regfree(&raw mut self.0) }
    }
}

/// # Safety
/// `text` is null or a NUL-terminated string that is live now.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn unquoted(argument: &str) -> String {
    argument.trim().trim_end_matches('>').trim().trim_matches('"').to_owned()
}

fn slashed(mut path: String) -> String {
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}
