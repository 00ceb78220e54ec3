//! Unmanaged modules whose files have changed since Python loaded them: a restart of httpd would load other code.
//!
//! The background thread compares their files. The content decides where a file is small, size and date where it is big.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyString};

use crate::python::raw_import;
use crate::reload::import::process::sys_modules;
use crate::reload::interrupt::background::Task;
use os::{Mutex, MutexGuard, StaticMap, fork, log, static_map, thread};
use reload_core::files::fingerprint::{Content, Hash, Stat};
use reload_core::graph::Name;
use reload_core::scoreboard;

/// The shortest time between two comparisons of all files.
const INTERVAL: Duration = Duration::from_secs(2);
/// Comparing takes at most one part in so many of the time.
const SHARE: u32 = 1000;
/// The biggest file whose content is compared.
const SMALL: u64 = 512 * 1024;
/// How many bytes of new modules are read in one step.
const PORTION: u64 = 1024 * 1024;

/// How long a save in place takes at most.
const SAVING: Duration = Duration::from_millis(50);

/// A module that runs other code than its file holds.
#[derive(Debug, Clone)]
pub(in crate::reload) struct Outdated {
    /// The module's name.
    pub name: Name,
    /// Its file.
    pub file: PathBuf,
    /// Why it is not loaded anew.
    pub reason: &'static str,
}

struct UnmanagedModule {
    file: PathBuf,
    /// The address of the module object, to tell when another one takes its place.
    object: usize,
    loaded: Stat,
    content: Option<Hash>,
    last: Option<Stat>,
    is_outdated: bool,
}

struct UnmanagedModules {
    by_name: StaticMap<Name, UnmanagedModule>,
    /// Modules whose content has not been read yet; the newest first.
    unread: Vec<Name>,
    next_look: Option<Instant>,
}

static LOOK: Task = Task::new("the look at unmanaged modules", look_in_background);

static MODULES: Mutex<UnmanagedModules> =
    Mutex::new(UnmanagedModules { by_name: static_map(), unread: Vec::new(), next_look: None });

impl UnmanagedModules {
    /// Takes the next module whose content is still to be learned: its name, its file, and what that was when it was loaded.
    fn next_unread(&mut self) -> Option<(Name, PathBuf, Stat)> {
        let name = self.unread.pop()?;
        let module = self.by_name.get(&name)?;
        Some((name, module.file.clone(), module.loaded))
    }
}

/// How many unmanaged modules `sys.modules` had when it was scanned last.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn lock() -> MutexGuard<'static, UnmanagedModules> {
    MODULES.lock()
}

/// Records the modules that Python has loaded since the last scan, if the number of unmanaged modules has changed.
pub(in crate::reload) fn scan_sys_modules(py: Python<'_>) {
    // A forked copy has no background thread to compare files.
    if fork::is_copy() {
        return;
    }
    let Ok(modules) = raw_import::modules(py) else { return };
    let count = modules.len().wrapping_sub(sys_modules::count(py));
    if COUNT.swap(count, Ordering::Relaxed) == count {
        return;
    }
    let found: Vec<(Name, PathBuf, usize)> =
        modules.iter().filter_map(|(name, module)| describe(py, &name, &module)).collect();
    let mut all = lock();
    let mut has_new = false;
    for (name, file, object) in found {
        if all.by_name.get(&name).is_some_and(|known| known.object == object) {
            continue;
        }
        let Some(loaded) = Stat::take(&file) else { continue };
        let module = UnmanagedModule { file, object, loaded, content: None, last: Some(loaded), is_outdated: false };
        if loaded.size() <= SMALL {
            all.unread.push(name.clone());
        }
        all.by_name.insert(name, module);
        has_new = true;
    }
    drop(all);
    if has_new {
        LOOK.call();
    }
}

/// An unmanaged module with a file. Runs no Python code.
fn describe(py: Python<'_>, name: &Bound<'_, PyAny>, module: &Bound<'_, PyAny>) -> Option<(Name, PathBuf, usize)> {
    let name = name.cast_exact::<PyString>().ok()?.to_cow().ok()?;
    if sys_modules::is_ours(py, &name) {
        return None;
    }
    let dict: Bound<'_, PyDict> = module.cast::<PyModule>().ok()?.dict();
    let file = dict.get_item("__file__").ok()??;
    let file = PathBuf::from(&*file.cast_exact::<PyString>().ok()?.to_cow().ok()?);
    file.is_absolute().then(|| (Name::from(&*name), file, module.as_ptr() as usize))
}

