//! The per-directory and per-server records, and how a nested section overlays an outer one.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::phase::Phase;
use crate::config::{HandlerEntry, HandlerList};
use crate::httpd::module::{ConfigRecord, slot};
use crate::httpd::{Pool, RequestRec, ServerRec};
use reload_core::policy::{Consistency, ReloadMode};

/// What `PythonReloadOnError` says: what a request gets while the newest code cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// The last good generation.
    LastGood,
    /// 500 with the error.
    Fail,
}

/// The settings that a section can override one by one. Texts and lists belong to the section.
#[derive(Clone, Copy, Default)]
pub struct Settings {
    /// `PythonPath`, the expression.
    pub path: Option<ConfigValue<String>>,
    /// `PythonInterpreter`.
    pub interpreter: Option<ConfigValue<String>>,
    /// `PythonDebug`.
    pub debug: Option<bool>,
    /// `PythonAutoReload`.
    pub autoreload: Option<bool>,
    /// `PythonReload`.
    pub mode: Option<ReloadMode>,
    /// `PythonReloadConsistency`.
    pub consistency: Option<Consistency>,
    /// `PythonReloadOnError`.
    pub on_error: Option<OnError>,
    /// `PythonReloadTimeout`, in milliseconds.
    pub timeout: Option<u64>,
    /// `PythonReloadRoot`; the lines of one section add up.
    pub roots: Option<ConfigValue<Vec<String>>>,
    /// `PythonReloadExclude`; the lines of one section add up.
    pub excludes: Option<ConfigValue<Vec<String>>>,
    /// `PythonReloadTrust`: `all`, `none` and directories; the lines of one section add up.
    pub trust: Option<ConfigValue<Vec<String>>>,
}

impl Settings {
    fn over(self, base: Self) -> Self {
        Self {
            path: self.path.or(base.path),
            interpreter: self.interpreter.or(base.interpreter),
            debug: self.debug.or(base.debug),
            autoreload: self.autoreload.or(base.autoreload),
            mode: self.mode.or(base.mode),
            consistency: self.consistency.or(base.consistency),
            on_error: self.on_error.or(base.on_error),
            timeout: self.timeout.or(base.timeout),
            roots: self.roots.or(base.roots),
            excludes: self.excludes.or(base.excludes),
            trust: self.trust.or(base.trust),
        }
    }
}

/// A value that lives in a configuration's pool, which outlives every record that refers to it.
pub struct ConfigValue<T> {
    place: NonNull<T>,
    serial: u64,
}

impl<T> Clone for ConfigValue<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ConfigValue<T> {}

// SAFETY: a value is changed only while httpd reads the configuration, on one thread; after that it is read, by any thread.
unsafe impl<T: Sync> Send for ConfigValue<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for ConfigValue<T> {}

impl<T> ConfigValue<T> {
    /// Moves a value into the pool of a configuration. `lasts` tells that it is not of a `.htaccess` file, which is parsed
    /// again at every request.
    pub fn new(pool: Pool, value: T, lasts: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let serial = if lasts { NEXT.fetch_add(1, Ordering::Relaxed) } else { 0 };
        Self { place: pool.own(value), serial }
    }

    /// Different for every value of the configuration files; 0 for one of a `.htaccess`. An address would not do: that of a
    /// request's pool is used again.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The value.
    pub fn get(&self) -> &T {
        // SAFETY: the pool of a configuration outlives its records, which are only read once it is complete.
        unsafe { self.place.as_ref() }
    }

    /// The value, while the section is being parsed.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: httpd parses a configuration on one thread, and nothing refers to a section before its end.
        unsafe { self.place.as_mut() }
    }
}

/// The lists of one section, filled while it is parsed.
#[derive(Default)]
pub struct Section {
    /// The lists of handlers by phase, for each at most one per extension and one bare.
    handlers: [Vec<HandlerList>; Phase::COUNT],
    /// `PythonOption` lines in order; `None` takes an inherited value away.
    pub options: Vec<(String, Option<String>)>,
}

impl Section {
    /// Appends to the phase's list of the same extension.
    pub fn add_handlers(&mut self, phase: Phase, list: HandlerList) {
        let lists = &mut self.handlers[phase as usize];
        match lists.iter_mut().find(|l| l.extension == list.extension) {
            Some(known) => known.entries = known.entries.iter().chain(&*list.entries).cloned().collect(),
            None => lists.push(list),
        }
    }
}

#[derive(Clone, Copy)]
struct Link {
    section: *const Section,
    outer: *const Link,
}

