//! An application: the managed modules that handlers of one place share, through all their generations.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::Snapshot;
use super::applications;
use super::archive::{Archives, Damage};
use super::build::{self, Build, GRACE, Read, Reason};
use super::builders;
use super::by_path::Calls;
use super::dependency::Hashes;
use super::execute;
use super::failure::{Failure, signature};
use super::fingerprint::{self, Content, Hash, Stat};
use super::graph::{Graph, Name};
use super::kept::{Exclusions, Keep, Kept};
use super::looking::Missed;
use super::module::{Managed, Origin, Source};
use super::relabel;
use super::report::Report;
use super::resolve::{self, Found, Lookup};
use super::roots::{Root, Roots};
use super::search::{self, Search};
use super::sources::Sources;
use super::stage::{self, Unpublished};
use super::states::States;
use super::sweeps::Sweeps;
use super::trust::Trust;
use super::watch::{Listener, Watch, scope_hash};
use crate::config::{Consistency, ReloadMode};
use crate::httpd::log;
use crate::python::gate::lock;
use crate::python::{error, forking};

/// What makes two handlers share an application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
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

impl Key {
    /// The application for people: its interpreter and its place.
    pub fn label(&self) -> String {
        let place = self.directory.as_ref().map(|d| d.display().to_string()).or_else(|| self.path.clone());
        format!("{} {}", self.interpreter, place.unwrap_or_default()).trim().to_owned()
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A managed module.
    Managed(Origin),
    /// Something for Python's own import: installed, built in, or nothing.
    Unmanaged,
}

/// What Python's import system has for a top-level name beside the managed directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nothing that matters.
    Nothing,
    /// Something unmanaged that comes first.
    Unmanaged,
    /// Source code under a root, as of a package that is installed in place.
    Managed(Origin),
}

/// What is known of a name, and what that rests on.
#[derive(Debug, Clone)]
pub struct Known {
    /// What was decided.
    pub resolution: Resolution,
    candidate: Found,
    directories: Vec<PathBuf>,
}

impl Known {
    /// The same decision where the search path lies elsewhere; whether it does for this name. What was found stays: it is no
    /// longer what is to be found.
    fn move_to(&mut self, from: &Search, to: &Search) -> bool {
        let mut has_moved = false;
        for directory in &mut self.directories {
            if let Some(moved) = search::moved(directory, from, to) {
                *directory = moved;
                has_moved = true;
            }
        }
        has_moved
    }
}

/// A name whose file or resolution differs from the current generation's.
#[derive(Clone)]
pub struct Change {
    /// What the name stands for now; none when that must be resolved anew.
    pub known: Option<Known>,
    /// The new content, where it is a file that could be read, or why not.
    pub content: Option<Result<Content, Arc<io::Error>>>,
    /// That content, compiled.
    pub source: Option<Arc<Source>>,
    /// What the module has read is now, where that differs.
    pub data: Option<Hash>,
    /// It is to run again even if its code is the same.
    pub is_asked: bool,
}

impl Change {
    /// A name that must be resolved anew.
    fn open(content: Option<Result<Content, Arc<io::Error>>>) -> Self {
        Self { known: None, content, source: None, data: None, is_asked: false }
    }

    /// The hash of the new content, if there is one, and of what the module has read.
    pub fn mark(&self) -> Option<Hash> {
        let content = self.content.as_ref().and_then(|c| c.as_ref().ok())?;
        Some(self.data.map_or(content.hash, |data| fingerprint::hash_of(&format!("{:?} {data:?}", content.hash))))
    }

