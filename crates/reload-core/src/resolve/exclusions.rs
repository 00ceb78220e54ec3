//! Which files are not managed although they lie in a managed directory.

use std::sync::Arc;

use os::Mutex;

/// The patterns of files that are not managed: those of `PythonReloadExclude`, and those that code adds.
#[derive(Default)]
pub struct Exclusions(Mutex<Vec<String>>);

impl Exclusions {
    /// Begins with the configured patterns.
    pub fn new(patterns: &[String]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(patterns.to_vec())))
    }

    /// Whether a file is excluded.
    pub fn matches(&self, path: &str) -> bool {
        self.0.lock().iter().any(|p| super::matches(p, path))
    }

    /// One more pattern.
    pub fn add(&self, pattern: &str) {
        let mut patterns = self.0.lock();
        if !patterns.iter().any(|p| p == pattern) {
            patterns.push(pattern.to_owned());
        }
    }
}
