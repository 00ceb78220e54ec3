//! One build under way: what it reads, how long it may take, and whether somebody has called it off.
//!
//! The janitor may hold it without being attached to Python: the stage, which has Python objects, is taken out before the end.

pub mod attempt;
pub mod kill_child;
pub mod line_tables;
pub mod schedule;
pub mod staging;
pub mod watchdog;
pub mod workers;

use std::collections::HashMap;
use std::ffi::c_long;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use crate::python::main_thread_signal;
use crate::reload::application::Application;
use crate::reload::application::failure::Signature;
use crate::reload::build::staging::Stage;
use os::{Mutex, MutexGuard};
use reload_core::files::fingerprint::Hash;
use reload_core::graph::Name;

/// How long a body that has been interrupted may take to come back before its thread is left behind, and how long requests wait
/// beyond the time limit for that.
pub const GRACE: Duration = Duration::from_millis(500);
/// How long to wait before a body that has swallowed the exception gets it again.
const REPEAT: Duration = Duration::from_millis(200);
/// The same for a body that has been left behind: only when it wakes up is there anything to interrupt.
const RARELY: Duration = Duration::from_secs(2);
/// A body that neither comes back nor can be left behind ends its child so long after that.
const LAST_GRACE: Duration = Duration::from_secs(5);
/// A build younger than this is not looked at: most are done by then.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// How often a build in a row may be superseded before the next one gets no more time to end undisturbed.
const PATIENCE: u32 = 5;
/// How many threads of this child may hang in bodies that do not come back.
const MOST_HUNG: usize = 8;

static HUNG: AtomicUsize = AtomicUsize::new(0);

/// Whether one more thread may hang.
pub fn may_hang() -> bool {
    HUNG.load(Ordering::SeqCst) < MOST_HUNG
}

/// Why a build was called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its time is over.
    Late,
    /// A file that it reads has another content by now.
    Superseded,
}

