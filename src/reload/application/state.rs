//! The struct of an application, which the handlers of one place share through all its generations.

use crate::reload::application::parts::archives::Archives;
use crate::reload::application::parts::build_turn::BuildTurn;
use crate::reload::application::parts::failure::Failure;
use crate::reload::application::parts::key::ApplicationKey;
use crate::reload::application::parts::manifest::Manifest;
use crate::reload::application::parts::path_imports::PathCalls;
use crate::reload::application::parts::pending_paths::PendingPaths;
use crate::reload::application::parts::pinned::PinnedModules;
use crate::reload::application::parts::reporter::Reporter;
use crate::reload::application::parts::search_links::SearchLinks;
use crate::reload::module::carried::States;
use crate::reload::module::keep::Keep;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Resolution;
use crate::reload::module::prefetch::{Prefetch, PrefetchMap};
use crate::reload::module::snapshot::Snapshot;
use os::Mutex;
use reload_core::files::content_hashes::ContentHashes;
use reload_core::files::trust::Trust;
use reload_core::graph::Name;
use reload_core::graph::generation::ModuleMap;
use reload_core::resolve::exclusions::Exclusions;
use reload_core::resolve::path_names::PathNames;
use reload_core::resolve::search_path::Search;
use reload_core::watch::Watch;
use reload_core::watch::interests::Listener;
use reload_core::watch::poll_schedule::PollSchedule;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The file of a publisher's page, and its module's name.
pub(in crate::reload) type KnownPage = (Arc<Path>, Name);

/// An application in this child: the managed modules of one place, in their current generation and those before it.
///
/// ```text
/// <Directory /srv/shop>   one application: all its handlers import the same `shop.db`
/// <Directory /srv/blog>   another one: its `db` is another module
///
/// request:  application.refresh(..)   the generation for this request; builds one if files have changed
///           generation.any("app")     the module in that generation
/// ```
pub struct Application {
    pub(in crate::reload) this: Weak<Self>,
    /// What identifies it.
    pub key: ApplicationKey,
    /// Modules that are not reloaded.
    pub kept: PinnedModules,
    /// The names of modules that are imported by their path.
    pub roots: PathNames,
    /// Calls of `apache.import_module`.
    pub calls: PathCalls,
    pub(in crate::reload) places: Mutex<SearchLinks>,
    pub(in crate::reload) watch: Arc<Watch>,
    pub(in crate::reload) suffixes: Vec<String>,
    pub(in crate::reload) current: Mutex<Arc<Snapshot>>,
    /// The number of handlers that are running.
    pub(in crate::reload) running: AtomicUsize,
    pub(in crate::reload) turn: BuildTurn,
    pub(in crate::reload) pending: Mutex<PendingPaths>,
    pub(in crate::reload) names: Mutex<Manifest>,
    pub(in crate::reload) hashes: ContentHashes,
    pub(in crate::reload) archives: Archives,
    pub(in crate::reload) entries: Mutex<HashSet<(Name, Option<Box<str>>)>>,
    pub(in crate::reload) pages: Mutex<HashMap<Box<str>, KnownPage>>,
    pub(in crate::reload) failure: Mutex<Option<Arc<Failure>>>,
    /// The state that its modules carry from generation to generation.
    pub states: States,
    pub(in crate::reload) sweeps: Mutex<PollSchedule>,
    pub(in crate::reload) report: Reporter,
    pub(in crate::reload) trust: Trust,
}