    /// Whether the file did not hold still while it was read.
    fn is_changing(&self) -> bool {
        let error = self.content.as_ref().and_then(|content| content.as_ref().err());
        error.is_some_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the file may have a writer that nothing tells of: it was changed a moment ago and found by looking at it; or it has
    /// become empty, and the truncation is not announced before it is complete.
    fn is_doubtful(&self, is_announced: bool) -> bool {
        let Some(Ok(content)) = &self.content else { return self.is_changing() };
        (!is_announced && content.stat.is_young())
            || (self.known.is_some() && content.bytes.is_empty() && content.stat.is_younger_than(EMPTIED))
    }

    /// What the module is to be made from, where it is known already what the name stands for.
    pub fn read(&self) -> Option<Read> {
        let Resolution::Managed(origin) = &self.known.as_ref()?.resolution else { return None };
        let content = self.content.as_ref()?;
        Some((origin.file()?.clone(), content.as_ref().ok().map(|content| content.hash)))
    }
}

/// The file of a publisher's page, and its module's name.
pub type Page = (Arc<Path>, Name);

/// What is to be taken in.
#[derive(Default)]
struct Pending {
    paths: HashSet<PathBuf>,
    anything: bool,
    /// Modules to load again whether they have changed or not: the hash of a name or package, none for all.
    rebuilds: Vec<Option<u64>>,
    /// A build is asked for even if the last one failed for the same content.
    is_asked: bool,
}

impl Pending {
    /// Puts back what could not be taken in.
    fn merge(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.anything |= other.anything;
        self.rebuilds.extend(other.rebuilds);
        self.is_asked |= other.is_asked;
    }
}

#[derive(Default)]
struct Names {
    known: HashMap<Name, Known>,
    by_path: HashMap<PathBuf, HashSet<Name>>,
    missed: HashMap<Name, Missed>,
    listed: HashSet<PathBuf>,
    seen: HashMap<PathBuf, Option<Stat>>,
    graph: Graph,
    suspects: HashMap<Name, Change>,
    /// Suspects that are to be loaded again even if their content is the same.
    asked: HashSet<Name>,
}

/// How long a child that cannot build what others serve waits before it tries again.
const RETRY: Duration = Duration::from_secs(2);
/// How long files may keep changing while they are compared.
const SETTLING: Duration = Duration::from_secs(1);
/// How long a file must have been empty to be taken as such.
const EMPTIED: Duration = Duration::from_millis(500);
/// How long the first load of a file waits for its writer.
const WRITING: Duration = Duration::from_secs(1);
/// How long to wait between two looks at a file that somebody writes.
const PAUSE: Duration = Duration::from_millis(5);

/// Where modules are looked for.
struct Places {
    /// By the current generation.
    current: Search,
    /// By the next one, where links point elsewhere by now.
    next: Option<Search>,
    links: HashSet<PathBuf>,
}

/// An application in this child.
pub struct Application {
    this: Weak<Self>,
    /// What identifies it.
    pub key: Key,
    /// Modules that stay what they are.
    pub kept: Kept,
    /// The names of modules that are imported by their path.
    pub roots: Roots,
    /// What is remembered of calls of `apache.import_module`.
    pub calls: Calls,
    places: Mutex<Places>,
    watch: Arc<Watch>,
    suffixes: Vec<String>,
    current: Mutex<Arc<Snapshot>>,
    /// Handlers that run now.
    running: AtomicUsize,
    dirty: AtomicBool,
    building: AtomicBool,
    superseded: AtomicU32,
    builder: Mutex<Option<Arc<Build>>>,
    built: Condvar,
    pending: Mutex<Pending>,
    names: Mutex<Names>,
    hashes: Hashes,
    archives: Archives,
    entries: Mutex<HashSet<(Name, Option<Box<str>>)>>,
    pages: Mutex<HashMap<Box<str>, Page>>,
    failure: Mutex<Option<Arc<Failure>>>,
    /// What its modules carry from generation to generation.
    pub states: States,
    sweeps: Mutex<Sweeps>,
    report: Report,
    trust: Trust,
}

impl Names {
    /// When what a missed module is made of changes, its importers are to ask for it again.
    fn miss(&mut self, name: Name, missed: Missed) {
        for used in &missed.uses {
            self.graph.add(&name, used);
        }
        self.missed.insert(name, missed);
    }
}

/// The right to build, for one build. Tells the waiting requests when that has ended, however it did.
struct Building {
    application: Arc<Application>,
    build: Arc<Build>,
    has_run: bool,
}

impl Building {
    fn run(mut self) {
        self.application.build(&self.build);
        self.has_run = true;
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.has_run {
            // What was to be taken in has not been: there was no thread, or a panic.
            self.application.anything_changed();
        }
        self.application.end_build(&self.build);
        if self.build.leave() {
            applications::all().iter().for_each(|application| application.try_for_room());
        }
    }
}

impl Application {
    /// An application without modules. `suffixes` are those of C extensions.
    pub fn new(
        key: Key,
        search: Search,
        exclusions: Arc<Exclusions>,
        watch: Arc<Watch>,
        suffixes: Vec<String>,
    ) -> Arc<Self> {
        let report = Report::new(&key, &key.label());
        let sweeps = Sweeps::new(watch.interval);
        let archives = Archives::new(search.iter().filter(|d| d.managed).map(|d| d.path.as_path()));
        let application = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            report,
            trust: Trust::new(&key.trust),
            key,
            kept: Kept::new(exclusions),
            roots: Roots::default(),
            calls: Calls::default(),
            places: Mutex::new(Places { current: search.clone(), next: None, links: HashSet::new() }),
            watch,
            suffixes,
            current: Mutex::new(Arc::new(Snapshot::new(1, HashMap::new(), Sources::new(search, HashMap::new())))),
            running: AtomicUsize::new(0),
            dirty: AtomicBool::new(false),
            building: AtomicBool::new(false),
            superseded: AtomicU32::new(0),
            builder: Mutex::default(),
            built: Condvar::new(),
            pending: Mutex::default(),
            names: Mutex::default(),
            hashes: Hashes::default(),
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

    fn listener(&self) -> Weak<dyn Listener> {
        self.this.clone()
    }

    /// The newest good generation.
    pub fn current(&self) -> Arc<Snapshot> {
        lock(&self.current).clone()
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
        lock(&self.failure).clone()
    }

    /// The same, if the module would be another one with the newer code.
    pub fn failure_of(&self, module: &Name) -> Option<Arc<Failure>> {
        self.failure().filter(|failure| self.with_graph(|graph| failure.affects(module, graph)))
    }

    /// Remembers what a directive names: a generation without it is not published.
    pub fn add_entry(&self, module: &str, object: Option<&str>) {
        let mut entries = lock(&self.entries);
        let known = entries.iter().any(|(m, o)| &**m == module && o.as_deref() == object);
        if !known {
            entries.insert((Name::from(module), object.map(Box::from)));
        }
    }

    /// The file and the module's name of a page that was found under this path before.
    pub fn page(&self, path: &str) -> Option<Page> {
        lock(&self.pages).get(path).cloned()
    }

    /// Remembers a page. Only for files that are there, so that clients cannot fill the memory with names.
    pub fn add_page(&self, path: &str, file: &Arc<Path>, module: &Name) {
        lock(&self.pages).insert(path.into(), (file.clone(), module.clone()));
    }

    /// What directives name.
    pub fn entries(&self) -> Vec<(Name, Option<Box<str>>)> {
        lock(&self.entries).iter().cloned().collect()
    }

    /// The generation for a request that starts now. In sync mode this is the code as saved; at most `patience` is spent
    /// waiting for another thread's build. `None` where one code is to be seen in the whole server and this child cannot serve
    /// what others do. Must be called without the interpreter lock.
    pub fn refresh(&self, mode: ReloadMode, consistency: Consistency, patience: Duration) -> Option<Arc<Snapshot>> {
        if forking::is_copy() || self.kept.is_frozen() {
            return Some(self.current());
        }
        self.watch.poll();
        if self.watch.has_unannounced() {
            self.poll_files();
        }
        if self.key.autoreload && consistency == Consistency::Server && self.report.is_behind(self.report.version()) {
            return self.draw_level(patience);
        }
        if self.is_settled() {
            return Some(self.current());
        }
        match mode {
            ReloadMode::Sync => self.catch_up(patience),
            ReloadMode::Async => self.catch_up_behind(patience),
        }
        Some(self.current())
    }

    /// Another child serves what this one has not looked for yet: neither a build in the background nor the last good code
    /// will do.
    fn draw_level(&self, patience: Duration) -> Option<Arc<Snapshot>> {
        let version = self.report.version();
        let is_due = self.failure().is_some_and(|failure| failure.age() >= RETRY);
        if self.report.ask(version) || is_due {
            self.anything_changed();
        }
        if !self.is_settled() {
            self.catch_up(patience);
        }
        (!self.report.is_behind(version)).then(|| self.current())
    }

    fn is_settled(&self) -> bool {
        // In this order: a builder says that it builds before it takes the flag away.
        !self.dirty.load(Ordering::SeqCst) && !self.building.load(Ordering::SeqCst)
    }

    fn catch_up(&self, patience: Duration) {
        // A build that is called off takes a while to end, or to be left behind.
        let deadline = Instant::now() + patience + 3 * GRACE;
        let is_inline = builders::is_inline();
        let mut own = None;
        loop {
            if own.is_none()
                && let Some(building) = self.become_builder(patience, !is_inline)
            {
                own = Some(building.build.clone());
                if is_inline {
                    building.run();
                } else if !builders::hand_over(move || building.run()) {
                    return;
                }
            }
            let held = self.builder();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if let Some(build) = own.take_if(|own| !held.as_ref().is_some_and(|now| Arc::ptr_eq(now, own))) {
                // It has taken in what was there when the request began, unless something newer has ended it.
                if build.reason() != Some(Reason::Superseded) {
                    return;
                }
            } else if held.is_some() {
                drop(self.built.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner));
            } else {
                drop(held);
            }
            if own.is_none() && self.is_settled() {
                return;
            }
        }
    }

