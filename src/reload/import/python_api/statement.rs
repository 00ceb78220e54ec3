//! The import hook: `builtins.__import__` and `importlib.import_module`. One hook serves the process: managed importers are told
//! by their namespace, and all others pass through.

use std::borrow::Cow;
use std::ffi::CStr;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::reload::import::importer::Importer;
use crate::reload::import::python_api::absolute_name::relative;
use crate::reload::import::python_api::foreign::{ImportForm, foreign, import_outside, leaves_to_python, make_way};
use crate::reload::import::python_api::from_list::import_parts;
use crate::reload::import::python_api::originals::{originals, remember_originals};
use crate::reload::module::managed::Managed;
use reload_core::graph::Name;

/// Takes the place of `builtins.__import__` and `importlib.import_module`, and adds the loader and the finder.
///
/// # Errors
/// What Python raises.
pub fn install(py: Python<'_>, loader_source: &CStr, edits_source: &CStr) -> PyResult<()> {
    if !remember_originals(py)? {
        return Ok(());
    }
    let loader = PyModule::from_code(py, loader_source, c"<mod_python_rs>/loader.py", c"_mod_python_loader")?;
    let edits = PyModule::from_code(py, edits_source, c"<mod_python_rs>/edits.py", c"_mod_python_edits")?;
    let modules = crate::python::raw_import::modules(py)?;
    modules.set_item("_mod_python_loader", &loader)?;
    modules.set_item("_mod_python_edits", &edits)?;
    crate::python::import(py, "builtins")?.setattr("__import__", wrap_pyfunction!(managed_import, py)?)?;
    crate::python::import(py, "importlib")?.setattr("import_module", wrap_pyfunction!(managed_import_module, py)?)?;
    loader.call_method0("install")?;
    Ok(())
}

/// The text of a name, unless no file can have the name.
fn text_of<'a>(name: &'a Bound<'_, PyAny>) -> Option<Cow<'a, str>> {
    // The most that a path may have.
    const LONGEST: usize = 4096;
    let text = name.cast::<PyString>().ok()?.to_cow().ok()?;
    (text.len() <= LONGEST).then_some(text)
}

/// The arguments of `__import__`.
struct ImportCall<'a, 'py> {
    name: &'a Bound<'py, PyAny>,
    globals: Option<&'a Bound<'py, PyAny>>,
    locals: Option<&'a Bound<'py, PyAny>>,
    fromlist: Option<&'a Bound<'py, PyAny>>,
    level: i32,
}

/// `__import__`.
#[pyfunction]
#[pyo3(name = "__import__", signature = (name, globals = None, locals = None, fromlist = None, level = 0))]
fn managed_import<'py>(
    name: &Bound<'py, PyAny>,
    globals: Option<&Bound<'py, PyAny>>,
    locals: Option<&Bound<'py, PyAny>>,
    fromlist: Option<&Bound<'py, PyAny>>,
    level: i32,
) -> PyResult<Bound<'py, PyAny>> {
    let py = name.py();
    let call = ImportCall { name, globals, locals, fromlist, level };
    let Some(importer) = call.importer(py) else { return call.pass_through(py) };
    let Some(text) = text_of(name) else { return call.pass_through(py) };
    let Some(absolute) = call.absolute(py, &importer, &text)? else { return call.pass_through(py) };
    if leaves_to_python(py, &importer, &absolute)? {
        return call.pass_through(py);
    }
    let parts = call.parts()?;
    let Some(found) = importer.find_or_note(py, &absolute)? else {
        return foreign(py, &importer, &absolute, &ImportForm { globals, parts, level });
    };
    importer.refresh_sys_modules(py, &found)?;
    match parts {
        Some(parts) => import_from(py, &importer, &found, parts),
        None => import_whole(py, &importer, &found, (level == 0).then_some(&*text)),
    }
}

impl<'a, 'py> ImportCall<'a, 'py> {
    /// Calls Python's own `__import__`.
    fn pass_through(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let none = py.None().into_bound(py);
        let [globals, locals, fromlist] = [self.globals, self.locals, self.fromlist].map(|a| a.unwrap_or(&none));
        let arguments = (self.name, globals, locals, fromlist, self.level);
        import_outside(py, || originals(py).import.bind(py).call1(arguments))
    }

