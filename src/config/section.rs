//! Where in the configuration a directive stands: what decides a handler's directory.

use std::borrow::Cow;
use std::ffi::CString;

use crate::httpd::command::ConfigLine;
use crate::httpd::pattern::{Regex, matches_wildcards};

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
    /// The section that a line stands in.
    pub fn of(line: ConfigLine<'_>) -> Self {
        let mut path = Some(line.path().unwrap_or_default().into_owned());
        for section in line.sections() {
            let name = lossy(section.name()).to_ascii_lowercase();
            let argument = lossy(section.arguments());
            match name.as_str() {
                "<directory" | "<directorymatch" => return Self::directory(&name, &argument, path),
                "<location" | "<locationmatch" => return Self::Location(unquoted(&argument)),
                // In a `<Files>` section httpd's path is the pattern of that.
                _ => path = None,
            }
        }
        match line.htaccess() {
            Some(file) => {
                Self::Directory(file.rsplit_once('/').map_or(String::new(), |(dir, _)| slashed(dir.to_owned())))
            }
            None => Self::Server,
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

/// The shortest leading directory of `filename` that the pattern matches, with a trailing slash.
fn shortest_match(pattern: &str, matching: Matching, filename: &str) -> Option<String> {
    let matches: Box<dyn Fn(&str) -> bool> = match matching {
        Matching::Glob => {
            let pattern = CString::new(pattern.trim_end_matches('/')).ok()?;
            Box::new(move |dir| matches_wildcards(&pattern, dir.trim_end_matches('/')))
        }
        Matching::Regex => {
            let regex = Regex::new(pattern)?;
            Box::new(move |dir| regex.matches(dir) || regex.matches(dir.trim_end_matches('/')))
        }
    };
    filename.match_indices('/').map(|(at, _)| &filename[..=at]).find(|dir| matches(dir)).map(str::to_owned)
}

fn lossy(text: Option<&[u8]>) -> Cow<'_, str> {
    String::from_utf8_lossy(text.unwrap_or_default())
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