    fn catch_up_behind(&self, patience: Duration) {
        if let Some(building) = self.become_builder(patience, true) {
            builders::hand_over(move || building.run());
        }
    }

    fn become_builder(&self, limit: Duration, is_abandonable: bool) -> Option<Building> {
        let application = self.this.upgrade()?;
        let mut held = self.builder();
        if held.is_some() || !self.dirty.load(Ordering::SeqCst) {
            return None;
        }
        let in_a_row = self.superseded.load(Ordering::SeqCst);
        let build = Build::new(self.this.clone(), limit, is_abandonable, in_a_row);
        *held = Some(build.clone());
        self.building.store(true, Ordering::SeqCst);
        self.dirty.store(false, Ordering::SeqCst);
        drop(held);
        Some(Building { application, build, has_run: false })
    }

    fn builder(&self) -> MutexGuard<'_, Option<Arc<Build>>> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody needs to wait for this build any more.
    fn end_build(&self, build: &Arc<Build>) {
        let mut held = self.builder();
        // A build that was left behind is not the one that others wait for.
        if held.as_ref().is_some_and(|now| Arc::ptr_eq(now, build)) {
            *held = None;
            self.building.store(false, Ordering::SeqCst);
        }
        drop(held);
        self.built.notify_all();
    }

    /// Finds out what has changed and, if anything has, builds the next generation.
    fn build(&self, build: &Arc<Build>) {
        let Some(this) = self.this.upgrade() else { return };
        // Before anything is read: what is found is at least as new.
        let version = self.report.version();
        let horizon = execute::horizon();
        let Some(is_asked) = self.take_in() else { return };
        let has_moved = lock(&self.places).next.is_some();
        if let Some(damage) = self.archives.damage() {
            self.meet_damage(version, damage);
            return;
        }
        let suspects = lock(&self.names).suspects.clone();
        if suspects.is_empty() && !has_moved {
            self.conclude(version, None);
            return;
        }
        let has_room = build::may_hang();
        let before = self.failure();
        let is_known = |suspects: &HashMap<Name, Change>| {
            let signature = signature(suspects.iter());
            // What another child serves can be built, perhaps only not at that time.
            let is_final = |failure: &Failure| {
                (failure.age() < RETRY || !self.report.is_served(&signature)) && !(failure.lacks_room() && has_room)
            };
            !is_asked
                && before.as_ref().is_some_and(|failure| {
                    failure.is_of(&signature) && is_final(failure) && !self.is_retried(failure.attempts())
                })
        };
        if is_known(&suspects) {
            return;
        }
        let suspects = crate::python::attach(|py| self.set_kept_aside(py, relabel::take_in(py, &this, suspects)));
        if suspects.is_empty() && !has_moved {
            self.conclude(version, None);
            return;
        }
        if is_known(&suspects) {
            return;
        }
        let signature = signature(suspects.iter());
        build.begins_with(version, &signature);
        if let Some((brief, text)) = self.report.known_failure(&signature)
            && !is_asked
        {
            self.conclude(version, Some(Failure::of_another_child(brief, text, signature)));
            return;
        }
        if build.is_abandonable() && !has_room {
            self.fail(version, Failure::without_room(signature));
            return;
        }
        self.report.begin(&signature);
        let told = told(&suspects);
        let changes = self.with_submodules(suspects);
        let outcome = crate::python::attach(|py| stage::build(py, &this, changes, horizon, build));
        let in_a_row = self.superseded.swap(0, Ordering::SeqCst);
        match outcome {
            Ok(()) => self.conclude(version, None),
            Err(Unpublished::Broken(broken)) => {
                let is_told = self.is_told(&told, &broken.attempts);
                self.fail(version, Failure::new(*broken, signature, is_told));
            }
            Err(Unpublished::Superseded) => {
                self.superseded.store(in_a_row + 1, Ordering::SeqCst);
                log::main(log::INFO, "a build begins again, as a file that it read was edited meanwhile");
            }
            Err(Unpublished::Abandoned) => {}
        }
    }

    /// Keeps the last good generation, and says why unless that is known.
    fn fail(&self, version: u64, failure: Failure) {
        let before = self.failure();
        if self.report.keep_failure(&failure) && !before.is_some_and(|before| before.is_repeated_by(&failure)) {
            failure.report(self.current().number);
        }
        self.conclude(version, Some(failure));
    }

    /// Ends a comparison that began when the server had come to `version`: with code that is as new as the disk, or a failure.
    fn conclude(&self, version: u64, failure: Option<Failure>) {
        let failure = failure.map(Arc::new);
        let before = std::mem::replace(&mut *lock(&self.failure), failure.clone());
        if let Some(before) = before.filter(|b| failure.as_ref().is_none_or(|f| !f.is_of(b.signature()))) {
            self.report.forget_failure(before.signature());
        }
        if let Some(failure) = failure {
            self.report.fail(&failure.text);
            return;
        }
        let modules = self.current().modules();
        if self.report.is_behind(version) {
            // What is kept is not what is on disk, and no child follows another one there.
            let followed = modules.iter().filter(|(_, module)| !self.keeps(module));
            self.report.serve_compared(followed.map(|(name, module)| (&**name, module.source.hash())));
        }
        self.report.reach(version);
        self.report.settle(modules.iter().map(|(name, module)| (&**name, module.source.hash())));
    }