/// What applies to a directory: settings, and the sections that contribute, innermost first.
#[derive(Clone, Copy)]
pub struct DirConfig {
    /// Settings, innermost value wins.
    pub settings: Settings,
    sections: *const Link,
}

impl DirConfig {
    /// A record for a new section.
    pub fn new(pool: Pool) -> Self {
        let section = pool.own(Section::default()).as_ptr();
        let link = pool.place(Link { section, outer: std::ptr::null() });
        Self { settings: Settings::default(), sections: link.as_ptr() }
    }

    /// The record of a request, overlaid from all sections that apply to it.
    pub fn of(request: &RequestRec) -> &Self {
        // SAFETY: httpd fills the slot of every module that has a create function, for each request, with a record that lives as
        // long as the request.
        unsafe { &*slot(request.raw().per_dir_config).get() }
    }

    /// The section being parsed.
    pub fn section_mut(&mut self) -> &mut Section {
        // SAFETY: see `ConfigValue::get_mut`; a record that is being parsed has exactly the section it was made with.
        unsafe { &mut *(*self.sections).section.cast_mut() }
    }

    /// `inner` over `outer`, in `pool`.
    fn overlaid(pool: Pool, outer: &Self, inner: &Self) -> Self {
        let mut chain = outer.sections;
        let own: Vec<&Section> = inner.sections().collect();
        for section in own.into_iter().rev() {
            chain = pool.place(Link { section, outer: chain }).as_ptr();
        }
        Self { settings: inner.settings.over(outer.settings), sections: chain }
    }

    fn sections(&self) -> impl Iterator<Item = &Section> {
        let mut link = self.sections;
        std::iter::from_fn(move || {
            if link.is_null() {
                return None;
            }
            // SAFETY: links and sections live in configuration pools, see `ConfigValue`.
            let (section, outer) = unsafe { (&*(*link).section, (*link).outer) };
            link = outer;
            Some(section)
        })
    }

    /// The handlers of a phase for a file with `extension` (with its dot): the innermost list of that extension, else the innermost bare
    /// list. The flag tells which.
    pub fn handlers(&self, phase: Phase, extension: Option<&str>) -> Option<(&Arc<[HandlerEntry]>, bool)> {
        let find = |wanted: Option<&str>| {
            self.sections()
                .find_map(|s| s.handlers[phase as usize].iter().find(|l| l.extension.as_deref() == wanted))
                .map(|l| &l.entries)
        };
        extension
            .and_then(|e| find(Some(e)))
            .map(|entries| (entries, true))
            .or_else(|| find(None).map(|entries| (entries, false)))
    }

    /// The options in effect: outer values first, overlaid, and those taken away left out.
    pub fn options(&self) -> Vec<(String, String)> {
        let sections: Vec<&Section> = self.sections().collect();
        let mut order: Vec<String> = Vec::new();
        let mut values: BTreeMap<String, Option<(String, String)>> = BTreeMap::new();
        for (key, value) in sections.iter().rev().flat_map(|s| &s.options) {
            let folded = key.to_ascii_lowercase();
            if !values.contains_key(&folded) {
                order.push(folded.clone());
            }
            values.insert(folded, value.clone().map(|v| (key.clone(), v)));
        }
        order.iter().filter_map(|k| values.get(k).cloned().flatten()).collect()
    }
}

/// What a server holds for itself: the same settings and options at server level, for `server.get_config()`.
pub struct ServerConfig {
    /// The server's own record.
    pub own: DirConfig,
}

impl ServerConfig {
    /// The record of a server.
    pub fn of(server: &ServerRec) -> &Self {
        // SAFETY: httpd fills the slot for every server; the record lives as long as the configuration.
        unsafe { &*slot(server.raw().module_config).get() }
    }
}

impl ConfigRecord for DirConfig {
    fn create(pool: Pool) -> NonNull<Self> {
        pool.place(Self::new(pool))
    }

    fn merged(pool: Pool, outer: &Self, inner: &Self) -> NonNull<Self> {
        pool.place(Self::overlaid(pool, outer, inner))
    }
}

impl ConfigRecord for ServerConfig {
    fn create(pool: Pool) -> NonNull<Self> {
        pool.own(Self { own: DirConfig::new(pool) })
    }

    fn merged(pool: Pool, outer: &Self, inner: &Self) -> NonNull<Self> {
        pool.own(Self { own: DirConfig::overlaid(pool, &outer.own, &inner.own) })
    }
}