    fn importer(&self, py: Python<'py>) -> Option<Importer> {
        match self.globals.and_then(|globals| globals.cast::<PyDict>().ok()) {
            Some(dict) => Importer::of_globals(py, Some(dict)),
            None => Importer::of_caller(py),
        }
    }

    /// The absolute name; `None` where the import is left to Python.
    fn absolute(&self, py: Python<'py>, importer: &Importer, text: &str) -> PyResult<Option<Name>> {
        if self.level > 0 {
            let Some(record) = &importer.module else { return Ok(None) };
            return relative(record.package(), text, usize::try_from(self.level).unwrap_or(0)).map(Some);
        }
        if self.level < 0 || text.is_empty() {
            return Ok(None);
        }
        importer.localise(py, &Name::from(text)).map(Some)
    }

    /// What is to be imported from the module; `None` where the module itself is.
    fn parts(&self) -> PyResult<Option<&'a Bound<'py, PyAny>>> {
        match self.fromlist {
            Some(list) if !list.is_none() => Ok(list.is_truthy()?.then_some(list)),
            _ => Ok(None),
        }
    }
}

/// `from module import part, ...`: returns the module, out of which the statement takes the parts.
fn import_from<'py>(
    py: Python<'py>,
    importer: &Importer,
    found: &Arc<Managed>,
    parts: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    importer.note_use(py, &found.name);
    import_parts(py, importer, found, parts)?;
    Ok(found.exposed(py))
}

/// `import a.b.c`, which binds `a`. `written` is the name as the code has it; there is none for a relative import, which returns
/// the module itself.
fn import_whole<'py>(
    py: Python<'py>,
    importer: &Importer,
    found: &Managed,
    written: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    importer.note_import(py, found);
    let Some(written) = written else { return Ok(found.exposed(py)) };
    // Where the name was found beside the importer, the statement binds what stands for `a` there.
    let mut first: &str = &found.name;
    for _ in written.matches('.') {
        first = first.rsplit_once('.').map_or(first, |(parent, _)| parent);
    }
    match importer.context.find(py, &Name::from(first))? {
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
    let pass_through = || import_outside(py, || originals(py).import_module.bind(py).call1((name, package)));
    let Some(importer) = Importer::of_caller(py) else { return pass_through() };
    let Some(text) = text_of(name) else { return pass_through() };
    let level = text.chars().take_while(|c| *c == '.').count();
    let absolute: Name = if level > 0 {
        let Some(package) = package.filter(|p| !p.is_none()) else { return pass_through() };
        let package: String = package.extract()?;
        relative(&package, &text[level..], level)?
    } else {
        importer.localise(py, &Name::from(&*text))?
    };
    import_by_name(py, &importer, &absolute)?.map_or_else(pass_through, Ok)
}

/// The module of an absolute name; `None` where the import is left to Python.
fn import_by_name<'py>(py: Python<'py>, importer: &Importer, name: &Name) -> PyResult<Option<Bound<'py, PyAny>>> {
    if leaves_to_python(py, importer, name)? {
        return Ok(None);
    }
    match importer.find_or_note(py, name)? {
        Some(found) => {
            importer.refresh_sys_modules(py, &found)?;
            importer.note_import(py, &found);
            Ok(Some(found.exposed(py)))
        }
        None if name.contains('.') => {
            let parts = PyTuple::new(py, [""])?;
            foreign(py, importer, name, &ImportForm { globals: None, parts: Some(parts.as_any()), level: 0 }).map(Some)
        }
        None => {
            importer.note_unmanaged(py, name);
            make_way(py, &importer.context.application, name)?;
            Ok(None)
        }
    }
}

/// `importlib.import_module` for an importer, with a name that is not relative.
///
/// # Errors
/// As the import.
pub(in crate::reload) fn import_for<'py>(
    py: Python<'py>,
    importer: Option<&Importer>,
    name: &Name,
) -> PyResult<Bound<'py, PyAny>> {
    let found = match importer {
        Some(importer) => import_by_name(py, importer, name)?,
        None => None,
    };
    found.map_or_else(|| import_outside(py, || originals(py).import_module.bind(py).call1((&**name,))), Ok)
}
