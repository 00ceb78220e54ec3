//! Which paths changed on disk, for all children of a server.
//!
//! Promises: once [`Watch::follow`] has returned, every change of the path reaches the listener at the latest with the next
//! [`Watch::poll`] of its process, or the listener is told that anything may have changed. Where the kernel does not announce
//! changes, [`Watch::is_polling`] and [`Watch::unannounced`] say which files the caller has to compare by itself.
//!
//! Knows no module and reads no file; it does not say how a path changed.
//!
//! One inotify instance serves the whole server. The parent makes it, children inherit it and add watches on directories (never
//! on files: a watch on a file dies with the editor's first atomic save). All children share the kernel's queue, so the one that
//! polls first and finds events moves them to the [`Journal`] in shared memory, where every child reads them:
//!
//! ```text
//! kernel --(drain: one child at a time)--> Journal --(read: each child)--> Interests --> Listener::changed(path)
//! ```

pub mod filesystem;
mod following;
mod inotify;
pub mod interests;
pub mod journal;
pub mod poll_schedule;
pub mod settings;
pub mod trigger;
pub mod writers;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::watch::inotify::Inotify;
use crate::watch::interests::{Interest, Interests, Wakeups, hash};
use crate::watch::journal::{Event, EventKind, Journal};
use crate::watch::settings::{WatchMode, Watching};
use crate::watch::trigger::Trigger;
use os::{Mutex, MutexGuard, fork, log};

pub use crate::watch::interests::Listener;

/// The watch of one configuration.
///
/// ```text
/// watch.add_listener(listener.clone());                                  // told when events were lost
/// watch.follow(Path::new("/srv/app/shop.py"), Path::new("/srv/app"), &listener);
/// // .. another process saves the file ..
/// watch.poll();                                                          // calls listener.changed("/srv/app/shop.py")
/// ```
///
/// Listeners are called while the interests are locked, so that they may take locks of their own but must not call the watch.
pub struct Watch {
    mode: WatchMode,
    /// `PythonReloadInterval`, if it is set.
    pub interval: Option<Duration>,
    /// None where inotify is unavailable or not asked for.
    inotify: Option<Inotify>,
    /// None where there is no shared memory.
    journal: Option<Journal>,
    trigger: Option<Trigger>,
    /// How many events of the journal this process has read.
    cursor: AtomicU64,
    /// Every file has to be compared.
    polling: AtomicBool,
    /// The administrator has been told that not all changes are announced.
    has_fallen_back: AtomicBool,
    /// Files of some directories have to be compared.
    has_remote: AtomicBool,
    /// Some file has a writer.
    is_waiting: AtomicBool,
    interests: Mutex<Interests>,
}

static CURRENT: Mutex<Option<Arc<Watch>>> = Mutex::new(None);

/// Makes the watch of a new configuration, in the parent.
///
/// # Errors
/// A sentence, where the configuration asks for inotify and it is unavailable.
pub fn prepare(configured: &Watching) -> Result<(), String> {
    let watch = Watch::new(configured)?;
    *CURRENT.lock() = Some(Arc::new(watch));
    Ok(())
}

/// Drops the parent's watch; children keep theirs.
pub fn release() {
    *CURRENT.lock() = None;
}

/// The watch that this process has inherited.
pub fn current() -> Option<Arc<Watch>> {
    CURRENT.lock().clone()
}

