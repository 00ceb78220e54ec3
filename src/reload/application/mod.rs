//! An application: the managed modules that handlers of one place share, through all their generations.

pub mod archives;
pub mod build_turn;
pub mod change;
pub mod compare;
pub mod evict;
pub mod failure;
pub mod file_dependencies;
pub mod files;
pub mod manifest;
pub mod path_imports;
pub mod pinned;
pub mod pinned_generation;
pub mod registry;
pub mod reporter;
pub mod rescan;
pub mod search_links;
pub mod view;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use crate::reload::application::archives::Archives;
use crate::reload::application::build_turn::BuildTurn;
use crate::reload::application::compare::PendingPaths;
use crate::reload::application::failure::Failure;
use crate::reload::application::file_dependencies::FailedLoad;
use crate::reload::application::manifest::Manifest;
use crate::reload::application::path_imports::PathCalls;
use crate::reload::application::pinned::PinnedModules;
use crate::reload::application::reporter::Reporter;
use crate::reload::application::search_links::SearchLinks;
use crate::reload::module::carried::States;
use crate::reload::module::keep::Keep;
use crate::reload::module::managed::Managed;
use crate::reload::module::prefetch::{Prefetch, PrefetchMap};
use crate::reload::module::snapshot::Snapshot;
use os::Mutex;
use reload_core::files::dependency::ContentHashes;
use reload_core::files::fingerprint::{Hash, Stat};
use reload_core::files::trust::Trust;
use reload_core::graph::generation::ModuleMap;
use reload_core::graph::{Graph, Name};
use reload_core::resolve::exclusions::Exclusions;
use reload_core::resolve::path_names::PathNames;
use reload_core::resolve::search_path::Search;
use reload_core::watch::Watch;
use reload_core::watch::interests::Listener;
use reload_core::watch::poll_schedule::PollSchedule;

pub use crate::reload::application::change::Resolved;
pub use crate::reload::module::origin::Resolution;

/// What makes two handlers share an application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApplicationKey {
    /// The interpreter's name.
    pub interpreter: Arc<str>,
    /// The directory that the handler's section names; none in `<Location>` and at server level, or where `PythonPath` rules.
    pub directory: Option<PathBuf>,
    /// `PythonPath`.
    pub path: Option<String>,
    /// `PythonReloadRoot`.
    pub roots: Vec<String>,
    /// `PythonReloadExclude`.
    pub excludes: Vec<String>,
    /// `PythonReloadTrust`.
    pub trust: Vec<String>,
    /// `PythonAutoReload`.
    pub autoreload: bool,
}

impl ApplicationKey {
    /// The application for people: its interpreter and its place.
    pub fn label(&self) -> String {
        let place = self.directory.as_ref().map(|d| d.display().to_string()).or_else(|| self.path.clone());
        format!("{} {}", self.interpreter, place.unwrap_or_default()).trim().to_owned()
    }
}

/// The file of a publisher's page, and its module's name.
pub type KnownPage = (Arc<Path>, Name);

/// An application in this child.
pub struct Application {
    pub(in crate::reload) this: Weak<Self>,
    /// What identifies it.
    pub key: ApplicationKey,
    /// Modules that stay what they are.
    pub kept: PinnedModules,
    /// The names of modules that are imported by their path.
    pub roots: PathNames,
    /// What is remembered of calls of `apache.import_module`.
    pub calls: PathCalls,
    pub(in crate::reload) places: Mutex<SearchLinks>,
    pub(in crate::reload) watch: Arc<Watch>,
    pub(in crate::reload) suffixes: Vec<String>,
    pub(in crate::reload) current: Mutex<Arc<Snapshot>>,
    /// Handlers that run now.
    pub(in crate::reload) running: AtomicUsize,
    pub(in crate::reload) turn: BuildTurn,
    pub(in crate::reload) pending: Mutex<PendingPaths>,
    pub(in crate::reload) names: Mutex<Manifest>,
    pub(in crate::reload) hashes: ContentHashes,
    pub(in crate::reload) archives: Archives,
    pub(in crate::reload) entries: Mutex<HashSet<(Name, Option<Box<str>>)>>,
    pub(in crate::reload) pages: Mutex<HashMap<Box<str>, KnownPage>>,
    pub(in crate::reload) failure: Mutex<Option<Arc<Failure>>>,
    /// What its modules carry from generation to generation.
    pub states: States,
    pub(in crate::reload) sweeps: Mutex<PollSchedule>,
    pub(in crate::reload) report: Reporter,
    pub(in crate::reload) trust: Trust,
}

