//! From a URL to a module's file and a path inside the module.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::httpd::RequestRec;
use crate::reload::PinnedGeneration;
use reload_core::graph::Name;

/// What a URL names.
pub struct Page {
    /// The module's file.
    pub file: Arc<Path>,
    /// The module's name in its application.
    pub module: Name,
    /// The object in it, by parts.
    pub path: Vec<String>,
}

/// The directory part of a request's file name.
pub fn directory_of(filename: &str) -> Option<&Path> {
    filename.rsplit_once('/').map(|(directory, _)| Path::new(if directory.is_empty() { "/" } else { directory }))
}

/// Whether the directories between `top` and the file can be parts of a module's dotted name.
pub fn is_nameable(top: &Path, filename: &str) -> bool {
    directory_of(filename).and_then(|d| d.strip_prefix(top).ok()).is_some_and(|below| {
        below.components().all(|part| part.as_os_str().to_str().is_some_and(|text| !text.contains('.')))
    })
}

impl Page {
    /// Finds the page: `DIR/NAME.py`, or else what follows in `DIR/index.py`. `None` when neither file is there.
    pub fn find(record: RequestRec, pin: &PinnedGeneration, extension: Option<&str>) -> Option<Self> {
        let filename = Path::new(OsStr::from_bytes(record.filename()?)).to_str()?;
        let (directory, last) = filename.rsplit_once('/')?;
        let directory = Path::new(if directory.is_empty() { "/" } else { directory });
        let stem = strip_suffix(record, if last.is_empty() { "index" } else { last }, extension);
        let path_info = record.text(|r| r.path_info).map(|p| String::from_utf8_lossy(p).into_owned());
        let path = path_info.as_deref().unwrap_or_default();
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let (file, module, path) = match Self::module(pin, directory, stem) {
            Some((file, module)) => (file, module, path.to_owned()),
            None => {
                let (file, module) = Self::module(pin, directory, "index")?;
                let path = if path.is_empty() { stem.to_owned() } else { format!("{stem}/{path}") };
                (file, module, path)
            }
        };
        let path = if path.is_empty() { "index".to_owned() } else { path };
        Some(Self { file, module, path: path.split(['/', '.']).map(str::to_owned).collect() })
    }

    /// A module of a directory, if its file is there. What is loaded already is there without asking the file system: its
    /// disappearance is news.
    fn module(pin: &PinnedGeneration, directory: &Path, stem: &str) -> Option<(Arc<Path>, Name)> {
        let path = directory.join(stem);
        let key = path.to_str()?;
        let known = pin.application.page(key);
        if let Some((file, module)) = &known
            && pin
                .generation
                .ready(module)
                .is_some_and(|m| m.origin.file().is_some_and(|f| f.file_name() == file.file_name()))
        {
            return known;
        }
        let (module, place) = module_name(pin, directory, stem)?;
        if !place.is_file() {
            return None;
        }
        let file: Arc<Path> = Arc::from(directory.join(format!("{stem}.py")));
        pin.application.add_page(key, &file, &module);
        Some((file, module))
    }

    /// Whether the module's own name is a private one: `__init__.py` and the like are not pages.
    pub fn is_private(&self) -> bool {
        self.module.split('.').any(|part| part.starts_with('_'))
    }
}

/// The dotted name of a file below one of the application's directories, and where the generation has that file.
fn module_name(pin: &PinnedGeneration, directory: &Path, stem: &str) -> Option<(Name, PathBuf)> {
    if stem.contains('.') || stem.is_empty() {
        return None;
    }
    let managed = || pin.generation.sources.search.iter().filter(|d| d.managed);
    let nearest = |places: Vec<(&Path, &Path)>, directory: &Path| {
        let below = places.iter().filter_map(|(given, path)| Some((directory.strip_prefix(given).ok()?, *path)));
        below
            .min_by_key(|(below, _)| below.components().count())
            .map(|(below, path)| (below.to_owned(), path.to_owned()))
    };
    let (below, top) = nearest(managed().map(|d| (&*d.given, &*d.path)).collect(), directory)
        .or_else(|| nearest(managed().map(|d| (&*d.path, &*d.path)).collect(), &directory.canonicalize().ok()?))?;
    let mut name = String::new();
    for part in below.components() {
        name.push_str(part.as_os_str().to_str()?);
        name.push('.');
    }
    name.push_str(stem);
    Some((Name::from(name), top.join(below).join(format!("{stem}.py"))))
}

/// Takes away one suffix: `.py`, one that `AddHandler` gives to this module, or the one that chose the handler.
fn strip_suffix<'a>(record: RequestRec, name: &'a str, extension: Option<&str>) -> &'a str {
    if !name.contains('.') {
        return name;
    }
    let strip = |suffix: &str| name.strip_suffix(suffix).and_then(|n| n.strip_suffix('.')).filter(|n| !n.is_empty());
    if let Some(stem) = strip("py") {
        return stem;
    }
    let added = record.handler_extensions().map(String::from_utf8_lossy).unwrap_or_default();
    added
        .split_whitespace()
        .find_map(strip)
        .or_else(|| extension.and_then(|e| e.strip_prefix('.')).and_then(strip))
        .unwrap_or(name)
}
