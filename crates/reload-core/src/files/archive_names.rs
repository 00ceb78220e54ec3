//! The names of zip archives that modules are imported from.

use std::path::Path;

/// The extensions of zip archives.
const EXTENSIONS: [&str; 3] = ["zip", "whl", "pyz"];

/// An extension that both zip archives and directories have.
const AMBIGUOUS: &str = "egg";

/// Whether a file of this name is a zip archive.
///
/// ```
/// use reload_core::files::archive_names::is_archive_name;
/// use std::path::Path;
///
/// assert!(is_archive_name(Path::new("lib/shop-1.0.egg")));
/// assert!(!is_archive_name(Path::new("lib/shop.py")));
/// ```
#[must_use]
pub fn is_archive_name(path: &Path) -> bool {
    is_only_archive_name(path) || path.extension().is_some_and(|extension| extension == AMBIGUOUS)
}

/// Whether a path of this name can only be a zip archive, and not a directory.
#[must_use]
pub fn is_only_archive_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
}
