//! One run of Python code that has to end.
//!
//! Two things change in a run. Its phase: it runs; then it is *closed*, if it has come to its end, or *abandoned*, if its thread
//! hangs and others go on without it. And its reason, once it is called off: late or superseded, whichever comes first.
//!
//! ```text
//! Running --close()--> Closing            nothing calls it off any more
//!    '-----abandon()-> Abandoned          close() fails; leave() makes room for another one
//! ```

use std::ffi::c_long;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use os::{Mutex, MutexGuard};

/// How long code that was interrupted may take to come back before its thread is left behind, and how long requests wait for that
/// beyond the time limit.
pub const GRACE: Duration = Duration::from_millis(500);
/// How long to wait before code that has swallowed the exception gets it again.
const REPEAT: Duration = Duration::from_millis(200);
/// The same for an abandoned run: there is nothing to interrupt before its thread wakes up.
const RARELY: Duration = Duration::from_secs(2);
/// A run that neither ends nor can be abandoned ends its child so long after it was called off.
const LAST_GRACE: Duration = Duration::from_secs(5);
/// The least time before the owner of a run is asked whether it is superseded: most runs have ended by then.
pub const UNDISTURBED: Duration = Duration::from_millis(50);
/// How many threads of this child may hang in code that does not come back.
const MOST_HUNG: usize = 8;

static HUNG: AtomicUsize = AtomicUsize::new(0);
static IS_ONLY_THREAD: AtomicBool = AtomicBool::new(false);

/// Whether one more thread may hang.
pub fn may_hang() -> bool {
    HUNG.load(Ordering::SeqCst) < MOST_HUNG
}

/// Whether the threads that serve requests are one only, in this child.
pub fn set_only_thread(is_only: bool) {
    IS_ONLY_THREAD.store(is_only, Ordering::SeqCst);
}

/// Why a run was called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its time is over.
    Late,
    /// Its owner says that a newer run is to take its place: a file that it reads has another content by now.
    Superseded,
}

/// What is done about a run that goes on although it was called off, beside raising the exception again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastResort {
    /// Nothing: its thread hangs, and nothing needs it.
    None,
    /// Its thread is left behind, and its owner takes its work back.
    LeaveBehind,
    /// The child ends, and httpd makes another one.
    EndChild,
}

impl LastResort {
    /// For code that a request has to wait for: where its thread is the only one, the child serves nothing while it hangs.
    pub fn of_request() -> Self {
        if IS_ONLY_THREAD.load(Ordering::SeqCst) { Self::EndChild } else { Self::None }
    }
}

/// What a run belongs to.
pub trait RunOwner: Send + Sync {
    /// Whether the run need not come to its end, as its result would be out of date. Called without the interpreter lock.
    fn is_superseded(&self) -> bool;

    /// Takes back the work of the run, which was abandoned. Called without the interpreter lock, in a thread of its own.
    fn give_up(self: Arc<Self>);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RunPhase {
    /// The code runs.
    Running,
    /// Its thread publishes or takes back; nothing disturbs it any more.
    Closing,
    /// Its thread has not come back: its owner has taken its work back.
    Abandoned,
}

struct RunState {
    phase: RunPhase,
    reason: Option<(Reason, Instant)>,
    begun: Instant,
    next_compare: Instant,
    next_raise: Instant,
    /// Signals since one came through.
    unheard: u32,
    is_running: bool,
    /// Something waits for its end, or else ends the child.
    is_awaited: bool,
}

/// What the watchdog is to do about a run now.
pub struct Attention {
    /// Ask the owner whether it is superseded.
    pub compare: bool,
    /// Raise the exception in its thread.
    pub raise: bool,
    /// Leave its thread behind.
    pub leave_behind: bool,
    /// See to it that the child ends unless the run does within this time.
    pub end_child: Option<Duration>,
    /// When to ask again.
    pub next: Instant,
}

/// A run of Python code in one thread, with a time limit. It may pause and begin again.
///
/// ```
/// use std::time::{Duration, Instant};
/// use reload_core::interrupt::run::{LastResort, Reason, Run};
///
/// let run = Run::new(Duration::from_secs(10), LastResort::None);
/// run.begin(1, true);                                          // in the thread that runs the code
/// let now = Instant::now();
/// assert!(!run.attend(now).raise);                             // in the background thread
/// assert!(run.attend(now + Duration::from_secs(11)).raise);
/// assert_eq!(run.reason(), Some(Reason::Late));
/// ```
pub struct Run {
    /// The time limit.
    pub limit: Duration,
    owner: Option<Weak<dyn RunOwner>>,
    last_resort: LastResort,
    /// How long it runs before its owner is asked whether it is superseded.
    undisturbed: Duration,
    /// Python's name for its thread.
    thread: OnceLock<c_long>,
    is_in_main_thread: AtomicBool,
    has_sent: AtomicBool,
    state: Mutex<RunState>,
}

impl Run {
    /// A run that belongs to nothing.
    pub fn new(limit: Duration, last_resort: LastResort) -> Arc<Self> {
        Arc::new(Self::make(None, limit, last_resort, UNDISTURBED))
    }

