//! What a module is made from, and what a name stands for.

use std::path::PathBuf;

/// What stands behind a managed module on disk.
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

    /// Whether it can have submodules.
    pub fn is_package(&self) -> bool {
        !matches!(self, Self::File(_))
    }

    /// The package that relative imports of the module `name` start from.
    pub fn package_of<'a>(&self, name: &'a str) -> &'a str {
        if self.is_package() { name } else { name.rsplit_once('.').map_or("", |(package, _)| package) }
    }

    /// Where its submodules are looked for at first.
    pub fn directories(&self) -> Vec<PathBuf> {
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
    /// Something for Python's own import: installed, built in, or nothing.
    Unmanaged,
}
