//! From the name that code writes to the absolute name that is looked for.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use crate::reload::import::importer::Importer;
use crate::reload::import::resolve::Parent;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use reload_core::code::import_name::{ImportName, RelativeImportError};
use reload_core::graph::Name;

impl Importer {
    /// The name to look for: in a module that was imported by its path, a name means a neighbour first.
    ///
    /// # Errors
    /// As [`Context::resolve`](crate::reload::application::view::Context::resolve).
    pub fn localise(&self, py: Python<'_>, name: &Name) -> PyResult<Name> {
        let Self { module: Some(module), context } = self else { return Ok(name.clone()) };
        let roots = &context.application.roots;
        let Some(root) = roots.root_of(&module.name) else { return Ok(name.clone()) };
        let first = name.split('.').next().unwrap_or(name);
        if first == root || crate::python::import(py, "sys")?.getattr("builtin_module_names")?.contains(first)? {
            return Ok(name.clone());
        }
        let beside = Name::from(format!("{root}.{first}"));
        self.note_use(py, &beside);
        let directory = Parent::Prefetched(roots.directory_of(root).into_iter().collect());
        let is_neighbour = matches!(
            context.resolve(py, &beside, &directory)?,
            Resolution::Managed(Origin::File(_) | Origin::Package(..))
        );
        Ok(if is_neighbour { Name::from(format!("{root}.{name}")) } else { name.clone() })
    }
}

/// The absolute name of a relative one: `relative("a.b", "c", 2)` is `a.c`.
///
/// # Errors
/// `ImportError` where there is no such package above.
pub(in crate::reload) fn relative(package: &str, name: &str, level: usize) -> PyResult<Name> {
    ImportName { level, name }.absolute(package).map(Name::from).map_err(|e| {
        PyImportError::new_err(match e {
            RelativeImportError::NoPackage => "attempted relative import with no known parent package",
            RelativeImportError::BeyondTop => "attempted relative import beyond top-level package",
        })
    })
}
