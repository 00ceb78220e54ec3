//! The bridge into Python's import: what an import statement in managed code gets, and which edge it leaves.

pub mod by_path;
pub mod execute;
pub mod file_reads;
pub mod find;
pub mod foreign;
pub mod importer;
pub mod load;
pub mod look_ahead;
pub mod lookup;
pub mod process_state;
pub mod spec_api;
pub mod sys_modules;
pub mod thread_owner;
pub mod unmanaged;

use std::borrow::Cow;
use std::ffi::CStr;
use std::sync::Arc;

use pyo3::exceptions::{PyImportError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::reload::application::change::Resolution;
use crate::reload::import::find::{concerns_managed, find_for};
use crate::reload::import::foreign::{foreign, foreign_part, import_outside, make_way};
use crate::reload::import::importer::{calling_globals, note_prefixes, note_unmanaged};
use crate::reload::module::{Managed, Origin};
use reload_core::graph::Name;

pub use crate::reload::import::find::{find, find_for_caller, is_elsewhere};
pub use crate::reload::import::importer::{
    Importer, calling_application, calling_directory, nearest_managed, note_import,
};
pub use crate::reload::import::lookup::{Parent, resolve};
pub use crate::reload::import::spec_api::{SpecOrigin, is_of_another, load_for_spec, note_find, origin_of};
pub use crate::reload::import::thread_owner::application_of_thread;

/// Python's own `__import__` and `importlib.import_module`.
static ORIGINALS: PyOnceLock<(Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();

/// Takes the place of `builtins.__import__` and `importlib.import_module`, and adds the loader and the finder. One hook for the
/// process: managed importers are told by their namespace, all others pass through.
pub fn install(py: Python<'_>, loader_source: &CStr, edits_source: &CStr) -> PyResult<()> {
    let builtins = crate::python::import(py, "builtins")?;
    let importlib = crate::python::import(py, "importlib")?;
    let originals = (builtins.getattr("__import__")?.unbind(), importlib.getattr("import_module")?.unbind());
    if ORIGINALS.set(py, originals).is_err() {
        return Ok(());
    }
    let loader = PyModule::from_code(py, loader_source, c"<mod_python_rs>/loader.py", c"_mod_python_loader")?;
    let edits = PyModule::from_code(py, edits_source, c"<mod_python_rs>/edits.py", c"_mod_python_edits")?;
    let modules = crate::python::raw_import::modules(py)?;
    modules.set_item("_mod_python_loader", &loader)?;
    modules.set_item("_mod_python_edits", &edits)?;
    builtins.setattr("__import__", wrap_pyfunction!(managed_import, py)?)?;
    importlib.setattr("import_module", wrap_pyfunction!(managed_import_module, py)?)?;
    loader.call_method0("install")?;
    Ok(())
}

fn originals(py: Python<'_>) -> &(Py<PyAny>, Py<PyAny>) {
    ORIGINALS.get(py).expect("the hook that calls this is installed after it is set")
}

/// The text of a name, unless it is none that a file can have.
fn text_of<'a>(name: &'a Bound<'_, PyAny>) -> Option<Cow<'a, str>> {
    // The most that a path may have.
    const LONGEST: usize = 4096;
    let text = name.cast::<PyString>().ok()?.to_cow().ok()?;
    (text.len() <= LONGEST).then_some(text)
}

/// `__import__`.
#[pyfunction]
#[pyo3(name = "__import__", signature = (name, globals = None, locals = None, fromlist = None, level = 0))]
fn managed_import<'py>(
    py: Python<'py>,
    name: &Bound<'py, PyAny>,
    globals: Option<&Bound<'py, PyAny>>,
    locals: Option<&Bound<'py, PyAny>>,
    fromlist: Option<&Bound<'py, PyAny>>,
    level: i32,
) -> PyResult<Bound<'py, PyAny>> {
    let original = || {
        let none = py.None().into_bound(py);
        let arguments = (name, globals.unwrap_or(&none), locals.unwrap_or(&none), fromlist.unwrap_or(&none), level);
        import_outside(py, || originals(py).0.bind(py).call1(arguments))
    };
    let namespace = match globals.and_then(|g| g.cast::<PyDict>().ok()) {
        Some(dict) => Some(dict.clone()),
        None => calling_globals(py),
    };
    let Some(importer) = Importer::find(py, namespace.as_ref()) else { return original() };
    let Some(text) = text_of(name) else { return original() };
    let absolute: Name = if level > 0 {
        let package = match &importer.module {
            Some(record) => record.package().to_owned(),
            None => return original(),
        };
        Name::from(relative(&package, &text, level)?)
    } else if level < 0 || text.is_empty() {
        return original();
    } else {
        localise(py, &importer, &Name::from(&*text))?
    };
    if importer.module.is_none() && !concerns_managed(py, &importer, &absolute)? {
        make_way(py, &importer.application, &absolute)?;
        return original();
    }
    let wants_parts = match fromlist {
        Some(list) if !list.is_none() => list.is_truthy()?,
        _ => false,
    };
    // An importer that puts up with a failure uses the name as well: it runs again when that is mended.
    let found = find_for(py, &importer, &absolute).inspect_err(|_| note_prefixes(py, &importer, &absolute))?;
    let Some(found) = found else {
        return foreign(py, &importer, &absolute, globals, fromlist.filter(|_| wants_parts), level);
    };
    importer.show(py, &found)?;
    if wants_parts {
        importer.note(py, &found.name);
        if let Some(list) = fromlist {
            parts(py, &importer, &found, list)?;
        }
        return Ok(found.exposed(py));
    }
    note_prefixes(py, &importer, &found.name);
    // `import a.b as x` looks the same from here as `import a.b`.
    importer.hold(py, &found);
    if level > 0 {
        return Ok(found.exposed(py));
    }
    // `import a.b.c` binds `a`; where the name was found beside the importer, it binds what stands for `a` there.
    let depth = text.matches('.').count();
    let mut first: &str = &found.name;
    for _ in 0..depth {
        first = first.rsplit_once('.').map_or(first, |(parent, _)| parent);
    }
    match find(py, &importer.application, &importer.view, &Name::from(first))? {
        Some(top) => {
            importer.hold(py, &top);
            Ok(top.exposed(py))
        }
        None => Ok(found.exposed(py)),
    }
}

