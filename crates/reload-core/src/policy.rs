//! What a configuration decides about when a request sees edited code.

/// What `PythonReload` says: who waits for a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReloadMode {
    /// A request that starts after a save waits for the new code.
    Sync,
    /// Requests go on with the last good code until the new one is ready.
    Async,
}

/// What `PythonReloadConsistency` says: what a request may get while other children serve newer code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consistency {
    /// What its own child serves.
    Child,
    /// Nothing older than what any child of the server has served.
    Server,
}
