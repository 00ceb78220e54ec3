//! Files in managed directories that are not managed.

use std::sync::Arc;

use os::Mutex;

/// The patterns of files that are not managed: those of `PythonReloadExclude`, and those that code adds.
///
/// ```
/// use reload_core::resolve::exclusions::Exclusions;
///
/// let exclusions = Exclusions::new(&["vendor".to_owned(), "/srv/lib/*_pb2.py".to_owned()]);
/// assert!(exclusions.matches("/srv/vendor/left.py"));
/// assert!(exclusions.matches("/srv/lib/api/user_pb2.py"));
/// assert!(!exclusions.matches("/srv/app.py"));
/// ```
#[derive(Default)]
pub struct Exclusions(Mutex<Vec<String>>);

impl Exclusions {
    /// The configured patterns.
    pub fn new(patterns: &[String]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(patterns.to_vec())))
    }

    /// Whether a file is excluded.
    pub fn matches(&self, path: &str) -> bool {
        self.0.lock().iter().any(|p| super::matches(p, path))
    }

    /// Adds a pattern.
    pub fn add(&self, pattern: &str) {
        let mut patterns = self.0.lock();
        if !patterns.iter().any(|p| p == pattern) {
            patterns.push(pattern.to_owned());
        }
    }
}