/// `importlib.import_module`.
#[pyfunction]
#[pyo3(name = "import_module", signature = (name, package = None))]
fn managed_import_module<'py>(
    py: Python<'py>,
    name: &Bound<'py, PyAny>,
    package: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let original = || import_outside(py, || originals(py).1.bind(py).call1((name, package)));
    let Some(importer) = Importer::find(py, calling_globals(py).as_ref()) else { return original() };
    let Some(text) = text_of(name) else { return original() };
    let level = text.chars().take_while(|c| *c == '.').count();
    let absolute: Name = if level > 0 {
        let Some(package) = package.filter(|p| !p.is_none()) else { return original() };
        let package: String = package.extract()?;
        Name::from(relative(&package, &text[level..], i32::try_from(level).unwrap_or(i32::MAX))?)
    } else {
        localise(py, &importer, &Name::from(&*text))?
    };
    import_by_name(py, &importer, &absolute)?.map_or_else(original, Ok)
}

fn import_by_name<'py>(py: Python<'py>, importer: &Importer, name: &Name) -> PyResult<Option<Bound<'py, PyAny>>> {
    if importer.module.is_none() && !concerns_managed(py, importer, name)? {
        make_way(py, &importer.application, name)?;
        return Ok(None);
    }
    match find_for(py, importer, name).inspect_err(|_| note_prefixes(py, importer, name))? {
        Some(found) => {
            importer.show(py, &found)?;
            note_import(py, importer, &found);
            Ok(Some(found.exposed(py)))
        }
        None if name.contains('.') => {
            foreign(py, importer, name, None, Some(PyTuple::new(py, [""])?.as_any()), 0).map(Some)
        }
        None => {
            note_unmanaged(py, importer, name);
            make_way(py, &importer.application, name)?;
            Ok(None)
        }
    }
}

