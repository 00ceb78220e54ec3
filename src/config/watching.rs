//! How changes of files are found, decided once for the process: `PythonReloadWatch`, `PythonReloadInterval` and
//! `PythonReloadTrigger`.

use os::Mutex;
use reload_core::watch::settings::{WatchMode, Watching};

static WATCHING: Mutex<Watching> = Mutex::new(Watching { mode: WatchMode::Auto, interval: None, trigger: None });

/// Changes what is configured.
pub fn update(change: impl FnOnce(&mut Watching)) {
    change(&mut WATCHING.lock());
}

/// Forgets everything: the configuration is about to be read (again).
pub fn reset() {
    update(|watching| *watching = Watching::default());
}

/// What is configured now.
pub fn current() -> Watching {
    WATCHING.lock().clone()
}
