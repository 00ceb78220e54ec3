//! How changes of files are found, decided once for the process: `PythonReloadWatch`, `PythonReloadInterval` and
//! `PythonReloadTrigger`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What `PythonReloadWatch` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchMode {
    /// The kernel announces changes; where it cannot, files are looked at.
    #[default]
    Auto,
    /// The kernel announces changes, and httpd does not start where it cannot.
    Inotify,
    /// Files are looked at; the kernel is not asked.
    Stat,
}

/// How changes are found.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    /// `PythonReloadWatch`.
    pub mode: WatchMode,
    /// `PythonReloadInterval`; none where it is left to the engine.
    pub interval: Option<Duration>,
    /// `PythonReloadTrigger`.
    pub trigger: Option<PathBuf>,
}

static WATCHING: Mutex<Watching> = Mutex::new(Watching { mode: WatchMode::Auto, interval: None, trigger: None });

/// Changes what is configured.
pub fn update(change: impl FnOnce(&mut Watching)) {
    change(&mut WATCHING.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Forgets everything: the configuration is about to be read (again).
pub fn reset() {
    update(|watching| *watching = Watching::default());
}

/// What is configured now.
pub fn current() -> Watching {
    WATCHING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
