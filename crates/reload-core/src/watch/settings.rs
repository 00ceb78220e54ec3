//! How changes are found, as the configuration says.

use std::path::PathBuf;
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
