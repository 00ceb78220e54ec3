//! `from package import part, ...`: the parts that are submodules are loaded, and used.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::reload::import::importer::Importer;
use crate::reload::import::python_api::foreign::foreign_part;
use crate::reload::import::resolve::Parent;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Resolution;
use reload_core::graph::Name;

/// Loads what the list names below the package.
///
/// # Errors
/// `TypeError` for items that are no text; what the submodules raise.
pub(in crate::reload) fn import_parts(
    py: Python<'_>,
    importer: &Importer,
    package: &Arc<Managed>,
    list: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if !package.origin.is_package() {
        return Ok(());
    }
    for part in list.try_iter()? {
        let part = part?;
        let Ok(text) = part.cast::<PyString>() else {
            return Err(PyTypeError::new_err(format!(
                "Item in ``from list'' must be str, not {}",
                part.get_type().name()?
            )));
        };
        let Ok(text) = text.to_cow() else { continue };
        if text == "*" {
            importer.hold(py, package);
            match package.exposed(py).getattr_opt("__all__")? {
                Some(all) => import_parts(py, importer, package, &all)?,
                // The submodules that stand in the package's namespace now are copied along with everything else.
                None => package
                    .bound()
                    .iter()
                    .filter(|tail| !tail.starts_with('_'))
                    .for_each(|tail| importer.note_copied(py, &Name::from(format!("{}.{tail}", package.name)))),
            }
            continue;
        }
        import_part(py, importer, package, &text)?;
    }
    Ok(())
}

fn import_part(py: Python<'_>, importer: &Importer, package: &Arc<Managed>, part: &str) -> PyResult<()> {
    let context = &importer.context;
    let name = Name::from(format!("{}.{part}", package.name));
    let object = package.exposed(py);
    if let Some(value) = object.getattr_opt(part)? {
        // An attribute of the package's own hides a submodule of that name; a submodule is used.
        let is_submodule = match context.view.any(&name) {
            Some(module) => module.exposed(py).is(&value),
            None => matches!(context.known(&name), Some(Resolution::Managed(_))),
        };
        if is_submodule && let Some(found) = context.find(py, &name)? {
            importer.note_use(py, &name);
            importer.hold(py, &found);
        }
        return Ok(());
    }
    let resolution = context.resolve(py, &name, &Parent::Loaded(package.clone()))?;
    // Also where it was looked for in vain: a file that appears there changes what the import gets.
    importer.note_use(py, &name);
    match resolution {
        Resolution::Managed(_) => {
            if let Some(found) = context.find(py, &name)? {
                importer.hold(py, &found);
            }
            Ok(())
        }
        Resolution::Unmanaged => match foreign_part(py, &name)? {
            Some(module) => object.setattr(part, module),
            None => Ok(()),
        },
    }
}
