//! How changes are found, as the configuration says.

use std::path::PathBuf;
use std::time::Duration;

/// What `PythonReloadWatch` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchMode {
    /// The kernel announces changes; where it cannot, files are compared.
    #[default]
    Auto,
    /// The kernel announces changes, and httpd does not start where it cannot.
    Inotify,
    /// Files are compared; inotify is not used.
    Stat,
}

/// How changes are found.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    /// `PythonReloadWatch`.
    pub mode: WatchMode,
    /// `PythonReloadInterval`; none where the engine chooses.
    pub interval: Option<Duration>,
    /// `PythonReloadTrigger`.
    pub trigger: Option<PathBuf>,
}
