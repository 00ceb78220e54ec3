//! The task that ends runs whose time is over, or whose result would be out of date.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::ffi;

use crate::python::{self, main_thread_signal};
use crate::reload::interrupt::background::Task;
use crate::reload::interrupt::run::{Reason, Run, RunOwner};
use crate::reload::interrupt::{exceptions, kill_child};
use os::{Mutex, fork, log, thread};

/// How long to rest where there is no run.
const REST: Duration = Duration::from_secs(1);
/// The shortest pause between two turns, whatever a run asks for.
const PAUSE: Duration = Duration::from_millis(1);
/// Asking owners whether their runs are superseded takes at most this part of the time: one over it.
const LOOKING_SHARE: u32 = 10;
/// The shortest time between two such questions.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The runs that are supervised now.
struct SupervisedRuns {
    by_id: BTreeMap<u64, Arc<Run>>,
    next_id: u64,
}

static RUNS: Mutex<SupervisedRuns> = Mutex::new(SupervisedRuns { by_id: BTreeMap::new(), next_id: 1 });
static ATTEND: Task = Task::new("the watchdog", attend_all);

/// Has runs attended to before the tasks that are registered later.
pub(super) fn register() {
    ATTEND.register();
}

/// Supervises the run from now on. Returns its number; none in a copy of the child, which has no background thread.
pub(super) fn add(run: &Arc<Run>) -> Option<u64> {
    if fork::is_copy() {
        return None;
    }
    let id = {
        let mut runs = RUNS.lock();
        let id = runs.next_id;
        runs.next_id += 1;
        runs.by_id.insert(id, run.clone());
        id
    };
    ATTEND.call();
    Some(id)
}

/// Ends the supervision of a run. No exception is sent to its thread from now on.
pub(super) fn remove(id: u64) {
    // In a copy that was made during the run nothing uses the table.
    if !fork::is_copy() {
        RUNS.lock().by_id.remove(&id);
    }
}

fn attend_all() -> Instant {
    let runs = RUNS.lock().by_id.clone();
    let next = runs.iter().map(|(id, run)| attend(*id, run)).min();
    let now = Instant::now();
    next.unwrap_or(now + REST).max(now + PAUSE)
}

/// Does what is to be done about a run now; returns when to attend to it again.
fn attend(id: u64, run: &Arc<Run>) -> Instant {
    let mut attention = run.attend(Instant::now());
    if attention.compare {
        let begun = Instant::now();
        if run.owner().is_some_and(|owner| owner.is_superseded()) {
            run.call_off(Reason::Superseded);
            attention = run.attend(Instant::now());
        } else {
            let next = Instant::now() + (begun.elapsed() * LOOKING_SHARE).max(LOOK_INTERVAL);
            run.compare_again_at(next);
            attention.next = attention.next.max(next).min(run.deadline());
        }
    }
    if let Some(grace) = attention.end_child {
        kill_child::expect_end(run, grace);
    }
    if attention.raise {
        raise(id, run);
    }
    if attention.leave_behind && run.abandon() {
        give_up(run.owner());
    }
    attention.next
}

/// Raises the exception in the thread of the run. Where that is Python's main thread, a signal does so, as it also ends calls that
/// wait; unless the code of the run has put the signal to another use.
fn raise(id: u64, run: &Arc<Run>) {
    let is_rung = {
        // The lock keeps the run from ending meanwhile, and with it the thread.
        let runs = RUNS.lock();
        runs.by_id.contains_key(&id) && run.is_in_main_thread() && main_thread_signal::wake()
    };
    if is_rung && run.expects_to_be_heard() {
        return;
    }
    let (Some(thread), Some(reason)) = (run.thread(), run.reason()) else { return };
    python::attach(|py| {
        let class = exceptions::class(py, reason);
        if RUNS.lock().by_id.contains_key(&id) {
            run.note_sent();
            // SAFETY: attached; an identity that is not a Python thread's any more is ignored.
            unsafe { ffi::PyThreadState_SetAsyncExc(thread as _, class.as_ptr()) };
        }
    });
}

/// Has the owner take the work of an abandoned run back. That runs Python code, which may take its time.
fn give_up(owner: Option<Arc<dyn RunOwner>>) {
    let Some(owner) = owner else { return };
    if let Err(e) = thread::spawn("mod_python-build", move || owner.give_up()) {
        log::error!("no thread to take a build back ({e}): the application keeps its old code");
    }
}
