//! The standard library: where it lies, and the names of its modules.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyo3::prelude::*;

/// Kept, as code may throw out of `sys.modules` what it would take to ask again.
static LIBRARY: OnceLock<Library> = OnceLock::new();

struct Library {
    directory: PathBuf,
    names: HashSet<String>,
}

/// Looks it up, before anything of an application runs.
///
/// # Errors
/// What Python raises.
pub fn remember(py: Python<'_>) -> PyResult<()> {
    let file: PathBuf = crate::python::import(py, "os")?.getattr("__file__")?.extract()?;
    let directory = file.parent().map(Path::to_owned).unwrap_or_default();
    let sys = crate::python::import(py, "sys")?;
    let names = match sys.getattr_opt("stdlib_module_names")? {
        Some(names) => names.extract()?,
        // Python 3.9 has no list of them, but directories. Its own tests are not in the list of others, either.
        None => {
            let builtin: Vec<String> = sys.getattr("builtin_module_names")?.extract()?;
            let files = modules_in(&directory).into_iter().chain(modules_in(&directory.join("lib-dynload")));
            builtin.into_iter().chain(files).filter(|name| name != "test").collect()
        }
    };
    let directory = directory.canonicalize().unwrap_or(directory);
    LIBRARY.get_or_init(|| Library { directory, names });
    Ok(())
}

/// The names of the modules in a directory, and of all directories in it.
fn modules_in(directory: &Path) -> Vec<String> {
    let files = directory.read_dir().into_iter().flatten().flatten().map(|entry| PathBuf::from(entry.file_name()));
    let modules = files.filter(|file| file.extension().is_none_or(|e| e == "py" || e == "so"));
    modules.filter_map(|file| file.to_str()?.split('.').next().map(str::to_owned)).collect()
}

/// Whether the name's first part belongs to the standard library.
pub fn is_standard(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    LIBRARY.get().is_some_and(|library| library.names.contains(first))
}

/// Whether the path lies in the standard library's directory.
pub fn holds(path: &Path) -> bool {
    LIBRARY.get().is_some_and(|library| path.starts_with(&library.directory))
}
