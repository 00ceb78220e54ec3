//! A background thread that frees the memory of retired executions, and finds out what keeps it in use.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::python::gil::GilCell;
use crate::python::{self, error};
use crate::reload::application::registry;
use crate::reload::lifecycle::package_originals;
use crate::reload::module::retired::{NAMESPACES, RetiredNamespace};
use os::{Worker, log};
use reload_core::graph::Name;

/// The shortest time between two collections.
const INTERVAL: Duration = Duration::from_secs(1);
/// Collections take at most one part in so many of the time.
const COLLECTION_SHARE: u32 = 100;
/// Searches for what keeps executions alive take at most one part in so many of the time.
const SEARCH_SHARE: u32 = 20;
/// After so many collections and so much time, the thread searches for what keeps an execution alive.
const COLLECTIONS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(2);
/// The shortest and the longest time between two collections once all remaining executions are reported. It doubles each time.
const RECHECKS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// How many executions are examined in one turn.
const SEARCHES: usize = 50;
/// How many different reports are logged in the life of a child.
const REPORTS: usize = 1000;

/// An execution whose memory has not been freed yet.
struct Lingering {
    retired: RetiredNamespace,
    collections: u32,
    /// What keeps it alive; `None` until that was searched for.
    holders: Option<Vec<String>>,
}

impl From<RetiredNamespace> for Lingering {
    fn from(retired: RetiredNamespace) -> Self {
        Self { retired, collections: 0, holders: None }
    }
}

static WORKER: Worker = Worker::new("mod_python-memory", work, "the memory of retired modules is freed late");
static LINGERING: GilCell<Vec<Lingering>> = GilCell::new(Vec::new());

/// Starts the thread, unless it runs.
pub(in crate::reload) fn start() {
    WORKER.start();
}

fn work() {
    let mut schedule = Schedule { next: Instant::now(), earliest: Instant::now(), recheck: RECHECKS.0 };
    let mut logged = HashSet::new();
    loop {
        let is_waiting = python::attach(|py| !LINGERING.borrow(py).is_empty());
        let more = NAMESPACES.wait(is_waiting.then_some(schedule.next));
        if python::thread::leaving() {
            std::mem::forget(more);
            return;
        }
        python::attach(|py| {
            if !more.is_empty() {
                schedule.hurry();
                LINGERING.borrow(py).extend(more.into_iter().map(Lingering::from));
            }
            if Instant::now() >= schedule.next {
                look_after(py, &mut schedule, &mut logged);
            }
        });
    }
}

/// When the next turn begins.
struct Schedule {
    next: Instant,
    /// The earliest time, which the cost of the last turn decides.
    earliest: Instant,
    recheck: Duration,
}

impl Schedule {
    /// Brings the next turn forward: more executions were retired.
    fn hurry(&mut self) {
        self.next = self.next.min(self.earliest);
        self.recheck = RECHECKS.0;
    }

    /// Ends a turn; the next one begins after `least` at the earliest, and later if all remaining executions are reported.
    fn pause(&mut self, is_all_told: bool, least: Duration) {
        let now = Instant::now();
        self.earliest = now + least.max(INTERVAL);
        self.next = self.earliest;
        if is_all_told {
            self.next = self.next.max(now + self.recheck);
            self.recheck = (self.recheck * 2).min(RECHECKS.1);
        }
    }
}

/// Frees the memory of retired executions, and reports those that something keeps alive.
fn look_after(py: Python<'_>, schedule: &mut Schedule, logged: &mut HashSet<(Name, String)>) {
    let begun = Instant::now();
    let had_gone = prune(py);
    if LINGERING.borrow(py).is_empty() {
        if had_gone {
            give_back(py);
        }
        return;
    }
    package_originals::keep_up(py);
    // Functions and their namespaces refer to each other, so only the garbage collector frees them. An application may have
    // disabled it; this call does not enable it.
    let collected = python::import(py, "gc").and_then(|gc| gc.call_method0("collect"));
    if let Err(e) = collected {
        log::error!("{}", &error::format(py, &e));
    }
    if prune(py) || had_gone {
        give_back(py);
    }
    let collection = begun.elapsed();
    for one in LINGERING.borrow(py).iter_mut() {
        one.collections += 1;
    }
    let begun = Instant::now();
    if let Err(e) = search(py, logged) {
        log::error!("{}", &error::format(py, &e));
    }
    let least = (collection * COLLECTION_SHARE).max(begun.elapsed() * SEARCH_SHARE);
    let is_told = LINGERING.borrow(py).iter().all(|one| one.holders.is_some());
    schedule.pause(is_told, least);
}