/// `importlib.import_module` for an importer, with a name that is not relative.
///
/// # Errors
/// As the import.
pub fn import_for<'py>(py: Python<'py>, importer: Option<&Importer>, name: &Name) -> PyResult<Bound<'py, PyAny>> {
    let found = match importer {
        Some(importer) => import_by_name(py, importer, name)?,
        None => None,
    };
    found.map_or_else(|| import_outside(py, || originals(py).1.bind(py).call1((&**name,))), Ok)
}

/// In a module that was imported by its path a name means a neighbour first. Answers the name to look for.
///
/// # Errors
/// As [`resolve`].
pub fn localise(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<Name> {
    let Importer { module: Some(module), application, view } = importer else { return Ok(name.clone()) };
    let Some(root) = application.roots.root_of(&module.name) else { return Ok(name.clone()) };
    let first = name.split('.').next().unwrap_or(name);
    if first == root || crate::python::import(py, "sys")?.getattr("builtin_module_names")?.contains(first)? {
        return Ok(name.clone());
    }
    let beside = Name::from(format!("{root}.{first}"));
    importer.note(py, &beside);
    let directory = Parent::Prefetched(application.roots.directory_of(root).into_iter().collect());
    let is_neighbour = matches!(
        resolve(py, application, view, &beside, &directory)?,
        Resolution::Managed(Origin::File(_) | Origin::Package(..))
    );
    Ok(if is_neighbour { Name::from(format!("{root}.{name}")) } else { name.clone() })
}

fn relative(package: &str, name: &str, level: i32) -> PyResult<String> {
    if package.is_empty() {
        return Err(PyImportError::new_err("attempted relative import with no known parent package"));
    }
    let mut base = package;
    for _ in 1..level {
        base = base
            .rsplit_once('.')
            .map(|(parent, _)| parent)
            .ok_or_else(|| PyImportError::new_err("attempted relative import beyond top-level package"))?;
    }
    Ok(if name.is_empty() { base.to_owned() } else { format!("{base}.{name}") })
}

/// `from package import part, ...`: parts that are submodules are loaded, and used.
fn parts(py: Python<'_>, importer: &Importer, package: &Arc<Managed>, list: &Bound<'_, PyAny>) -> PyResult<()> {
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
                Some(all) => parts(py, importer, package, &all)?,
                // The submodules that stand in the package's namespace now are copied along with everything else.
                None => package
                    .bound()
                    .iter()
                    .filter(|tail| !tail.starts_with('_'))
                    .for_each(|tail| importer.note_copied(py, &Name::from(format!("{}.{tail}", package.name)))),
            }
            continue;
        }
        part_of(py, importer, package, &text)?;
    }
    Ok(())
}

fn part_of(py: Python<'_>, importer: &Importer, package: &Arc<Managed>, part: &str) -> PyResult<()> {
    let name = Name::from(format!("{}.{part}", package.name));
    let object = package.exposed(py);
    let known = importer.application.known(&name);
    let is_bound = object.getattr_opt(part)?;
    if let Some(value) = is_bound {
        // An attribute of the package's own hides a submodule of that name; a submodule is used.
        let is_submodule = matches!(known, Some(Resolution::Managed(_)))
            && importer.view.any(&name).is_none_or(|m| m.exposed(py).is(&value));
        if is_submodule && let Some(found) = find(py, &importer.application, &importer.view, &name)? {
            importer.note(py, &name);
            importer.hold(py, &found);
        }
        return Ok(());
    }
    let Resolution::Managed(_) =
        resolve(py, &importer.application, &importer.view, &name, &Parent::Loaded(package.clone()))?
    else {
        // Looked for and not found: a file that appears there changes what the import gets.
        importer.note(py, &name);
        return match foreign_part(py, &name) {
            Ok(Some(module)) => object.setattr(part, module),
            Ok(None) => Ok(()),
            Err(e) => Err(e),
        };
    };
    importer.note(py, &name);
    if let Some(found) = find(py, &importer.application, &importer.view, &name)? {
        importer.hold(py, &found);
    }
    Ok(())
}
