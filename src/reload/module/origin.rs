//! What a module is made from, and what a name stands for.

use std::path::PathBuf;

/// What a managed module is made from.
///
/// ```text
/// app.py                 File("/srv/app.py")
/// shop/__init__.py       Package("/srv/shop/__init__.py", "/srv/shop")
/// data/ (no __init__)    Namespace(["/srv/data"])
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A source file.
    File(PathBuf),
    /// A package: its `__init__.py`, and its directory.
    Package(PathBuf, PathBuf),
    /// A namespace package: its directories.
    Namespace(Vec<PathBuf>),
}

impl Origin {
    /// The source file, if there is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(file) | Self::Package(file, _) => Some(file),
            Self::Namespace(_) => None,
        }
    }

    /// Whether the module can have submodules.
    pub(in crate::reload) fn is_package(&self) -> bool {
        !matches!(self, Self::File(_))
    }

    /// The package that relative imports of the module `name` start from.
    pub(in crate::reload) fn package_of<'a>(&self, name: &'a str) -> &'a str {
        if self.is_package() { name } else { name.rsplit_once('.').map_or("", |(package, _)| package) }
    }

    /// The directories that `__path__` names at first.
    pub(in crate::reload) fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::File(_) => Vec::new(),
            Self::Package(_, directory) => vec![directory.clone()],
            Self::Namespace(directories) => directories.clone(),
        }
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A managed module.
    Managed(Origin),
    /// Python's own import decides: an installed or built-in module, or none.
    Unmanaged,
}
