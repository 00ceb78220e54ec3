//! The grammar of `Python*Handler`: `MODULE[::OBJECT] ... [ | .EXT ...]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::SectionPath;

/// Who runs a handler. Decided once, when the line is parsed, so that no request compares texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandlerKind {
    /// An object of the module that the entry names: httpd's request goes to it as it is.
    Function,
    /// The publisher, which maps URLs to functions and objects of modules.
    Publisher,
}

impl HandlerKind {
    /// What `module::object` names. `mod_python.publisher` and `mod_python.publisher::handler` are the publisher; any other
    /// object of that module is a function like those of other modules.
    fn of(module: &str, object: Option<&str>) -> Self {
        match (module, object) {
            ("mod_python.publisher", None | Some("handler")) => Self::Publisher,
            _ => Self::Function,
        }
    }
}

/// One handler of a list.
///
/// `PythonHandler shop.pages::show` in `<Directory /srv/shop>` becomes
/// `{ kind: Function, module: "shop.pages", object: Some("show"), text: "shop.pages::show", place: Directory("/srv/shop/") }`.
#[derive(Debug, Clone)]
pub struct HandlerEntry {
    /// Who runs it.
    pub kind: HandlerKind,
    /// Different for every entry of the configuration files; 0 for one of a `.htaccess`, which is parsed at every request.
    pub id: u64,
    /// The module's dotted name, or its path.
    pub module: Arc<str>,
    /// The object inside it, dotted; `None` for the phase's default.
    pub object: Option<String>,
    /// The text as configured.
    pub text: String,
    /// The section that the directive stands in.
    pub place: SectionPath,
}

/// The handlers of one line, and the file extensions they are for.
#[derive(Debug)]
pub struct HandlerList {
    /// In the order in which they run. Requests that run them share the list.
    pub entries: Arc<[HandlerEntry]>,
    /// `None` for a bare list, else the extension with its dot.
    pub extension: Option<String>,
}

/// An id for an entry.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A parsed line: the handlers and the extensions they are limited to.
pub struct Parsed {
    /// `(module, object, text)` in order.
    pub handlers: Vec<(String, Option<String>, String)>,
    /// Extensions with their dots; empty for a bare list.
    pub extensions: Vec<String>,
}

/// Parses what follows the directive's name.
///
/// # Errors
/// A sentence without the directive's name that says what is wrong and what would be right.
pub fn parse(text: &str) -> Result<Parsed, String> {
    let (list, suffix) = match text.split_once('|') {
        Some((list, suffix)) => (list, suffix),
        None => (text, ""),
    };
    let mut handlers = Vec::new();
    for word in list.split_whitespace() {
        let word = word.trim_matches('"');
        let (module, object) = match word.split_once("::") {
            Some((module, object)) => (module, Some(object)),
            None => (word, None),
        };
        if module.is_empty() || object.is_some_and(|o| o.is_empty() || o.split('.').any(str::is_empty)) {
            return Err(format!("`{word}` is not a handler: it takes MODULE or MODULE::OBJECT, as in mypage::handler"));
        }
        if is_path(module) {
            let known = module.starts_with('/') || module.starts_with("./") || module.starts_with("~/");
            if !known {
                return Err(format!(
                    "`{module}` is a file path that does not say where it begins: write /absolute, ./beside the section's directory, or ~/below it"
                ));
            }
        } else if module.split('.').any(str::is_empty) {
            return Err(format!(
                "`{module}` is not a module name: it takes names joined by single dots, as in site.pages"
            ));
        }
        handlers.push((module.to_owned(), object.map(str::to_owned), word.to_owned()));
    }
    if handlers.is_empty() {
        return Err("it names no handler: it takes MODULE or MODULE::OBJECT, as in mypage::handler".to_owned());
    }
    let extensions: Vec<String> = suffix.split_whitespace().map(str::to_owned).collect();
    if let Some(wrong) = extensions.iter().find(|e| !e.starts_with('.')) {
        return Err(format!("`{wrong}` after the pipe is not an extension: it takes one with its dot, as in | .py"));
    }
    Ok(Parsed { handlers, extensions })
}

/// Whether a module is given as a file path rather than as a dotted name.
pub fn is_path(module: &str) -> bool {
    module.contains('/')
}

impl Parsed {
    /// Files the line under each of its extensions, or as a bare list. `lasts` means that it is not of a `.htaccess`.
    pub fn into_lists(self, place: &SectionPath, lasts: bool) -> Vec<HandlerList> {
        let list = |extension: Option<String>| HandlerList {
            entries: self
                .handlers
                .iter()
                .map(|(module, object, text)| HandlerEntry {
                    kind: HandlerKind::of(module, object.as_deref()),
                    id: if lasts { next_id() } else { 0 },
                    module: Arc::from(module.as_str()),
                    object: object.clone(),
                    text: text.clone(),
                    place: place.clone(),
                })
                .collect(),
            extension,
        };
        if self.extensions.is_empty() {
            vec![list(None)]
        } else {
            self.extensions.iter().cloned().map(|e| list(Some(e))).collect()
        }
    }
}
