//! What identifies an application.

use std::path::PathBuf;
use std::sync::Arc;

/// What makes two handlers share an application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApplicationKey {
    /// The interpreter's name.
    pub interpreter: Arc<str>,
    /// The directory that the handler's section names; none in `<Location>` and at server level, or where `PythonPath` rules.
    pub directory: Option<PathBuf>,
    /// `PythonPath`.
    pub path: Option<String>,
    /// `PythonReloadRoot`.
    pub roots: Vec<String>,
    /// `PythonReloadExclude`.
    pub excludes: Vec<String>,
    /// `PythonReloadTrust`.
    pub trust: Vec<String>,
    /// `PythonAutoReload`.
    pub autoreload: bool,
}

impl ApplicationKey {
    /// A readable name: the interpreter and the place.
    pub(in crate::reload) fn label(&self) -> String {
        let place = self.directory.as_ref().map(|d| d.display().to_string()).or_else(|| self.path.clone());
        format!("{} {}", self.interpreter, place.unwrap_or_default()).trim().to_owned()
    }
}