    /// A run of an owner, which is asked at the earliest after the `undisturbed` time whether it is superseded.
    pub fn of(owner: Weak<dyn RunOwner>, limit: Duration, last_resort: LastResort, undisturbed: Duration) -> Arc<Self> {
        Arc::new(Self::make(Some(owner), limit, last_resort, undisturbed))
    }

    fn make(
        owner: Option<Weak<dyn RunOwner>>,
        limit: Duration,
        last_resort: LastResort,
        undisturbed: Duration,
    ) -> Self {
        let now = Instant::now();
        let state = RunState {
            phase: RunPhase::Running,
            reason: None,
            begun: now,
            next_compare: now + undisturbed,
            next_raise: now,
            unheard: 0,
            is_running: false,
            is_awaited: false,
        };
        Self {
            limit,
            owner,
            last_resort,
            undisturbed,
            thread: OnceLock::new(),
            is_in_main_thread: AtomicBool::new(false),
            has_sent: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock()
    }

    /// What it belongs to, if that is still there.
    pub fn owner(&self) -> Option<Arc<dyn RunOwner>> {
        self.owner.as_ref()?.upgrade()
    }

    /// The code begins to run, in this thread, which is the calling one. From now on its time counts.
    pub fn begin(&self, thread: c_long, is_main: bool) {
        self.thread.get_or_init(|| thread);
        self.is_in_main_thread.store(is_main, Ordering::SeqCst);
        self.begin_again();
    }

    /// From now on its time counts anew.
    pub fn begin_again(&self) {
        let mut state = self.lock();
        state.begun = Instant::now();
        state.next_compare = state.begun + self.undisturbed;
        state.is_running = true;
    }

    /// The code has come to its end, or a part of it.
    pub fn pause(&self) {
        self.lock().is_running = false;
    }

    /// Python's name for its thread, once it has begun.
    pub fn thread(&self) -> Option<c_long> {
        self.thread.get().copied()
    }

    /// Whether Python's main thread runs it.
    pub fn is_in_main_thread(&self) -> bool {
        self.is_in_main_thread.load(Ordering::SeqCst)
    }

    /// When its time is over.
    pub fn deadline(&self) -> Instant {
        self.lock().begun + self.limit
    }

    /// Why it was called off, if it was.
    pub fn reason(&self) -> Option<Reason> {
        self.lock().reason.map(|(reason, _)| reason)
    }

    /// Calls it off, unless that has happened or it has come to its end.
    pub fn call_off(&self, reason: Reason) {
        let mut state = self.lock();
        if state.phase == RunPhase::Running && state.reason.is_none() {
            state.call_off(reason, Instant::now());
        }
    }

    /// Its thread has got the signal.
    pub fn hear(&self) {
        self.lock().unheard = 0;
    }

    /// Counts a signal. Returns whether those before it have come through, as far as that is known.
    pub fn expects_to_be_heard(&self) -> bool {
        let mut state = self.lock();
        state.unheard += 1;
        state.unheard <= 1
    }

    /// An exception is sent to its thread.
    pub fn note_sent(&self) {
        self.has_sent.store(true, Ordering::SeqCst);
    }

    /// Whether an exception was sent since the last call. It may not have been raised yet.
    pub fn take_sent(&self) -> bool {
        self.has_sent.swap(false, Ordering::SeqCst)
    }

    /// Whether its thread can be left behind.
    pub fn is_abandonable(&self) -> bool {
        self.last_resort == LastResort::LeaveBehind
    }

    /// Whether its work was taken back while its thread hung.
    pub fn is_abandoned(&self) -> bool {
        self.lock().phase == RunPhase::Abandoned
    }

    /// The code has come to its end: nothing calls it off from now on. Returns why it was called off before, if it was.
    ///
    /// # Errors
    /// When its work was taken back: its thread must not change anything any more.
    pub fn close(&self) -> Result<Option<Reason>, Abandoned> {
        let mut state = self.lock();
        if state.phase == RunPhase::Abandoned {
            return Err(Abandoned);
        }
        state.phase = RunPhase::Closing;
        Ok(state.reason.map(|(reason, _)| reason))
    }

    /// Leaves its thread behind if the code still runs; the caller then takes its work back.
    pub fn abandon(&self) -> bool {
        let mut state = self.lock();
        let is_running = state.phase == RunPhase::Running;
        if is_running {
            state.phase = RunPhase::Abandoned;
            HUNG.fetch_add(1, Ordering::SeqCst);
        }
        is_running
    }

    /// Its thread is done with it. Returns whether it had been left behind, so that there is room for another one now.
    pub fn leave(&self) -> bool {
        let was_hung = self.is_abandoned();
        if was_hung {
            HUNG.fetch_sub(1, Ordering::SeqCst);
        }
        was_hung
    }

    /// Whether its code still runs although it was called off.
    pub fn is_stuck(&self) -> bool {
        let state = self.lock();
        state.is_running && state.reason.is_some()
    }

    /// When to ask its owner again whether it is superseded.
    pub fn compare_again_at(&self, time: Instant) {
        self.lock().next_compare = time;
    }

    /// What is to be done about it at this time. Calls it off if its time is over.
    pub fn attend(&self, now: Instant) -> Attention {
        let mut state = self.lock();
        let mut attention =
            Attention { compare: false, raise: false, leave_behind: false, end_child: None, next: now + RARELY };
        if state.phase == RunPhase::Closing {
            return attention;
        }
        let deadline = state.begun + self.limit;
        if state.reason.is_none() && now >= deadline {
            state.call_off(Reason::Late, now);
        }
        let Some((_, since)) = state.reason else {
            attention.next = deadline;
            if self.owner.is_some() {
                attention.compare = now >= state.next_compare;
                attention.next = deadline.min(state.next_compare.max(now + UNDISTURBED));
            }
            return attention;
        };
        let is_abandoned = state.phase == RunPhase::Abandoned;
        attention.raise = now >= state.next_raise;
        if attention.raise {
            state.next_raise = now + if is_abandoned { RARELY } else { REPEAT };
        }
        attention.next = state.next_raise;
        match self.last_resort {
            _ if is_abandoned => {}
            LastResort::None => {}
            LastResort::LeaveBehind => {
                attention.leave_behind = now >= since + GRACE;
                attention.next = attention.next.min(since + GRACE);
            }
            LastResort::EndChild => {
                let is_first = !std::mem::replace(&mut state.is_awaited, true);
                attention.end_child = is_first.then_some(LAST_GRACE);
            }
        }
        attention
    }
}

impl RunState {
    fn call_off(&mut self, reason: Reason, now: Instant) {
        self.reason = Some((reason, now));
        self.next_raise = now;
    }
}

/// The thread of a run was left behind.
#[derive(Debug)]
pub struct Abandoned;