impl Application {
    /// An application without modules. `suffixes` are those of C extensions.
    pub(in crate::reload) fn new(
        key: ApplicationKey,
        search: Search,
        exclusions: Arc<Exclusions>,
        watch: Arc<Watch>,
        suffixes: Vec<String>,
    ) -> Arc<Self> {
        let report = Reporter::new(&key, &key.label());
        let sweeps = PollSchedule::new(watch.interval);
        let archives = Archives::new(search.iter().filter(|d| d.managed).map(|d| d.path.as_path()));
        let application = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            report,
            trust: Trust::new(&key.trust),
            key,
            kept: PinnedModules::new(exclusions),
            roots: PathNames::default(),
            calls: PathCalls::default(),
            places: Mutex::new(SearchLinks::new(search.clone())),
            watch,
            suffixes,
            current: Mutex::new(Arc::new(Snapshot::new(
                1,
                ModuleMap::new_sync(),
                Prefetch::new(search, PrefetchMap::new_sync()),
            ))),
            running: AtomicUsize::new(0),
            turn: BuildTurn::default(),
            pending: Mutex::default(),
            names: Mutex::default(),
            hashes: ContentHashes::default(),
            archives,
            entries: Mutex::default(),
            pages: Mutex::default(),
            failure: Mutex::default(),
            states: States::default(),
            sweeps: Mutex::new(sweeps),
        });
        application.watch.add_listener(application.listener());
        application.follow_links();
        application
    }

    /// A weak reference to it.
    pub(in crate::reload) fn weak(&self) -> Weak<Self> {
        self.this.clone()
    }

    pub(in crate::reload) fn listener(&self) -> Weak<dyn Listener> {
        self.this.clone()
    }

    /// The newest good generation.
    pub(in crate::reload) fn current(&self) -> Arc<Snapshot> {
        self.current.lock().clone()
    }

    /// Whether this is the newest good generation.
    pub(in crate::reload) fn is_current(&self, generation: &Snapshot) -> bool {
        std::ptr::eq(&**self.current.lock(), generation)
    }

    /// How long a body may run that is loaded for the first time.
    pub(in crate::reload) fn load_limit(&self) -> Duration {
        self.turn.load_limit()
    }

    /// Whether a handler is running, in any generation.
    pub(in crate::reload) fn is_in_use(&self) -> bool {
        self.running.load(Ordering::SeqCst) > 0
    }

    /// Notes that a handler begins to run.
    pub(in crate::reload) fn begin_use(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that a handler has ended.
    pub(in crate::reload) fn end_use(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// Why newer code is not served; `None` unless a build has failed.
    pub(in crate::reload) fn failure(&self) -> Option<Arc<Failure>> {
        self.failure.lock().clone()
    }

    /// The failure, if the module would run again with the newer code.
    pub fn failure_of(&self, module: &Name) -> Option<Arc<Failure>> {
        self.failure().filter(|failure| self.with_graph(|graph| failure.affects(module, graph)))
    }

    /// Remembers the module and object that a directive names: a generation without them is not published.
    pub fn add_entry(&self, module: &str, object: Option<&str>) {
        let mut entries = self.entries.lock();
        let known = entries.iter().any(|(m, o)| &**m == module && o.as_deref() == object);
        if !known {
            entries.insert((Name::from(module), object.map(Box::from)));
        }
    }

    /// The file and module of a publisher's page, if the path was resolved before.
    pub fn page(&self, path: &str) -> Option<KnownPage> {
        self.pages.lock().get(path).cloned()
    }

    /// Remembers a page. Only for files that exist, so that clients cannot fill the memory with names.
    pub fn add_page(&self, path: &str, file: &Arc<Path>, module: &Name) {
        self.pages.lock().insert(path.into(), (file.clone(), module.clone()));
    }

    /// The modules and objects that directives name.
    pub(in crate::reload) fn entries(&self) -> Vec<(Name, Option<Box<str>>)> {
        self.entries.lock().iter().cloned().collect()
    }

    /// Whether a loaded module is not reloaded.
    pub(in crate::reload) fn keeps(&self, module: &Managed) -> bool {
        self.kept.keeps(&module.name, module.origin.file().map(PathBuf::as_path))
    }

    /// Keeps modules as code asks for.
    pub(in crate::reload) fn keep(&self, keeps: impl IntoIterator<Item = Keep>) {
        let mut has_pattern = false;
        for keep in keeps {
            has_pattern |= matches!(keep, Keep::Excluded(_));
            self.kept.add(keep);
        }
        if has_pattern {
            // Excluded modules that are not loaded yet are resolved again when they are imported.
            let current = self.current();
            let mut excluded = Vec::new();
            self.names.lock().known.retain(|name, known| {
                let is_out = matches!(&known.resolution, Resolution::Managed(origin)
                    if current.any(name).is_none() && self.is_excluded(name, origin));
                if is_out {
                    excluded.push(name.clone());
                }
                !is_out
            });
            for name in excluded {
                current.sources.forget(&name);
            }
        }
    }

    /// The archives on the search path.
    pub(in crate::reload) fn archives(&self) -> &Archives {
        &self.archives
    }

    /// The content hashes of data files.
    pub(in crate::reload) fn hashes(&self) -> &ContentHashes {
        &self.hashes
    }
}