impl Watch {
    fn new(configured: &Watching) -> Result<Self, String> {
        let journal = Journal::new().map_err(|e| {
            log::warning!("no shared memory for the journal of changes ({e}): every child polls");
        });
        let journal = journal.ok();
        let inotify = if journal.is_some() { announcements(configured.mode)? } else { None };
        if configured.mode == WatchMode::Inotify && inotify.is_none() {
            return Err("PythonReloadWatch: inotify needs shared memory, which is unavailable".to_owned());
        }
        Ok(Self {
            mode: configured.mode,
            interval: configured.interval,
            polling: AtomicBool::new(inotify.is_none()),
            inotify,
            journal,
            trigger: configured.trigger.as_deref().map(Trigger::new),
            cursor: AtomicU64::new(0),
            has_fallen_back: AtomicBool::new(false),
            has_remote: AtomicBool::new(false),
            is_waiting: AtomicBool::new(false),
            interests: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Interests> {
        self.interests.lock()
    }

    /// Whether the caller has to compare every file, as the kernel does not announce all changes.
    pub fn is_polling(&self) -> bool {
        self.polling.load(Ordering::Relaxed)
    }

    /// Whether the caller has to compare some files.
    pub fn has_unannounced(&self) -> bool {
        self.is_polling() || self.has_remote.load(Ordering::Relaxed)
    }

    /// Those of these paths whose files the caller has to compare.
    pub fn unannounced<T>(&self, mut paths: Vec<T>, path_of: impl Fn(&T) -> &Path) -> Vec<T> {
        if !self.is_polling() {
            let interests = self.lock();
            paths.retain(|item| {
                let path = path_of(item);
                interests.remote.contains(path) || path.parent().is_some_and(|above| interests.remote.contains(above))
            });
        }
        paths
    }

    /// From now on the kernel does not announce all changes.
    fn fall_back(&self, reason: &str) {
        let polls = self.mode != WatchMode::Inotify;
        if !self.has_fallen_back.swap(true, Ordering::Relaxed) {
            let consequence = if polls { "edited files are found by polling" } else { "edits there are seen late" };
            log::warning!("{reason}: {consequence}");
        }
        self.polling.fetch_or(polls, Ordering::Relaxed);
    }

    /// Reads the events that wait, and tells the listeners. Without events this is one system call and three atomic loads.
    pub fn poll(&self) {
        let Some(journal) = &self.journal else { return };
        // A copy of the child that a handler has forked would take the events away from it.
        if fork::is_copy() {
            return;
        }
        if let Some(inotify) = &self.inotify {
            // In this order: a process first says that it drains, and then takes the events out of the queue.
            match inotify.waiting() {
                Ok(0) if !journal.is_draining() => {}
                Ok(_) => self.drain(inotify, journal),
                Err(e) => self.fall_back(&format!("the inotify instance cannot be asked for its events ({e})")),
            }
        }
        if journal.posted() != self.cursor.load(Ordering::Acquire) {
            self.catch_up(journal);
        }
    }

    /// Moves what waits in the kernel's queue to the journal, or waits for the process that does so.
    fn drain(&self, inotify: &Inotify, journal: &Journal) {
        let Some(drain) = journal.drain() else {
            self.fall_back("the lock of the journal of changes cannot be had any more");
            return;
        };
        if drain.is_inherited {
            log::info!("a child was ended while it took in changes: every managed file is compared again");
        }
        if let Err(e) = inotify.drain(&drain) {
            drain.post(Event::Lost);
            self.fall_back(&format!("the inotify instance cannot be read ({e})"));
        }
    }

    /// Tells the listeners of the events that this process has not read yet.
    fn catch_up(&self, journal: &Journal) {
        let mut interests = self.lock();
        let mut wakeups = Wakeups::default();
        let mut rebuilds = Vec::new();
        let cursor = journal.read(self.cursor.load(Ordering::Acquire), |event| match event {
            Event::Lost => wakeups = Wakeups { everything: true, trigger: true },
            Event::Directory(watch) => wakeups.everything |= interests.lose(watch),
            Event::Entry(entry, kind) => wakeups.add(interests.tell(entry, kind)),
            Event::Rebuild(scope) => rebuilds.push(scope),
        });
        if (wakeups.trigger || wakeups.everything) && self.is_trigger_touched(&interests) {
            rebuilds.push(None);
        }
        for listener in interests.listeners() {
            if wakeups.everything {
                listener.anything_changed();
            }
            rebuilds.iter().for_each(|scope| listener.rebuild(*scope));
        }
        self.is_waiting.store(!interests.unfinished.is_empty(), Ordering::SeqCst);
        self.remove_abandoned(&mut interests);
        // Last: another thread must not see the new cursor before the listeners know.
        self.cursor.store(cursor, Ordering::Release);
    }

    /// Ends watches that no path of this process needs any more. Another child that still needs one hears of its end, and adds it
    /// again.
    fn remove_abandoned(&self, interests: &mut Interests) {
        let Some(inotify) = &self.inotify else { return };
        for watch in std::mem::take(&mut interests.abandoned) {
            if !interests.directories.values().any(|w| *w == watch) {
                interests.unfinished.forget(watch);
                inotify.remove_watch(watch);
            }
        }
    }

    /// Asks all children to load modules again: those of the name or package, or all.
    ///
    /// # Errors
    /// Where there is no shared memory.
    pub fn request_rebuild(&self, scope: Option<&str>) -> Result<(), &'static str> {
        let drain =
            self.journal.as_ref().and_then(Journal::drain).ok_or("there is no journal that all children read")?;
        drain.post(Event::Rebuild(scope.map(scope_hash)));
        Ok(())
    }

    /// Whether the trigger file was touched since the last call, and is complete.
    fn is_trigger_touched(&self, interests: &Interests) -> bool {
        self.trigger.as_ref().is_some_and(|trigger| !interests.has_writer(&trigger.path) && trigger.is_touched())
    }

    /// Compares the trigger file, for file systems that do not announce that it was touched.
    pub fn look_at_trigger(&self) {
        let interests = self.lock();
        if self.is_trigger_touched(&interests) {
            interests.listeners().for_each(|listener| listener.rebuild(None));
        }
    }

    /// Follows the trigger file, in a child that begins.
    pub fn follow_trigger(&self) {
        let Some(trigger) = &self.trigger else { return };
        let mut interests = self.lock();
        if let Some(directory) = trigger.path.parent()
            && let Some(watch) = self.watch_directory(&mut interests, directory, directory)
        {
            self.add(&mut interests, watch, Interest::Trigger(trigger.path.clone()));
        }
        trigger.is_touched();
    }

    /// Adds a listener, to be told when events were lost and when modules are to be loaded again.
    pub fn add_listener(&self, listener: Weak<dyn Listener>) {
        self.lock().add_listener(listener);
    }

    /// Whether a file that the listener follows has a writer, so that what is read now may be half of a save.
    pub fn holds(&self, listener: &Weak<dyn Listener>) -> bool {
        self.writing_since(listener).is_some()
    }

    /// Since when a file that the listener follows has had a writer.
    pub fn writing_since(&self, listener: &Weak<dyn Listener>) -> Option<Instant> {
        if !self.is_waiting.load(Ordering::SeqCst) {
            return None;
        }
        self.lock().writing_since(listener)
    }

    /// Whether this file has a writer.
    pub fn has_writer(&self, path: &Path) -> bool {
        self.is_waiting.load(Ordering::SeqCst) && self.lock().has_writer(path)
    }

    /// Stops waiting for files whose writers have stopped writing without closing them, or never stop.
    pub fn expire_unfinished(&self) {
        if !self.is_waiting.load(Ordering::SeqCst) {
            return;
        }
        let mut interests = self.lock();
        let mut is_trigger_due = false;
        for entry in interests.unfinished.expire() {
            is_trigger_due |= interests.tell(entry, EventKind::Touched).trigger;
        }
        if is_trigger_due && self.is_trigger_touched(&interests) {
            interests.listeners().for_each(|listener| listener.rebuild(None));
        }
        self.is_waiting.store(!interests.unfinished.is_empty(), Ordering::SeqCst);
    }
}

/// The inotify instance, where the mode asks for one and the system gives it.
fn announcements(mode: WatchMode) -> Result<Option<Inotify>, String> {
    const ADVICE: &str = "raise fs.inotify.max_user_instances";
    if mode == WatchMode::Stat {
        return Ok(None);
    }
    match Inotify::new() {
        Ok(inotify) => Ok(Some(inotify)),
        Err(e) if mode == WatchMode::Inotify => Err(format!(
            "PythonReloadWatch: inotify is unavailable ({e}): {ADVICE}, or set PythonReloadWatch to auto or stat"
        )),
        Err(e) => {
            log::warning!(
                "inotify is unavailable ({e}): edited files are found by polling; {ADVICE} to have them announced"
            );
            Ok(None)
        }
    }
}

/// The hash of a name or package in [`Event::Rebuild`].
pub fn scope_hash(scope: &str) -> u64 {
    hash(OsStr::new(scope))
}
