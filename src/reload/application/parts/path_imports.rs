//! Calls of `apache.import_module`: their settings and cached results.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::reload::module::managed::Managed;
use os::{Mutex, log};
use reload_core::graph::Name;

/// The settings of a call that come from the request.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// What `~/` stands for.
    pub handler_root: Option<PathBuf>,
    /// `PythonDebug`.
    pub debug: bool,
}

/// A place where a module may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::reload) struct PathTarget {
    /// The directory.
    pub directory: PathBuf,
    /// The module's name in that directory: dotted, or the file's own name.
    pub tail: String,
    /// Whether the tail is the name of a file, which may have an extension.
    pub is_file_name: bool,
}

/// What was found at a place.
#[derive(Clone)]
pub(in crate::reload) enum CachedAnswer {
    /// This module.
    Module(Name),
    /// Nothing. An edge from the caller to this name invalidates the result.
    Nothing(Name),
}

/// Results in one generation, by the calling module and the place.
#[derive(Default)]
struct AnswerCache {
    generation: u64,
    by_place: HashMap<(Name, PathTarget), CachedAnswer>,
}

/// The calls of an application's modules.
#[derive(Default)]
pub struct PathCalls {
    /// The settings of the last request, by the calling module: a reload runs the module's body without a request.
    sites: Mutex<HashMap<Name, Site>>,
    /// The executions that were logged.
    logged: Mutex<HashMap<Name, u64>>,
    /// Modules that were found in one of several places. If such a module disappears, the next place is tried.
    listed: Mutex<HashSet<Name>>,
    /// The results in the newest generation that asked. A change there leads to another generation.
    answers: Mutex<AnswerCache>,
}

impl PathCalls {
    /// Stores the settings of a request for the calls of a module.
    pub(in crate::reload) fn note_site(&self, caller: Name, site: &Site) {
        self.sites.lock().insert(caller, site.clone());
    }

    /// The settings of the last request for the calls of a module.
    pub(in crate::reload) fn site(&self, caller: &Name) -> Option<Site> {
        self.sites.lock().get(caller).cloned()
    }

    /// Remembers that a module was found in one of several places.
    pub(in crate::reload) fn note_alternative(&self, name: &Name) {
        self.listed.lock().insert(name.clone());
    }

    /// Whether a call that found the module would try another place without it.
    pub(in crate::reload) fn has_alternative(&self, name: &str) -> bool {
        self.listed.lock().contains(name)
    }

    /// Drops entries of modules that nothing needs.
    pub(in crate::reload) fn forget(&self, names: &HashSet<Name>) {
        self.sites.lock().retain(|name, _| !names.contains(name));
        self.logged.lock().retain(|name, _| !names.contains(name));
        self.listed.lock().retain(|name| !names.contains(name));
    }

    /// The earlier result for a module and a place in this generation.
    pub(in crate::reload) fn answer(&self, caller: Name, generation: u64, place: &PathTarget) -> Option<CachedAnswer> {
        let answers = self.answers.lock();
        if answers.generation != generation {
            return None;
        }
        answers.by_place.get(&(caller, place.clone())).cloned()
    }

    /// Stores a result, unless a newer generation has asked.
    pub(in crate::reload) fn note_answer(
        &self,
        caller: Name,
        generation: u64,
        place: &PathTarget,
        answer: CachedAnswer,
    ) {
        let mut answers = self.answers.lock();
        if answers.generation < generation {
            *answers = AnswerCache { generation, by_place: HashMap::new() };
        }
        if answers.generation == generation {
            answers.by_place.insert((caller, place.clone()), answer);
        }
    }

    /// Logs an execution that no call has returned before. `was_loaded` if another import has loaded it.
    pub(in crate::reload) fn log(&self, module: &Managed, was_loaded: bool) {
        let before = self.logged.lock().insert(module.name.clone(), module.sequence);
        let what = match before {
            Some(sequence) if sequence == module.sequence => return,
            Some(_) => "reloaded",
            None if was_loaded => return,
            None => "imported",
        };
        let file = module.origin.file().map(|f| f.display().to_string()).unwrap_or_default();
        let text =
            format!("import_module: {what} module '{}' from {file} (generation {})", module.name, module.generation);
        log::notice!("{}", &text);
    }
}