/// Compares the files when that is due. Returns when it is to be called again.
fn look_in_background() -> Instant {
    let begun = Instant::now();
    let worked = thread::time_at_work();
    let next = lock().next_look.unwrap_or(begun);
    let has_unread = !lock().unread.is_empty();
    if begun >= next {
        look();
    } else if has_unread {
        read_portion();
    } else {
        return next;
    }
    let cost = thread::time_at_work().saturating_sub(worked);
    let next = next.max(Instant::now() + (cost * SHARE).max(INTERVAL));
    lock().next_look = Some(next);
    next
}

/// Compares all files now. Must be called without the interpreter lock.
pub(in crate::reload) fn look() {
    read_portion();
    let known: Vec<(Name, PathBuf, Option<Stat>)> =
        lock().by_name.iter().map(|(name, module)| (name.clone(), module.file.clone(), module.last)).collect();
    for (name, file, last) in known {
        let now = Stat::take(&file);
        let is_same = match (&last, &now) {
            (Some(last), Some(now)) => last.proves(now),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            compare(&name, &file, now);
        }
    }
}

/// Compares a file whose stat has changed with what was loaded from it.
fn compare(name: &Name, file: &Path, now: Option<Stat>) {
    let content = now.filter(|stat| stat.size() <= SMALL).and_then(|_| Content::read(file).ok()).map(|c| c.hash);
    let mut held = lock();
    let Some(module) = held.by_name.get_mut(name).filter(|m| m.file == file) else {
        return;
    };
    let is_outdated = match (&now, module.content, content) {
        (None, ..) => true,
        (Some(_), Some(loaded), Some(now)) => loaded != now,
        (Some(now), ..) => !module.loaded.looks_like(now),
    };
    module.is_outdated = is_outdated;
    // Half of a save is not logged: the file is compared again at the next look.
    if now.as_ref().is_some_and(is_fresh) {
        return;
    }
    module.last = now;
    drop(held);
    let date = now.filter(|_| content.is_none()).map(|stat| (stat.size(), stat.date()));
    if is_outdated && scoreboard::is_first(&format!("outdated {} {content:?} {date:?}", file.display())) {
        log::warning!(
            "{} has changed on disk, but Python keeps the module {name} as it was loaded: restart httpd to run it",
            file.display()
        );
    }
}

/// Whether a file was written a moment ago. A date in the future proves nothing.
fn is_fresh(stat: &Stat) -> bool {
    let now = SystemTime::now();
    stat.is_since(now - SAVING) && !stat.is_since(now + SAVING)
}

/// Reads the contents of some modules that were loaded lately, while their files are as they were then.
fn read_portion() {
    let mut read = 0;
    while read < PORTION {
        let Some((name, file, loaded)) = lock().next_unread() else { return };
        read += loaded.size();
        let Ok(content) = Content::read(&file) else { continue };
        if let Some(module) = lock().by_name.get_mut(&name)
            && module.file == file
            && content.stat.looks_like(&module.loaded)
        {
            module.content = Some(content.hash);
        }
    }
}

/// The modules that run other code than their files hold, by name.
pub(in crate::reload) fn outdated() -> Vec<Outdated> {
    let held = lock();
    let found = held.by_name.iter().filter(|(_, module)| module.is_outdated);
    let mut found: Vec<Outdated> = found
        .map(|(name, module)| Outdated {
            name: name.clone(),
            file: module.file.clone(),
            reason: reason(&module.file, module.last.is_none()),
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn reason(file: &Path, is_gone: bool) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        _ if is_gone => "the file of a module that is loaded is gone",
        Some("py") => "changed since it was loaded, and not managed: installed, of the standard library, or excluded",
        Some("pyc") => "changed since it was loaded, and bytecode without source is not managed",
        _ => "changed since it was loaded, and a C extension is loaded once in a process",
    }
}