impl Application {
    /// An application without modules. `suffixes` are those of C extensions.
    pub fn new(
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

    /// A reference that does not keep it.
    pub fn weak(&self) -> Weak<Self> {
        self.this.clone()
    }

    pub(in crate::reload) fn listener(&self) -> Weak<dyn Listener> {
        self.this.clone()
    }

    /// The newest good generation.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.lock().clone()
    }

    /// Whether this is the newest good generation.
    pub(in crate::reload) fn is_current(&self, generation: &Snapshot) -> bool {
        std::ptr::eq(&**self.current.lock(), generation)
    }

    /// How long a body may run that is loaded for the first time.
    pub fn load_limit(&self) -> Duration {
        self.turn.load_limit()
    }

    /// Whether a handler runs now, in some generation.
    pub fn is_in_use(&self) -> bool {
        self.running.load(Ordering::SeqCst) > 0
    }

    /// A handler begins to run.
    pub fn begin_use(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    /// A handler has come to its end.
    pub fn end_use(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// Why newer code is not served, if there is any.
    pub fn failure(&self) -> Option<Arc<Failure>> {
        self.failure.lock().clone()
    }

    /// The same, if the module would be another one with the newer code.
    pub fn failure_of(&self, module: &Name) -> Option<Arc<Failure>> {
        self.failure().filter(|failure| self.with_graph(|graph| failure.affects(module, graph)))
    }

    /// Remembers what a directive names: a generation without it is not published.
    pub fn add_entry(&self, module: &str, object: Option<&str>) {
        let mut entries = self.entries.lock();
        let known = entries.iter().any(|(m, o)| &**m == module && o.as_deref() == object);
        if !known {
            entries.insert((Name::from(module), object.map(Box::from)));
        }
    }

    /// The file and the module's name of a page that was found under this path before.
    pub fn page(&self, path: &str) -> Option<KnownPage> {
        self.pages.lock().get(path).cloned()
    }

    /// Remembers a page. Only for files that are there, so that clients cannot fill the memory with names.
    pub fn add_page(&self, path: &str, file: &Arc<Path>, module: &Name) {
        self.pages.lock().insert(path.into(), (file.clone(), module.clone()));
    }

    /// What directives name.
    pub fn entries(&self) -> Vec<(Name, Option<Box<str>>)> {
        self.entries.lock().iter().cloned().collect()
    }

    /// Whether a loaded module stays what it is.
    pub fn keeps(&self, module: &Managed) -> bool {
        self.kept.keeps(&module.name, module.origin.file().map(PathBuf::as_path))
    }

    /// Keeps what code asks for.
    pub fn keep(&self, keeps: impl IntoIterator<Item = Keep>) {
        let mut has_pattern = false;
        for keep in keeps {
            has_pattern |= matches!(keep, Keep::Excluded(_));
            self.kept.add(keep);
        }
        if has_pattern {
            // What is excluded and not loaded yet is looked up again when it is imported.
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
    pub fn archives(&self) -> &Archives {
        &self.archives
    }

    /// The content hashes of files that are no modules.
    pub fn hashes(&self) -> &ContentHashes {
        &self.hashes
    }

    /// Adds an edge, if the user's module is the one that the current generation serves.
    pub fn add_edge(&self, user: &Arc<Managed>, used: &Name) {
        if self.is_served(user) {
            self.names.lock().graph.add(&user.name, used);
        }
    }

    /// Remembers that a module holds a package, if it is the one that the current generation serves.
    pub fn add_hold(&self, holder: &Arc<Managed>, package: &Name) {
        if self.is_served(holder) {
            self.names.lock().graph.add_hold(&holder.name, package);
        }
    }

    fn is_served(&self, user: &Arc<Managed>) -> bool {
        let served = self.current().any(&user.name);
        served.is_some_and(|now| {
            Arc::ptr_eq(&now, user) || now.copied_from.as_ref().is_some_and(|origin| Arc::ptr_eq(origin, user))
        })
    }

    /// Forgets what a module uses: it could not be loaded, or is loaded anew.
    pub fn forget_edges(&self, name: &str) {
        self.names.lock().graph.forget(name);
    }

    /// The edges as they are now.
    pub fn graph(&self) -> Graph {
        self.names.lock().graph.clone()
    }

    /// Calls `with` with the edges, without copying them. Nothing in it may take long or run Python.
    pub fn with_graph<R>(&self, with: impl FnOnce(&Graph) -> R) -> R {
        with(&self.names.lock().graph)
    }

    /// Makes a generation the current one, in one step.
    pub fn publish(&self, mut published: Publication) {
        self.move_to(&published.generation.sources.search);
        self.names.lock().take_in(&mut published);
        self.report.serve_built();
        let renewed = published.renewed.iter().map(|module| (&module.name, Some(module.source.hash())));
        let gone = published.gone.iter().map(|name| (name, None));
        let generation = published.generation;
        self.report.publish(generation.number, gone.chain(renewed));
        let old = std::mem::replace(&mut *self.current.lock(), generation);
        drop(old);
        self.forget_idle();
    }

    /// A module could not be loaded into the current generation, and whoever imports it may have gone on without.
    pub fn miss(&self, name: &Name, missed: FailedLoad) {
        self.names.lock().miss(name.clone(), missed);
    }

    /// Whether a module that is not loaded could not be, and somebody has gone on without.
    pub fn has_missed(&self, name: &str) -> bool {
        self.names.lock().missed.contains_key(name)
    }

    /// A change is no change any more: the module is as its file is now.
    pub fn settle(&self, name: &Name) {
        let settled = self.names.lock().suspects.remove(name);
        drop(settled);
        self.kept.forget_restart(name);
        if let Some(module) = self.current().ready(name) {
            self.note_loaded(&module);
        }
    }

    /// A module is about to be loaded into a generation that was published before; whether other children serve other content.
    pub fn note_loading(&self, generation: &Snapshot, name: &Name, content: Hash) -> bool {
        self.is_current(generation) && self.report.serve_loaded(name, content)
    }

    /// Re-checks a module that became visible just now and was read after `since`: an edit that was announced in between would be
    /// lost.
    pub fn recheck(&self, module: &Managed, since: SystemTime) {
        if let Some(file) = module.origin.file()
            && Stat::take(file).is_none_or(|stat| stat.is_since(since))
            && !self.is_on_disk(module)
        {
            self.changed(file);
        }
    }

    /// Whether a module's file holds what it was made from.
    pub fn is_on_disk(&self, module: &Managed) -> bool {
        let Some(file) = module.origin.file() else { return true };
        self.read(file).is_ok_and(|content| content.hash == module.source.hash())
    }

    /// The current generation has got one more module, or another text of one.
    pub fn note_loaded(&self, module: &Managed) {
        self.report.add(&module.name, module.source.hash());
    }
}

/// A generation to publish, and what goes with it.
pub struct Publication {
    /// The generation.
    pub generation: Arc<Snapshot>,
    /// The modules that it does not share with its predecessor.
    pub renewed: Vec<Arc<Managed>>,
    /// Names that it does not have any more.
    pub gone: Vec<Name>,
    /// What names stand for from now on; none for names to resolve anew.
    pub known: HashMap<Name, Option<Resolved>>,
    /// The changes that it takes in.
    pub settled: Vec<Name>,
    /// Modules that could not be loaded.
    pub missed: Vec<(Name, FailedLoad)>,
}