/// Returns freed memory to the system. Otherwise the C library keeps most of it: a small block in use at the end of the heap, or
/// a block cached for a thread, prevents it from shrinking the heap.
fn give_back(py: Python<'_>) {
    #[cfg(target_env = "gnu")]
    py.detach(|| {
        // SAFETY: a plain call, from any thread.
        unsafe { libc::malloc_trim(0) };
    });
    #[cfg(not(target_env = "gnu"))]
    let _ = py;
}

/// Drops the entries of executions that have been freed. Returns whether there were any.
fn prune(py: Python<'_>) -> bool {
    let all = std::mem::take(&mut *LINGERING.borrow(py));
    let (living, gone): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|one| one.retired.sign.call0(py).is_ok_and(|loader| !loader.is_none(py)));
    let are_any = !gone.is_empty();
    drop(gone);
    LINGERING.borrow(py).extend(living);
    are_any
}

/// Finds out what keeps retired executions alive, and logs it.
fn search(py: Python<'_>, logged: &mut HashSet<(Name, String)>) -> PyResult<()> {
    let (searched, retired) = (PyList::empty(py), PyList::empty(py));
    for one in LINGERING.borrow(py).iter() {
        retired.append(&one.retired.sign)?;
        let is_due = one.holders.is_none() && one.collections >= COLLECTIONS && one.retired.since.elapsed() >= PATIENCE;
        if is_due && searched.len() < SEARCHES {
            searched.append(&one.retired.sign)?;
        }
    }
    if searched.is_empty() {
        return Ok(());
    }
    let carried = PyDict::new(py);
    for application in registry::all() {
        for (module, name, object) in application.states.kept(py) {
            let text = format!("the state '{name}' that module '{module}' carries");
            carried.set_item(object.as_ptr() as usize, text)?;
        }
    }
    let holders = python::import(py, "mod_python._leaks")?.getattr("holders")?;
    let found: Vec<Option<Vec<String>>> = holders.call1((&searched, retired, carried))?.extract()?;
    for (sign, holders) in searched.iter().zip(found) {
        let mut lingering = LINGERING.borrow(py);
        let Some(at) = lingering.iter().position(|one| one.retired.sign.is(&sign)) else { continue };
        let Some(holders) = holders else {
            // Only the loader is still referred to, which is small.
            let freed = lingering.swap_remove(at);
            drop(lingering);
            drop(freed);
            continue;
        };
        let one = &mut lingering[at];
        for holder in &holders {
            if logged.len() < REPORTS && logged.insert((one.retired.module.clone(), holder.clone())) {
                log::warning!(
                    "module '{}' of generation {} is not in use any more, but is kept in memory by {holder}",
                    one.retired.module,
                    one.retired.generation
                );
            }
        }
        one.holders = Some(holders);
    }
    Ok(())
}

/// The retired executions that are known to be kept in memory, with what refers to them.
///
/// # Errors
/// What Python raises when it is out of memory.
pub(in crate::reload) fn leaks(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    prune(py);
    let reports: Vec<(Name, u64, Vec<String>)> = LINGERING
        .borrow(py)
        .iter()
        .filter_map(|one| Some((one.retired.module.clone(), one.retired.generation, one.holders.clone()?)))
        .collect();
    let answer = PyList::empty(py);
    for (module, generation, holders) in reports {
        let entry = PyDict::new(py);
        entry.set_item("module", &*module)?;
        entry.set_item("generation", generation)?;
        entry.set_item("holders", holders)?;
        answer.append(entry)?;
    }
    Ok(answer)
}
