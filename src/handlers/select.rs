//! Which application a handler belongs to.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;

use crate::api::subject::Subject;
use crate::config::record::Settings;
use crate::config::{HandlerEntry, SectionPath, handler_list};
use crate::httpd::ServerRec;
use crate::python;
use crate::reload::{self, Application, ApplicationKey};
use os::{Mutex, StaticMap, static_map};

/// What identifies an application without comparing texts: the serial numbers of the configuration's values.
#[derive(PartialEq, Eq)]
struct ApplicationShortcut {
    entry: u64,
    server: usize,
    values: [Option<u64>; 5],
    autoreload: bool,
    directory: Option<PathBuf>,
}

impl Hash for ApplicationShortcut {
    /// Entry and server tell nearly all of them apart, and every request pays for what is hashed.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.hash(state);
        self.server.hash(state);
    }
}

impl ApplicationShortcut {
    /// `None` where that depends on the request, or on a `.htaccess` file.
    fn of(subject: &Subject, settings: &Settings, entry: &HandlerEntry, directory: Option<&Path>) -> Option<Self> {
        let values = [
            settings.path.map(|v| v.serial()),
            settings.interpreter.map(|v| v.serial()),
            settings.roots.map(|v| v.serial()),
            settings.excludes.map(|v| v.serial()),
            settings.trust.map(|v| v.serial()),
        ];
        let lasts = entry.id != 0 && !values.contains(&Some(0)) && !matches!(entry.place, SectionPath::Pattern(..));
        lasts.then(|| Self {
            entry: entry.id,
            server: subject.server.as_ptr() as usize,
            values,
            autoreload: settings.autoreload.unwrap_or(true),
            directory: directory.map(Path::to_owned),
        })
    }
}

static QUICK: Mutex<StaticMap<ApplicationShortcut, Arc<Application>>> = Mutex::new(static_map());

/// Where a handler's module is found.
pub struct Target {
    /// Its name within the application.
    pub module: Arc<str>,
    /// The directory that a module given as a path lies in.
    pub directory: Option<PathBuf>,
}

impl Target {
    /// The module that an entry names, and the directory if it names a path.
    pub fn of(entry: &HandlerEntry, filename: Option<&str>) -> Self {
        if !handler_list::is_path(&entry.module) {
            return Self { module: entry.module.clone(), directory: None };
        }
        let own = entry.place.directory_for(filename).unwrap_or_else(|| "/".to_owned());
        let text = entry.module.strip_suffix(".py").unwrap_or(&entry.module);
        let (directory, module) = text.rsplit_once('/').unwrap_or(("", text));
        let directory = match directory.strip_prefix("~").or_else(|| directory.strip_prefix(".")) {
            Some(below) => Path::new(&own).join(below.trim_start_matches('/')),
            None => PathBuf::from(if directory.is_empty() { "/" } else { directory }),
        };
        Self { module: Arc::from(module), directory: Some(directory) }
    }
}

/// The interpreter's name: `PythonInterpreter`, else the server's name.
pub fn interpreter(settings: &Settings, server: ServerRec) -> Arc<str> {
    match &settings.interpreter {
        Some(name) => Arc::from(name.get().as_str()),
        None => Arc::from(server.hostname()),
    }
}

/// The application of a handler. `directory` overrides the directory that the handler's section names; `filename` returns the
/// request's file, for sections whose directory depends on it, and is only called for an application that is not known yet.
///
/// # Errors
/// As [`reload::application`].
pub fn application(
    subject: &Subject,
    settings: &Settings,
    entry: &HandlerEntry,
    directory: Option<PathBuf>,
    filename: impl FnOnce() -> Option<String>,
) -> PyResult<Arc<Application>> {
    let quick = ApplicationShortcut::of(subject, settings, entry, directory.as_deref());
    if let Some(quick) = &quick
        && let Some(known) = QUICK.lock().get(quick)
    {
        return Ok(known.clone());
    }
    let key = key(subject, settings, entry, directory, filename);
    let application = match reload::existing_application(&key) {
        Some(application) => application,
        None => python::attach(|py| reload::application(py, &key))?,
    };
    if let Some(quick) = quick {
        QUICK.lock().insert(quick, application.clone());
    }
    Ok(application)
}

fn key(
    subject: &Subject,
    settings: &Settings,
    entry: &HandlerEntry,
    directory: Option<PathBuf>,
    filename: impl FnOnce() -> Option<String>,
) -> ApplicationKey {
    let path = settings.path.as_ref().map(|p| p.get().clone());
    let own = match directory {
        Some(directory) => Some(directory),
        // As in mod_python, a PythonPath leaves the handler's directory out.
        None if path.is_some() => None,
        None => entry.place.directory_for(filename().as_deref()).map(PathBuf::from),
    };
    ApplicationKey {
        interpreter: interpreter(settings, subject.server),
        directory: own,
        path,
        roots: settings.roots.as_ref().map(|r| r.get().clone()).unwrap_or_default(),
        excludes: settings.excludes.as_ref().map(|r| r.get().clone()).unwrap_or_default(),
        trust: settings.trust.as_ref().map(|t| t.get().clone()).unwrap_or_default(),
        autoreload: settings.autoreload.unwrap_or(true),
    }
}