/// What a build made its modules from: the file, and the hash of its content if it could be read.
pub type Read = (PathBuf, Option<Hash>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum BuildPhase {
    /// Bodies run.
    Running,
    /// The builder publishes or takes back; nobody disturbs it any more.
    Closing,
    /// The builder has not come back: somebody else has taken its work back.
    Abandoned,
}

struct BuildState {
    phase: BuildPhase,
    reason: Option<(Reason, Instant)>,
    begun: Instant,
    next_look: Instant,
    next_push: Instant,
    unheard: u32,
    /// Its bodies run.
    runs: bool,
    /// Somebody waits for them to end, or else to end the child.
    is_awaited: bool,
    reads: HashMap<Name, Read>,
}

/// What the janitor is to do about a build now.
pub struct Attention {
    /// Compare its files.
    pub look: bool,
    /// Raise the exception in its thread.
    pub push: bool,
    /// Leave its thread behind.
    pub abandon: bool,
    /// See to it that the child ends if the build does not: the time that it has.
    pub last_grace: Option<Duration>,
    /// When to ask again.
    pub next: Instant,
}

/// A build.
pub struct Build {
    /// The application.
    pub application: Weak<Application>,
    /// `PythonReloadTimeout`.
    pub limit: Duration,
    /// Python's name for the thread that builds.
    pub thread: OnceLock<c_long>,
    taken_in: OnceLock<(u64, Signature)>,
    is_in_main_thread: AtomicBool,
    has_sent: AtomicBool,
    is_abandonable: bool,
    first_look: Duration,
    stage: Mutex<Option<Arc<Stage>>>,
    state: Mutex<BuildState>,
}

impl Build {
    /// A build that begins. `in_a_row` builds of the application were superseded before it; one that runs in the thread of a
    /// request cannot be left behind.
    pub fn new(application: Weak<Application>, limit: Duration, is_abandonable: bool, in_a_row: u32) -> Arc<Self> {
        let now = Instant::now();
        let first_look = FIRST_LOOK * 2_u32.pow(in_a_row.min(PATIENCE));
        Arc::new(Self {
            application,
            limit,
            taken_in: OnceLock::new(),
            thread: OnceLock::new(),
            is_in_main_thread: AtomicBool::new(false),
            has_sent: AtomicBool::new(false),
            is_abandonable,
            first_look,
            stage: Mutex::default(),
            state: Mutex::new(BuildState {
                phase: BuildPhase::Running,
                reason: None,
                begun: now,
                next_look: now + first_look,
                next_push: now,
                unheard: 0,
                runs: false,
                is_awaited: false,
                reads: HashMap::new(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BuildState> {
        self.state.lock()
    }

    /// Whether there is patience for one more build in its place.
    pub fn may_begin_again(&self) -> bool {
        self.first_look < FIRST_LOOK * 2_u32.pow(PATIENCE)
    }

    /// The bodies begin to run, in this thread: from now on the time counts.
    pub fn begin(&self) {
        self.is_in_main_thread.store(main_thread_signal::is_here(), Ordering::SeqCst);
        let mut state = self.lock();
        state.begun = Instant::now();
        state.next_look = state.begun + self.first_look;
        state.runs = true;
    }

    /// The bodies have come to their end, or the first ones of them.
    pub fn pause(&self) {
        self.lock().runs = false;
    }

    /// Remembers the changes that it takes in, which were found when the server had come to `version`.
    pub fn begins_with(&self, version: u64, signature: &Signature) {
        self.taken_in.get_or_init(|| (version, signature.clone()));
    }

    /// The version of the server and the changes that it takes in.
    pub fn taken_in(&self) -> Option<&(u64, Signature)> {
        self.taken_in.get()
    }

    /// Keeps what it builds for whoever may have to take it back, until it is taken out again by a thread that is attached.
    pub fn hold(&self, stage: &Arc<Stage>) {
        *self.stage.lock() = Some(stage.clone());
    }

    /// What it builds. To be called attached.
    pub fn take(&self) -> Option<Arc<Stage>> {
        self.stage.lock().take()
    }

    /// Remembers what a module is made from.
    pub fn note_read(&self, name: &Name, read: Read) {
        self.lock().reads.insert(name.clone(), read);
    }

    /// What its modules are made from.
    pub fn reads(&self) -> HashMap<Name, Read> {
        self.lock().reads.clone()
    }

    /// Why it was called off, if it was.
    pub fn reason(&self) -> Option<Reason> {
        self.lock().reason.map(|(reason, _)| reason)
    }

    /// Whether its work was taken back while its thread hung.
    pub fn is_abandoned(&self) -> bool {
        self.lock().phase == BuildPhase::Abandoned
    }

    /// Calls it off, unless that has happened or it has come to its end.
    pub fn call_off(&self, reason: Reason) {
        let mut state = self.lock();
        if state.phase == BuildPhase::Running && state.reason.is_none() {
            let now = Instant::now();
            state.reason = Some((reason, now));
            state.next_push = now;
        }
    }

    /// The thread that builds has got the signal.
    pub fn hear(&self) {
        self.lock().unheard = 0;
    }

    /// An exception is sent to the thread that builds.
    pub fn note_sent(&self) {
        self.has_sent.store(true, Ordering::SeqCst);
    }

    /// Whether an exception was sent since this was asked last. It may not have been raised yet.
    pub fn take_sent(&self) -> bool {
        self.has_sent.swap(false, Ordering::SeqCst)
    }

    /// Counts a signal. Whether those before it have come through, as far as that is known.
    pub fn expects_to_be_heard(&self) -> bool {
        let mut state = self.lock();
        state.unheard += 1;
        state.unheard <= 1
    }

    /// When its time is over.
    pub fn deadline(&self) -> Instant {
        self.lock().begun + self.limit
    }

    /// Whether it can be left behind.
    pub fn is_abandonable(&self) -> bool {
        self.is_abandonable
    }

    /// Whether Python's main thread builds.
    pub fn is_in_main_thread(&self) -> bool {
        self.is_in_main_thread.load(Ordering::SeqCst)
    }

    /// The bodies have come to their end: from now on nobody calls it off. Answers whether somebody has.
    ///
    /// # Errors
    /// When its work was taken back: it must not touch anything any more.
    pub fn close(&self) -> Result<Option<Reason>, Abandoned> {
        let mut state = self.lock();
        if state.phase == BuildPhase::Abandoned {
            return Err(Abandoned);
        }
        state.phase = BuildPhase::Closing;
        Ok(state.reason.map(|(reason, _)| reason))
    }

    /// Its thread is done with it. Answers whether it had been left behind, so that there is room for another one now.
    pub fn leave(&self) -> bool {
        let was_hung = self.is_abandoned();
        if was_hung {
            HUNG.fetch_sub(1, Ordering::SeqCst);
        }
        was_hung
    }

    /// What is to be done about it at this time.
    pub fn attend(&self, now: Instant) -> Attention {
        let mut state = self.lock();
        let mut attention =
            Attention { look: false, push: false, abandon: false, last_grace: None, next: now + RARELY };
        if state.phase == BuildPhase::Closing {
            return attention;
        }
        if state.reason.is_none() && now >= state.begun + self.limit {
            state.reason = Some((Reason::Late, now));
            state.next_push = now;
        }
        match state.reason {
            None => {
                attention.look = now >= state.next_look;
                attention.next = (state.begun + self.limit).min(state.next_look.max(now + FIRST_LOOK));
            }
            Some((_, since)) => {
                attention.push = now >= state.next_push;
                if state.phase == BuildPhase::Abandoned {
                    state.next_push = if attention.push { now + RARELY } else { state.next_push };
                    attention.next = state.next_push;
                    return attention;
                }
                if attention.push {
                    state.next_push = now + REPEAT;
                }
                attention.next = state.next_push;
                let holds_child = !self.is_abandonable && self.application.strong_count() > 0;
                if holds_child && !std::mem::replace(&mut state.is_awaited, true) {
                    attention.last_grace = Some(LAST_GRACE);
                }
                if self.is_abandonable {
                    attention.abandon = now >= since + GRACE;
                    attention.next = attention.next.min(since + GRACE);
                }
            }
        }
        attention
    }

    /// Whether its bodies still run although it was called off.
    pub fn is_stuck(&self) -> bool {
        let state = self.lock();
        state.runs && state.reason.is_some()
    }

    /// The next time to look at its files.
    pub fn look_again_at(&self, time: Instant) {
        self.lock().next_look = time;
    }

    /// Leaves its thread behind, if it still runs; the caller then takes its work back.
    pub fn abandon(&self) -> bool {
        let mut state = self.lock();
        let is_running = state.phase == BuildPhase::Running;
        if is_running {
            state.phase = BuildPhase::Abandoned;
            HUNG.fetch_add(1, Ordering::SeqCst);
        }
        is_running
    }
}

/// A build's thread was left behind.
#[derive(Debug)]
pub struct Abandoned;