    /// Changes of modules that are kept are not built. Attached, as a change may hold compiled code.
    fn set_kept_aside(&self, _: pyo3::Python<'_>, mut suspects: HashMap<Name, Change>) -> HashMap<Name, Change> {
        let current = self.current();
        suspects.retain(|name, change| {
            let Some(module) = current.any(name).filter(|module| self.keeps(module)) else { return true };
            let same_text = matches!(&change.content, Some(Ok(content)) if content.hash == module.source.hash());
            let reason = match change.known {
                None => "its file was moved or removed",
                Some(_) if same_text => "a file that it reads has changed",
                Some(_) => "its file has changed",
            };
            self.kept.require_restart(name, reason);
            lock(&self.names).suspects.remove(name);
            false
        });
        suspects
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
            lock(&self.names).known.retain(|name, known| {
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

    /// Compares what was announced with what is served, until nothing more is announced. Answers whether a build is asked for
    /// even if nothing has changed; `None` where a file has a writer: half of a save is not built, neither in a file nor in
    /// several, and the writer's end is announced.
    fn take_in(&self) -> Option<bool> {
        let deadline = Instant::now() + SETTLING;
        let mut is_asked = false;
        loop {
            let mut pending = std::mem::take(&mut *lock(&self.pending));
            is_asked |= pending.is_asked;
            let mut must_wait = self.watch.holds(&self.listener());
            let mut is_complete = true;
            if !must_wait {
                is_complete = self.compare_pending(&pending);
                pending = Pending::default();
                // What has changed in the meantime may have been read in the middle of that.
                self.watch.poll();
                must_wait = self.watch.holds(&self.listener());
            }
            let is_quiet = !self.dirty.swap(false, Ordering::SeqCst) && is_complete;
            if is_quiet && !must_wait {
                return Some(is_asked);
            }
            if !must_wait && is_complete && Instant::now() >= deadline {
                // Edits without a pause: what was saved when this request began has been compared.
                self.dirty.fetch_or(!is_quiet, Ordering::SeqCst);
                return Some(is_asked);
            }
            if must_wait || Instant::now() >= deadline {
                pending.is_asked = is_asked;
                lock(&self.pending).merge(pending);
                self.dirty.fetch_or(!is_quiet, Ordering::SeqCst);
                return None;
            }
        }
    }

    /// Somebody asks for the newest state of a module that was kept only because nobody did: the next request sees it.
    pub fn ask_for_newest(&self, name: &Name) {
        let Some(is_stale) = self.kept.ask(name) else { return };
        self.kept.forget_restart(name);
        let Some(known) = lock(&self.names).known.get(name).cloned() else { return };
        let current = self.current();
        let change = self.compare_one(name, &known, &current, false);
        let stale = || is_stale.then(|| Change { known: Some(known.clone()), ..Change::open(None) });
        if let Some(change) = change.or_else(stale) {
            lock(&self.names).suspects.insert(name.clone(), change);
            self.dirty.store(true, Ordering::SeqCst);
        }
    }

    /// Whether what was read can be trusted to be complete.
    fn compare_pending(&self, pending: &Pending) -> bool {
        self.refresh_archives(pending);
        let mut names = self.names_at(&pending.paths);
        if pending.anything {
            names.extend(self.names_to_compare());
        }
        if self.has_moved(pending) {
            names.extend(lock(&self.names).known.keys().cloned());
        }
        if !pending.rebuilds.is_empty() {
            let asked = self.names_in(&pending.rebuilds);
            lock(&self.names).asked.extend(asked.iter().cloned());
            names.extend(asked);
        }
        self.compare(names);
        let deadline = Instant::now() + SETTLING;
        loop {
            let doubtful: HashSet<Name> = lock(&self.names)
                .suspects
                .iter()
                .filter(|(_, change)| change.is_doubtful(!pending.anything))
                .map(|(name, _)| name.clone())
                .collect();
            if doubtful.is_empty() || self.watch.holds(&self.listener()) || Instant::now() >= deadline {
                return doubtful.is_empty();
            }
            std::thread::sleep(PAUSE);
            self.watch.poll();
            self.refresh_archives(pending);
            self.compare(doubtful);
        }
    }

    fn refresh_archives(&self, pending: &Pending) {
        for archive in self.archives.roots() {
            if pending.anything || pending.paths.contains(archive) {
                self.archives.refresh(archive);
            }
        }
    }

    /// The loaded modules that these requests for a rebuild name.
    fn names_in(&self, scopes: &[Option<u64>]) -> HashSet<Name> {
        let is_meant = |name: &str| {
            let dots = name.match_indices('.').map(|(at, _)| &name[..at]);
            scopes.contains(&None) || dots.chain([name]).any(|part| scopes.contains(&Some(scope_hash(part))))
        };
        let modules = self.current().modules();
        modules
            .into_iter()
            .filter(|(name, module)| is_meant(name) && !self.keeps(module))
            .map(|(name, _)| name)
            .collect()
    }

    /// An archive cannot be read: what is served stays as it is.
    fn meet_damage(&self, version: u64, damage: Damage) {
        let before = self.failure();
        let names = self.names_at(&HashSet::from([damage.path.clone()]));
        let failure = Failure::of_archive(damage, names);
        if before.as_ref().is_some_and(|before| before.is_of(failure.signature())) {
            return;
        }
        if self.report.keep_failure(&failure) {
            failure.report(self.current().number);
        }
        self.conclude(version, Some(failure));
    }

    /// Builds what was not tried for lack of room.
    fn try_for_room(&self) {
        if self.failure().is_some_and(|failure| failure.lacks_room()) {
            self.dirty.store(true, Ordering::SeqCst);
        }
    }

    /// Takes back the work of a build whose thread does not come back, so that newer code can be built without it.
    pub fn give_up(&self, build: &Arc<Build>) {
        let taken = crate::python::attach(|py| {
            let text = build.thread.get().and_then(|thread| error::stack_of(py, *thread).ok()).unwrap_or_default();
            let stage = build.take()?;
            let attempts = stage.discard(py);
            let told = told(stage.changes());
            let is_told = self.is_told(&told, &attempts);
            let broken = stage.broken(None, text, String::new(), attempts);
            Some((stage, broken, is_told))
        });
        let stage = taken.map(|(stage, mut broken, is_told)| {
            if let (Some(Reason::Late), Some((version, signature))) = (build.reason(), build.taken_in()) {
                broken.is_late(build.limit);
                broken.brief.push_str("; its thread has not come back and is left behind");
                self.fail(*version, Failure::new(*broken, signature.clone(), is_told));
            }
            stage
        });
        if build.reason() == Some(Reason::Superseded) {
            self.dirty.store(true, Ordering::SeqCst);
        }
        self.end_build(build);
        // What the code itself undoes may take its time, so nobody waits for it.
        crate::python::attach(|py| {
            if let Some(stage) = stage {
                stage.undo(py);
            }
        });
    }

    /// Whether a file that a build reads holds something else by now, so that it need not come to its end. A build's own changes
    /// are compared by what is in them.
    pub fn is_superseded(&self, build: &Build) -> bool {
        self.watch.poll();
        let is_polling = self.watch.is_polling();
        // A file that has a writer is half of a save.
        if (!is_polling && !self.dirty.load(Ordering::SeqCst)) || self.watch.holds(&self.listener()) {
            return false;
        }
        let (paths, anything) = {
            let pending = lock(&self.pending);
            (pending.paths.clone(), pending.anything)
        };
        for (file, hash) in build.reads().into_values() {
            // Not by way of `read`, which would take the change for one that is known.
            if !(is_polling || anything || paths.contains(&file)) {
                continue;
            }
            let now = match Content::read(&file) {
                Ok(content) => Some(content.hash),
                // A member of an archive.
                Err(e) if e.kind() == io::ErrorKind::NotADirectory => continue,
                Err(_) => None,
            };
            if now != hash {
                self.changed(&file);
                return true;
            }
        }
        false
    }

    /// Adds what is known below names that stand for something else now: it must be looked for in other directories.
    fn with_submodules(&self, mut changes: HashMap<Name, Change>) -> HashMap<Name, Change> {
        let open: Vec<String> =
            changes.iter().filter(|(_, c)| c.known.is_none()).map(|(n, _)| format!("{n}.")).collect();
        if open.is_empty() {
            return changes;
        }
        let names = lock(&self.names);
        for name in names.known.keys().filter(|name| open.iter().any(|above| name.starts_with(above))) {
            changes.entry(name.clone()).or_insert(Change::open(None));
        }
        drop(names);
        let current = self.current();
        changes.retain(|name, _| !current.any(name).is_some_and(|module| self.keeps(&module)));
        changes
    }

    fn names_at(&self, paths: &HashSet<PathBuf>) -> HashSet<Name> {
        let names = lock(&self.names);
        paths.iter().filter_map(|p| names.by_path.get(p)).flatten().cloned().collect()
    }

    /// Names of files and directories whose stat does not prove that nothing has happened.
    fn names_to_compare(&self) -> HashSet<Name> {
        // Watches on directories that were moved or replaced are gone. They are followed before they are looked at.
        self.watch.renew();
        let names = lock(&self.names);
        let paths: Vec<PathBuf> = names.by_path.keys().cloned().collect();
        let listed: Vec<PathBuf> = names.listed.iter().cloned().collect();
        drop(names);
        let listener = self.listener();
        for path in &paths {
            self.watch.follow(path, &self.top_of(path), &listener);
        }
        for directory in &listed {
            self.watch.follow_all(directory, &self.top_of(directory), &listener);
        }
        let changed: Vec<(PathBuf, Option<Stat>)> = moved(self.seen()).collect();
        let mut names = lock(&self.names);
        names.seen.extend(changed.iter().map(|(path, now)| (path.clone(), *now)));
        let changed: HashSet<&Path> = changed.iter().map(|(path, _)| path.as_path()).collect();
        let mut found: HashSet<Name> = names.suspects.keys().cloned().collect();
        for (path, at) in &names.by_path {
            if changed.contains(path.as_path()) || path.parent().is_some_and(|above| changed.contains(above)) {
                found.extend(at.iter().cloned());
            }
        }
        found
    }

    /// The search directory that a path lies under.
    fn top_of(&self, path: &Path) -> PathBuf {
        let places = lock(&self.places);
        let top = search::top(&places.current, path).or_else(|| search::top(places.next.as_ref()?, path));
        top.or(path.parent()).unwrap_or(path).to_owned()
    }

    /// The search path of the next generation.
    pub fn next_search(&self) -> Search {
        let places = lock(&self.places);
        places.next.as_ref().unwrap_or(&places.current).clone()
    }

    /// Whether a link on the way to a search directory points elsewhere than for the current generation: everything is to be
    /// looked for there, until a generation is published that has it.
    fn has_moved(&self, pending: &Pending) -> bool {
        let mut places = lock(&self.places);
        if places.next.is_none() && !pending.anything && places.links.is_disjoint(&pending.paths) {
            return false;
        }
        let now = search::as_linked_now(&places.current);
        let was_moved = places.next.is_some();
        places.next = (now != places.current).then_some(now);
        let is_moved = places.next.is_some();
        drop(places);
        self.follow_links();
        is_moved || was_moved
    }

    /// Hears from now on when one of the links is replaced.
    fn follow_links(&self) {
        let given: Vec<PathBuf> = lock(&self.places).current.iter().map(|d| d.given.clone()).collect();
        let links: HashSet<PathBuf> = given.iter().flat_map(|path| search::links(path)).collect();
        let listener = self.listener();
        for link in &links {
            self.watch.follow(link, link.parent().unwrap_or(link), &listener);
        }
        // A link that is gone for a moment comes back: it stays among them.
        let mut places = lock(&self.places);
        places.links.extend(links);
        // One may have been replaced just before it was followed.
        let is_as_known = search::as_linked_now(&places.current) == *places.next.as_ref().unwrap_or(&places.current);
        drop(places);
        if !is_as_known {
            self.anything_changed();
        }
    }

    /// Compares names with the current generation; those that differ become suspects, others cease to be.
    fn compare(&self, names: HashSet<Name>) {
        let current = self.current();
        let next = lock(&self.places).next.clone();
        for name in names {
            let Some(mut known) = lock(&self.names).known.get(&name).cloned() else { continue };
            if let Some(next) = &next {
                known.move_to(&current.sources.search, next);
            }
            let is_asked = lock(&self.names).asked.contains(&name);
            let change = self.compare_one(&name, &known, &current, is_asked);
            let mut all = lock(&self.names);
            match change {
                Some(change) => drop(all.suspects.insert(name, change)),
                None => {
                    all.suspects.remove(&name);
                    self.kept.forget_restart(&name);
                }
            }
        }
    }

    fn compare_one(&self, name: &Name, known: &Known, current: &Snapshot, is_asked: bool) -> Option<Change> {
        let looked = self.look_on_disk(name, &known.directories);
        self.follow_paths(name, &looked.probed);
        if looked.found != known.candidate {
            let content = origin_of(&looked.found).as_ref().and_then(Origin::file).map(|file| self.read(file));
            return Some(Change { is_asked, ..Change::open(content) });
        }
        let loaded = current.any(name);
        let missed = if loaded.is_some() { None } else { lock(&self.names).missed.get(name).cloned() };
        let served = match &missed {
            Some(missed) => missed.hash,
            None => Some(loaded.as_ref().map(|m| m.source.hash()).or_else(|| current.sources.hash(name))?),
        };
        let Resolution::Managed(origin) = &known.resolution else { return None };
        let content = origin.file().map(|file| self.read(file));
        let is_same = content.as_ref().is_none_or(|content| content.as_ref().ok().map(|c| c.hash) == served);
        let reads = loaded.map(|module| module.reads()).or(missed.map(|missed| missed.reads));
        let data = reads.and_then(|reads| self.other_data(name, &reads));
        let change = Change { known: Some(known.clone()), content, source: None, data, is_asked };
        (!is_same || change.data.is_some() || is_asked).then_some(change)
    }

    /// Reads a file for the first time. Where it has a writer, that one is waited for, but not for long.
    ///
    /// # Errors
    /// As [`Content::read`].
    pub fn read_written(&self, file: &Path) -> Result<Content, Arc<io::Error>> {
        let deadline = Instant::now() + WRITING;
        let written = self.archives.root_of(file).unwrap_or(file);
        loop {
            self.watch.poll();
            let content = self.read(file);
            let is_young = self.watch.is_polling() && content.as_ref().is_ok_and(|c| c.stat.is_young());
            // Asked again after reading, as the writer may have begun in between.
            self.watch.poll();
            if !(is_young || self.watch.has_writer(written)) || Instant::now() >= deadline {
                return content;
            }
            std::thread::sleep(PAUSE);
            if written != file {
                self.archives.refresh(written);
            }
        }
    }

    /// Reads a file and remembers its stat.
    ///
    /// # Errors
    /// As [`Content::read`] and [`Trust::check`].
    pub fn read(&self, file: &Path) -> Result<Content, Arc<io::Error>> {
        let in_archive = self.archives.source(file);
        let is_in_archive = in_archive.is_some();
        let content = in_archive.unwrap_or_else(|| Content::read(file)).and_then(|content| {
            let (checked, top) = match self.archives.root_of(file) {
                Some(archive) => (archive, archive.parent().unwrap_or(archive).to_owned()),
                None => (file, self.top_of(file)),
            };
            self.trust.check(checked, &content.stat, &top)?;
            Ok(content)
        });
        let content = content.map_err(Arc::new);
        if is_in_archive {
            return content;
        }
        let stat = content.as_ref().map_or_else(|_| Stat::take(file), |c| Some(c.stat));
        lock(&self.names).seen.insert(file.to_owned(), stat);
        content
    }

    /// Has a file compared at the next request if it may have changed since it was read.
    pub fn verify(&self, file: &Path) {
        if !self.is_as_read(file) {
            self.changed(file);
        }
    }

    /// Whether a file is for sure as it was when it was read last.
    pub fn is_as_read(&self, file: &Path) -> bool {
        match (lock(&self.names).seen.get(file), Stat::take(file)) {
            (Some(Some(before)), Some(now)) => before.proves(&now),
            _ => false,
        }
    }

    /// Remembers what a name stands for on a search path, if that is still the current one.
    pub fn remember(&self, name: &Name, known: Known, search: &Search) {
        let mut names = lock(&self.names);
        if Arc::ptr_eq(&lock(&self.places).current, search) {
            names.known.entry(name.clone()).or_insert(known);
        }
    }

    /// What a name stands for, if that is remembered for this search path.
    pub fn remembered(&self, name: &str, search: &Search) -> Option<Resolution> {
        let names = lock(&self.names);
        let known = names.known.get(name)?;
        Arc::ptr_eq(&lock(&self.places).current, search).then(|| known.resolution.clone())
    }

    /// Looks a name up without remembering the answer.
    pub fn look_up<E>(
        &self,
        name: &Name,
        directories: Vec<PathBuf>,
        elsewhere: impl FnOnce(&Found) -> Result<Elsewhere, E>,
    ) -> Result<Known, E> {
        let tail = name.rsplit_once('.').map_or(&**name, |(_, tail)| tail);
        // Followed before they are looked at, so that nothing can happen unseen in between.
        let expected: Vec<PathBuf> = match self.roots.get(name) {
            Some(Root::Directory(_)) => Vec::new(),
            Some(Root::File(file)) => vec![file],
            None => directories.iter().flat_map(|d| [d.join(tail), d.join(format!("{tail}.py"))]).collect(),
        };
        self.follow_paths(name, &expected);
        let looked = self.look_on_disk(name, &directories);
        self.follow_paths(name, &looked.probed);
        let origin = match origin_of(&looked.found) {
            Some(origin) if self.is_excluded(name, &origin) => None,
            Some(origin) => match elsewhere(&looked.found)? {
                Elsewhere::Unmanaged => None,
                Elsewhere::Nothing | Elsewhere::Managed(_) => Some(origin),
            },
            None if looked.found == Found::Nothing => match elsewhere(&looked.found)? {
                Elsewhere::Managed(origin) if !self.is_excluded(name, &origin) => Some(origin),
                _ => None,
            },
            None => None,
        };
        if let (Found::Nothing, Some(file)) = (&looked.found, origin.as_ref().and_then(Origin::file)) {
            self.follow_file(name, file);
        }
        let resolution = origin.map_or(Resolution::Unmanaged, Resolution::Managed);
        Ok(Known { resolution, candidate: looked.found, directories })
    }

    /// What stands behind a name: what it was given for, else the first of these directories that has it.
    fn look_on_disk(&self, name: &Name, directories: &[PathBuf]) -> Lookup {
        match self.roots.get(name) {
            // Whether the directory is there shows at the files in it.
            Some(Root::Directory(directory)) => Lookup { found: Found::Namespace(vec![directory]), probed: Vec::new() },
            Some(Root::File(file)) => resolve::file(file),
            None => {
                let tail = name.rsplit_once('.').map_or(&**name, |(_, tail)| tail);
                resolve::lookup(&self.archives, directories.iter().map(PathBuf::as_path), tail, &self.suffixes)
            }
        }
    }

    /// What `tail` stands for in these directories, without remembering it.
    pub fn look_in(&self, directories: &[PathBuf], tail: &str) -> Found {
        resolve::lookup(&self.archives, directories.iter().map(PathBuf::as_path), tail, &self.suffixes).found
    }

    /// The name that stands for a directory outside the search path.
    pub fn name_directory(&self, directory: &Path) -> Name {
        self.given(self.roots.name_directory(directory))
    }

    /// The name of a file in a directory, where the name that it would have there is not its own.
    pub fn name_file(&self, directory: &Path, file: &Path) -> Name {
        self.name_directory(directory);
        self.given(self.roots.name_file(directory, file))
    }

    /// A name may have been asked for before it was given, as by a pickle of another child.
    fn given(&self, (name, is_new): (Name, bool)) -> Name {
        if is_new {
            lock(&self.names).known.remove(&name);
        }
        name
    }

    /// Whether the file is not Python source, but something that only Python's own import loads.
    pub fn is_foreign_file(&self, file: &Path) -> bool {
        let name = file.to_string_lossy();
        name.ends_with(".pyc") || self.suffixes.iter().any(|suffix| name.ends_with(suffix.as_str()))
    }

    fn is_excluded(&self, name: &Name, origin: &Origin) -> bool {
        if matches!(self.roots.get(name), Some(Root::Directory(_))) {
            // It stands for a place; what is in it may be excluded.
            return false;
        }
        let paths = origin.file().cloned().map_or_else(|| origin.directories(), |file| vec![file]);
        paths.iter().any(|p| self.kept.exclusions.matches(&p.to_string_lossy()))
    }

    fn follow_paths(&self, name: &Name, paths: &[PathBuf]) {
        let listener = self.listener();
        for path in paths {
            if let Some(archive) = self.archives.root_of(path) {
                self.follow_file(name, archive);
                continue;
            }
            self.watch.follow(path, &self.top_of(path), &listener);
            let mut names = lock(&self.names);
            names.by_path.entry(path.clone()).or_default().insert(name.clone());
            if let Some(directory) = path.parent()
                && !names.seen.contains_key(directory)
            {
                let stat = Stat::take(directory);
                names.seen.insert(directory.to_owned(), stat);
            }
        }
    }

    /// From now on the module is compared when something happens to the file.
    pub fn follow_file(&self, module: &Name, file: &Path) {
        self.watch.follow(file, &self.top_of(file), &self.listener());
        self.note_path(module, file);
    }

    /// From now on the module is compared when something happens to any entry of the directory.
    pub fn follow_directory(&self, module: &Name, directory: &Path) {
        self.watch.follow_all(directory, &self.top_of(directory), &self.listener());
        self.note_path(module, directory);
        lock(&self.names).listed.insert(directory.to_owned());
    }

    fn note_path(&self, module: &Name, path: &Path) {
        let stat = Stat::take(path);
        let mut names = lock(&self.names);
        names.by_path.entry(path.to_owned()).or_default().insert(module.clone());
        names.seen.insert(path.to_owned(), stat);
    }

    /// The archives on the search path.
    pub fn archives(&self) -> &Archives {
        &self.archives
    }

    /// The content hashes of files that are no modules.
    pub fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    /// Whether the name is known to be managed, without looking.
    pub fn known(&self, name: &str) -> Option<Resolution> {
        lock(&self.names).known.get(name).map(|k| k.resolution.clone())
    }

    /// Adds an edge, if the user's module is the one that the current generation serves.
    pub fn add_edge(&self, user: &Arc<Managed>, used: &Name) {
        if self.is_served(user) {
            lock(&self.names).graph.add(&user.name, used);
        }
    }

    /// Remembers that a module holds a package, if it is the one that the current generation serves.
    pub fn add_hold(&self, holder: &Arc<Managed>, package: &Name) {
        if self.is_served(holder) {
            lock(&self.names).graph.add_hold(&holder.name, package);
        }
    }

    fn is_served(&self, user: &Arc<Managed>) -> bool {
        let served = self.current().any(&user.name);
        served.is_some_and(|now| {
            Arc::ptr_eq(&now, user) || now.copied_from.as_ref().is_some_and(|origin| Arc::ptr_eq(origin, user))
        })
    }

    /// Forgets what a module uses: it could not be loaded.
    pub fn forget_edges(&self, name: &str) {
        lock(&self.names).graph.forget(name);
    }

    /// The edges as they are now.
    pub fn graph(&self) -> Graph {
        lock(&self.names).graph.clone()
    }

    /// Calls `with` with the edges, without copying them. Nothing in it may take long or run Python.
    pub fn with_graph<R>(&self, with: impl FnOnce(&Graph) -> R) -> R {
        with(&lock(&self.names).graph)
    }

    /// What is remembered of names and paths is about to be of a search path that lies elsewhere.
    fn move_to(&self, search: &Search) {
        let mut places = lock(&self.places);
        if places.current == *search {
            return;
        }
        let before = std::mem::replace(&mut places.current, search.clone());
        if places.next.as_ref() == Some(search) {
            places.next = None;
        }
        drop(places);
        let mut names = lock(&self.names);
        // Modules that a request has found meanwhile in the place that was left are to be looked for again.
        names.known.retain(|_, known| !known.move_to(&before, search) || known.resolution == Resolution::Unmanaged);
        let is_left = |path: &Path| {
            search::top(&before, path).is_some_and(|top| path != top) && search::top(search, path).is_none()
        };
        names.by_path.retain(|path, _| !is_left(path));
        names.seen.retain(|path, _| !is_left(path));
    }

    /// Makes a generation the current one, in one step.
    pub fn publish(&self, published: Published) {
        let Published { generation, renewed, gone, known, settled, missed } = published;
        self.move_to(&generation.sources.search);
        let mut names = lock(&self.names);
        for name in &gone {
            names.graph.forget(name);
        }
        for module in &renewed {
            names.graph.forget(&module.name);
            for used in module.uses() {
                names.graph.add(&module.name, &used);
            }
            for package in module.holds() {
                names.graph.add_hold(&module.name, &package);
            }
        }
        for (name, known) in known {
            match known {
                Some(known) => names.known.insert(name, known),
                None => names.known.remove(&name),
            };
        }
        for name in settled {
            names.suspects.remove(&name);
            names.asked.remove(&name);
            names.missed.remove(&name);
        }
        for (name, missed) in missed {
            names.miss(name, missed);
        }
        drop(names);
        self.report.serve_built();
        self.report.publish(generation.number);
        let old = std::mem::replace(&mut *lock(&self.current), generation);
        drop(old);
    }

    /// A module could not be loaded into the current generation, and whoever imports it may have gone on without.
    pub fn miss(&self, name: &Name, missed: Missed) {
        lock(&self.names).miss(name.clone(), missed);
    }

    /// A change is no change any more: the module is as its file is now.
    pub fn settle(&self, name: &Name) {
        let settled = lock(&self.names).suspects.remove(name);
        drop(settled);
        self.kept.forget_restart(name);
    }

    /// A module is about to be loaded into a generation that was published before; whether other children serve other content.
    pub fn note_loading(&self, generation: &Arc<Snapshot>, name: &Name, content: Hash) -> bool {
        Arc::ptr_eq(&self.current(), generation) && self.report.serve_loaded(name, content)
    }

    /// A module that is visible from now on was read after `since`. An edit that was announced before could not be compared with
    /// anything.
    pub fn look_again(&self, module: &Managed, since: SystemTime) {
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

    /// The current generation has got one more module.
    pub fn note_loaded(&self, module: &Managed) {
        self.report.add(&module.name, module.source.hash());
    }

    /// Looks at the files of which the kernel does not tell, if it is time to.
    fn poll_files(&self) {
        if !lock(&self.sweeps).begin_polling() {
            return;
        }
        let begun = Instant::now();
        self.watch.look_at_trigger();
        if self.key.autoreload {
            self.sweep(self.watch.unannounced(self.seen(), |(path, _)| path));
        }
        lock(&self.sweeps).end_polling(begun.elapsed());
    }

    /// Looks at all files for changes that the kernel does not tell of, such as writes through a memory map. Called by a thread
    /// of the child that serves no request; answers when it wants to be called again.
    pub fn sweep_in_background(&self) -> Instant {
        let begun = Instant::now();
        let next = lock(&self.sweeps).next_background();
        if begun < next {
            return next;
        }
        self.watch.look_at_trigger();
        if self.key.autoreload && !self.kept.is_frozen() && !self.watch.is_polling() {
            self.sweep(self.seen());
        }
        lock(&self.sweeps).end_background(begun.elapsed())
    }

    fn sweep(&self, seen: Vec<(PathBuf, Option<Stat>)>) {
        let is_elsewhere = {
            let places = lock(&self.places);
            !places.links.is_empty()
                && search::as_linked_now(&places.current) != *places.next.as_ref().unwrap_or(&places.current)
        };
        if is_elsewhere || moved(seen).next().is_some() {
            self.anything_changed();
        }
    }

    fn seen(&self) -> Vec<(PathBuf, Option<Stat>)> {
        lock(&self.names).seen.iter().map(|(path, stat)| (path.clone(), *stat)).collect()
    }
}

/// A generation to publish, and what goes with it.
pub struct Published {
    /// The generation.
    pub generation: Arc<Snapshot>,
    /// The modules that it does not share with its predecessor.
    pub renewed: Vec<Arc<Managed>>,
    /// Names that it does not have any more.
    pub gone: Vec<Name>,
    /// What names stand for from now on; none for names to resolve anew.
    pub known: HashMap<Name, Option<Known>>,
    /// The changes that it takes in.
    pub settled: Vec<Name>,
    /// Modules that could not be loaded.
    pub missed: Vec<(Name, Missed)>,
}

impl Listener for Application {
    fn changed(&self, path: &Path) {
        if self.key.autoreload {
            lock(&self.pending).paths.insert(path.to_owned());
            self.dirty.store(true, Ordering::SeqCst);
        }
    }

    fn anything_changed(&self) {
        if self.key.autoreload {
            lock(&self.pending).anything = true;
            self.dirty.store(true, Ordering::SeqCst);
        }
    }

    fn rebuild(&self, scope: Option<u64>) {
        let mut pending = lock(&self.pending);
        pending.rebuilds.push(scope);
        pending.is_asked = true;
        // What is not reloaded by itself has been told of no change.
        pending.anything |= scope.is_none() && !self.key.autoreload;
        drop(pending);
        self.dirty.store(true, Ordering::SeqCst);
    }
}

/// The names whose changes tell what their modules have read.
fn told(changes: &HashMap<Name, Change>) -> HashSet<Name> {
    changes.iter().filter(|(_, change)| change.data.is_some()).map(|(name, _)| name.clone()).collect()
}

/// The paths whose stat does not prove that nothing has happened, with what it is now. Each is looked at when it is asked
/// for.
fn moved(seen: Vec<(PathBuf, Option<Stat>)>) -> impl Iterator<Item = (PathBuf, Option<Stat>)> {
    seen.into_iter().filter_map(|(path, before)| {
        let now = Stat::take(&path);
        let is_proven = match (&before, &now) {
            (Some(before), Some(now)) => before.proves(now),
            (None, None) => true,
            _ => false,
        };
        (!is_proven).then_some((path, now))
    })
}

fn origin_of(found: &Found) -> Option<Origin> {
    match found {
        Found::Package(init, directory) => Some(Origin::Package(init.clone(), directory.clone())),
        Found::Module(file) => Some(Origin::File(file.clone())),
        Found::Namespace(directories) => Some(Origin::Namespace(directories.clone())),
        Found::Foreign(_) | Found::Nothing => None,
    }
}
