//! The bridge into Python's import: what an import statement in managed code gets, and which edge it leaves.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use super::Snapshot;
use super::application::{Application, Elsewhere, Resolution};
use super::applications;
use super::board;
use super::context::{self, View};
use super::execute::{self, Order};
use super::foresight;
use super::generation::Claim;
use super::graph::Name;
use super::installed;
use super::looking::Missed;
use super::module::{self, Managed, Origin, Source};
use super::resolve::Found;
use super::search::{SearchDirectory, canonical};
use super::shown;
use super::sources::Foreseen;
use super::surroundings::Surroundings;
use crate::httpd::log;

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
    let modules = crate::python::system::modules(py)?;
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

/// Runs an import of Python's own, and takes in what it has loaded.
fn import_outside<R>(py: Python<'_>, import: impl FnOnce() -> R) -> R {
    let result = context::outside(import);
    if !context::is_outside() {
        installed::take_in(py);
    }
    result
}

/// Who imports, and what is seen there.
pub struct Importer {
    /// The module whose code imports, if it is managed.
    pub module: Option<Arc<Managed>>,
    /// Its application, or the one that runs on this thread.
    pub application: Arc<Application>,
    /// What is seen there.
    pub view: View,
}

impl Importer {
    /// The importer with this namespace; or, for code that is not managed, the application that runs on this thread.
    fn find(globals: Option<&Bound<'_, PyDict>>) -> Option<Self> {
        if let Some(record) = globals.and_then(module::by_globals)
            && let Some(application) = record.application.upgrade()
        {
            let view = context::view_of(&application);
            return Some(Self { module: Some(record), application, view });
        }
        let (application, view) = context::innermost()?;
        Some(Self { module: None, application, view })
    }

    /// Remembers that the importer gets a package's own object.
    fn hold(&self, py: Python<'_>, module: &Managed) {
        if !module.origin.is_package() {
            return;
        }
        let holder = self.module.clone().or_else(|| nearest_managed(py)).or_else(context::running_body);
        if let Some(holder) = holder
            && holder.note_hold(&module.name)
        {
            self.application.add_hold(&holder, &module.name);
        }
    }

    /// The importer whose code calls.
    pub fn of_caller(py: Python<'_>) -> Option<Self> {
        Self::find(calling_globals(py).as_ref())
    }

    /// Leaves an edge to a name. What unmanaged code imports is put down to the managed code that called it.
    pub fn note(&self, py: Python<'_>, name: &Name) {
        let user = self.module.clone().or_else(|| nearest_managed(py)).or_else(context::running_body);
        if let Some(user) = user
            && user.note_use(name)
        {
            self.application.add_edge(&user, name);
        }
    }
}

/// The managed module whose code is nearest on the stack.
pub fn nearest_managed(py: Python<'_>) -> Option<Arc<Managed>> {
    // SAFETY: attached; the frame is borrowed from the running thread and kept by the new reference.
    let mut frame: Bound<'_, PyAny> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast())? };
    loop {
        let globals = frame.getattr("f_globals").ok()?;
        if let Some(record) = globals.cast::<PyDict>().ok().and_then(module::by_globals) {
            return Some(record);
        }
        frame = frame.getattr("f_back").ok().filter(|f| !f.is_none())?;
    }
}

/// The application of the code that calls, and what is seen there.
pub fn calling_application(py: Python<'_>) -> Option<(Arc<Application>, View)> {
    let application = nearest_managed(py).and_then(|module| module.application.upgrade());
    match application {
        Some(application) => Some((application.clone(), context::view_of(&application))),
        None => context::innermost(),
    }
}

/// The namespace of the Python code that called us.
fn calling_globals(py: Python<'_>) -> Option<Bound<'_, PyDict>> {
    // SAFETY: attached; the answer is borrowed and may be null when no Python code runs.
    let globals: Option<Bound<'_, PyAny>> = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetGlobals()) };
    globals?.cast_into().ok()
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
    let Some(importer) = Importer::find(namespace.as_ref()) else { return original() };
    let Ok(text) = name.cast::<PyString>() else { return original() };
    let Ok(text) = text.to_cow() else { return original() };
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
    let Some(importer) = Importer::find(calling_globals(py).as_ref()) else { return original() };
    let Ok(text) = name.cast::<PyString>() else { return original() };
    let Ok(text) = text.to_cow() else { return original() };
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
        return Ok(None);
    }
    match find_for(py, importer, name).inspect_err(|_| note_prefixes(py, importer, name))? {
        Some(found) => {
            note_import(py, importer, &found);
            Ok(Some(found.exposed(py)))
        }
        None if name.contains('.') => {
            foreign(py, importer, name, None, Some(PyTuple::new(py, [""])?.as_any()), 0).map(Some)
        }
        None => {
            note_unmanaged(py, importer, name);
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

/// The directory of the code that calls.
///
/// # Errors
/// `ImportError` for code that comes from no file.
pub fn calling_directory(py: Python<'_>, importer: &Importer) -> PyResult<PathBuf> {
    let own = importer.module.as_ref().and_then(|module| module.origin.file().cloned());
    let file = match own {
        Some(file) => Some(file),
        None => match calling_globals(py).and_then(|globals| globals.get_item("__file__").ok().flatten()) {
            Some(file) => file.extract::<PathBuf>().ok(),
            None => None,
        },
    };
    file.as_deref().and_then(Path::parent).map(Path::to_owned).ok_or_else(|| {
        PyImportError::new_err("a path that begins with a dot is beside the file of the caller, and this one has none")
    })
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
    let directory = Parent::Foreseen(application.roots.directory_of(root).into_iter().collect());
    let is_neighbour = matches!(
        resolve(py, application, view, &beside, &directory)?,
        Resolution::Managed(Origin::File(_) | Origin::Package(..))
    );
    Ok(if is_neighbour { Name::from(format!("{root}.{name}")) } else { name.clone() })
}

/// A managed module by its absolute name, for an importer; `None` for what Python's own import answers.
///
/// # Errors
/// What loading raises.
pub fn find_for_caller(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<Option<Arc<Managed>>> {
    if importer.module.is_none() && !concerns_managed(py, importer, name)? {
        return Ok(None);
    }
    find_for(py, importer, name)
}

/// Leaves the edges of an import.
pub fn note_import(py: Python<'_>, importer: &Importer, found: &Managed) {
    note_prefixes(py, importer, &found.name);
    importer.hold(py, found);
}

/// A module's file, and its directories if it is a package.
pub type Place = (Option<PathBuf>, Option<Vec<PathBuf>>);

/// Where a managed module of the running application comes from.
pub fn origin_of(py: Python<'_>, name: &str) -> PyResult<Option<Place>> {
    if shown::is_standard(py, name)? {
        // Whoever asks Python's own import system for a standard name gets the standard module.
        return Ok(None);
    }
    let here = context::innermost().map(|(application, _)| application);
    let candidates: Vec<Arc<Application>> = match here {
        Some(application) => vec![application],
        None => applications::all(),
    };
    for application in candidates {
        let view = context::view_of(&application);
        let parent = name.rsplit_once('.').and_then(|(parent, _)| view.any(&Name::from(parent)));
        if name.contains('.') && parent.is_none() {
            continue;
        }
        if let Resolution::Managed(origin) =
            resolve(py, &application, &view, &Name::from(name), &Parent::from(parent.as_ref()))?
        {
            let directories = origin.is_package().then(|| origin.directories());
            return Ok(Some((origin.file().cloned(), directories)));
        }
    }
    Ok(None)
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

/// Whether an import by code that is not managed should get a managed module: only when the name is one, and nothing unmanaged
/// already goes by it.
fn concerns_managed(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<bool> {
    let first = name.split('.').next().unwrap_or(name);
    match importer.application.known(first) {
        Some(Resolution::Unmanaged) => return Ok(false),
        Some(Resolution::Managed(_)) => return Ok(!shown::is_standard(py, first)?),
        None => {}
    }
    let first = Name::from(first);
    // An entry of another application is nothing unmanaged: this one may have a module of the name too.
    let is_taken = crate::python::system::modules(py)?.contains(&*first)? && !shown::is_ours(py, &first);
    if is_taken || shown::is_standard(py, &first)? {
        return Ok(false);
    }
    Ok(matches!(resolve(py, &importer.application, &importer.view, &first, &Parent::Nothing)?, Resolution::Managed(_)))
}

/// Finds a managed module by its absolute name; or, for code in a directory that is no package, beside the importer.
fn find_for(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<Option<Arc<Managed>>> {
    if let Some(found) = find(py, &importer.application, &importer.view, name)? {
        return Ok(Some(found));
    }
    let Some(record) = &importer.module else { return Ok(None) };
    let package = record.package();
    if package.is_empty() || name.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
        return Ok(None);
    }
    let Some(parent) = importer.view.any(&Name::from(package)) else { return Ok(None) };
    if !matches!(parent.origin, Origin::Namespace(_)) {
        return Ok(None);
    }
    let first = name.split('.').next().unwrap_or(name);
    let beside = Name::from(format!("{package}.{first}"));
    let is_there = matches!(
        resolve(py, &importer.application, &importer.view, &beside, &Parent::Loaded(parent.clone()))?,
        Resolution::Managed(_)
    );
    if !is_there || is_importable(py, first)? {
        return Ok(None);
    }
    find(py, &importer.application, &importer.view, &Name::from(format!("{package}.{name}")))
}

/// Whether a name stands for something also without the neighbour that has it.
pub fn is_elsewhere(py: Python<'_>, application: &Application, name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    matches!(application.known(first), Some(Resolution::Managed(_))) || is_importable(py, first).unwrap_or(false)
}

fn is_importable(py: Python<'_>, name: &str) -> PyResult<bool> {
    if crate::python::system::modules(py)?.contains(name)? {
        return Ok(true);
    }
    let finder = crate::python::import(py, "importlib.machinery")?.getattr("PathFinder")?;
    Ok(shown::is_standard(py, name)? || !finder.call_method1("find_spec", (name,))?.is_none())
}

/// Finds a managed module in a view, and loads it there if it is not; `None` for names that are not managed.
///
/// # Errors
/// What loading raises; `ModuleNotFoundError` for a submodule of a managed module that is not there.
pub fn find(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
) -> PyResult<Option<Arc<Managed>>> {
    let ready = match view {
        View::Generation(generation) => generation.ready(name),
        View::Stage(stage) => stage.any(name).or_else(|| stage.await_late(py, name)),
    };
    // In a stage the package comes first even so: it may be broken now, or not hold the submodule yet.
    if matches!(view, View::Generation(_)) && ready.is_some() {
        return Ok(ready);
    }
    let parent = match name.rsplit_once('.') {
        None => None,
        Some((parent, _)) => match find(py, application, view, &Name::from(parent))? {
            Some(parent) => Some(parent),
            None => return Ok(None),
        },
    };
    let found = match ready {
        Some(ready) => ready,
        None => {
            let Resolution::Managed(origin) = resolve(py, application, view, name, &Parent::from(parent.as_ref()))?
            else {
                return Ok(None);
            };
            match view {
                View::Generation(generation) => load(py, application, generation, name, &origin)?,
                View::Stage(stage) => stage.obtain(py, name, &origin)?,
            }
        }
    };
    if let Some(parent) = parent
        && let Some((_, tail)) = name.rsplit_once('.')
    {
        // The body may have renewed its own package in the meantime.
        let parent = view.any(&parent.name).unwrap_or(parent);
        if execute::bind(py, &parent, tail, &found)?
            && let View::Stage(stage) = view
        {
            stage.note_bound(&parent, tail);
        }
    }
    Ok(Some(found))
}

/// Where a name is looked for.
pub enum Parent {
    /// In the managed directories of the search path.
    Nothing,
    /// In the `__path__` of this package.
    Loaded(Arc<Managed>),
    /// In the directories of a package that is not loaded.
    Foreseen(Vec<PathBuf>),
}

impl From<Option<&Arc<Managed>>> for Parent {
    fn from(parent: Option<&Arc<Managed>>) -> Self {
        parent.map_or(Self::Nothing, |parent| Self::Loaded(parent.clone()))
    }
}

/// What a name stands for in a view.
///
/// # Errors
/// What Python raises while it is asked for its own modules.
pub fn resolve(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
    parent: &Parent,
) -> PyResult<Resolution> {
    let resolution = look_up(py, application, view, name, parent)?;
    if let (View::Stage(stage), Resolution::Unmanaged) = (view, &resolution) {
        stage.meet_absence(name);
    }
    Ok(resolution)
}

fn look_up(
    py: Python<'_>,
    application: &Arc<Application>,
    view: &View,
    name: &Name,
    parent: &Parent,
) -> PyResult<Resolution> {
    match view {
        View::Generation(generation) => {
            if let Some(resolution) = generation.sources.resolution(name) {
                return Ok(resolution);
            }
        }
        View::Stage(stage) => {
            if let Some(resolution) = stage.known(name) {
                return Ok(resolution);
            }
            if stage.is_open(name) {
                let directories = directories(py, view, parent)?;
                let known =
                    application.look_up(name, directories, |f| elsewhere(py, application, view, name, parent, f))?;
                let resolution = known.resolution.clone();
                stage.settle_name(name, known);
                return Ok(resolution);
            }
        }
    }
    let search = view.search();
    let remembered = match view {
        View::Generation(_) => application.remembered(name, &search),
        // What requests have found meanwhile is of the place that the stage leaves.
        View::Stage(stage) if stage.has_moved() => {
            application.remembered(name, stage.base_search()).filter(|found| *found == Resolution::Unmanaged)
        }
        View::Stage(stage) => application.remembered(name, stage.base_search()),
    };
    if let Some(resolution) = remembered {
        return Ok(resolution);
    }
    let directories = directories(py, view, parent)?;
    let known = application.look_up(name, directories, |f| elsewhere(py, application, view, name, parent, f))?;
    let resolution = known.resolution.clone();
    match view {
        View::Stage(stage) if stage.has_moved() => stage.settle_name(name, known),
        View::Stage(_) | View::Generation(_) => application.remember(name, known, &search),
    }
    Ok(resolution)
}

/// Where a name is looked for: the package's `__path__`, or the managed directories of the search path.
fn directories(py: Python<'_>, view: &View, parent: &Parent) -> PyResult<Vec<PathBuf>> {
    match parent {
        Parent::Nothing => Ok(view.search().iter().filter(|d| d.managed).map(|d| d.path.clone()).collect()),
        Parent::Foreseen(directories) => Ok(directories.clone()),
        Parent::Loaded(package) => match package.exposed(py).getattr_opt("__path__")? {
            Some(path) => path.try_iter()?.map(|entry| entry?.extract::<PathBuf>()).collect(),
            None => Ok(Vec::new()),
        },
    }
}

/// What Python's own import system has for a name, where that matters: in a directory that comes before what was found; or,
/// where nothing was, from the finder of a package that is installed in place.
fn elsewhere(
    py: Python<'_>,
    application: &Application,
    view: &View,
    name: &Name,
    parent: &Parent,
    found: &Found,
) -> PyResult<Elsewhere> {
    if !matches!(parent, Parent::Nothing) {
        return Ok(Elsewhere::Nothing);
    }
    if **name == *"__main__" || crate::python::import(py, "sys")?.getattr("builtin_module_names")?.contains(&**name)? {
        return Ok(Elsewhere::Unmanaged);
    }
    // What finders look at is not read by the body that imports.
    let _quiet = context::leave_body();
    if *found == Found::Nothing {
        return installed_in_place(py, application, view, name);
    }
    let at = match found {
        Found::Package(_, path) | Found::Module(path) | Found::Foreign(path) => path.parent().map(PathBuf::from),
        Found::Namespace(_) | Found::Nothing => None,
    };
    let search = view.search();
    let before: Vec<&SearchDirectory> =
        search.iter().take_while(|d| at.as_deref() != Some(&*d.path)).filter(|d| !d.managed).collect();
    let is_first = before.is_empty() || !finds_module(py, name, &before)?;
    if is_first && shown::is_standard(py, name)? {
        warn_of_shadow(name, found);
    }
    Ok(if is_first { Elsewhere::Nothing } else { Elsewhere::Unmanaged })
}

/// Whether these directories have a module of this name. A namespace package there does not come before a regular module.
fn finds_module(py: Python<'_>, name: &Name, directories: &[&SearchDirectory]) -> PyResult<bool> {
    let paths = PyList::new(py, directories.iter().map(|d| d.path.as_os_str()))?;
    let finder = crate::python::import(py, "importlib.machinery")?.getattr("PathFinder")?;
    let spec = finder.call_method1("find_spec", (&**name, paths))?;
    Ok(!spec.is_none() && !spec.getattr("loader")?.is_none())
}

/// Source code under a root that a finder of `sys.meta_path` knows; and what lies below a managed directory, where code has put
/// a directory of its own on `sys.path`.
fn installed_in_place(py: Python<'_>, application: &Application, view: &View, name: &Name) -> PyResult<Elsewhere> {
    let is_taken = crate::python::system::modules(py)?.contains(&**name)? && !shown::is_ours(py, name);
    if is_taken || shown::is_standard(py, name)? {
        return Ok(Elsewhere::Nothing);
    }
    let roots: Vec<PathBuf> = application.key.roots.iter().map(|root| canonical(Path::new(root))).collect();
    let found = crate::python::import(py, "_mod_python_loader")?.getattr("find_in_place")?.call1((&**name,))?;
    let Some((file, is_package, is_ordinary)) = found.extract::<Option<(PathBuf, bool, bool)>>()? else {
        return Ok(Elsewhere::Nothing);
    };
    let file = canonical(&file);
    if is_ordinary {
        let search = view.search();
        let is_below = search.iter().any(|d| d.managed && file.starts_with(&d.path));
        if !is_below || applications::is_installation(&file) {
            return Ok(Elsewhere::Nothing);
        }
    } else if roots.is_empty() {
        return Ok(Elsewhere::Nothing);
    } else if !roots.iter().any(|root| file.starts_with(root)) {
        return Ok(Elsewhere::Unmanaged);
    }
    Ok(Elsewhere::Managed(match file.parent() {
        Some(directory) if is_package => Origin::Package(file.clone(), directory.to_owned()),
        _ => Origin::File(file),
    }))
}

/// Says once that a file of the application bears the name of a module of the standard library.
fn warn_of_shadow(name: &Name, found: &Found) {
    let (Found::Package(file, _) | Found::Module(file)) = found else { return };
    let file = file.display();
    if board::is_first(&format!("shadow {file}")) {
        log::main(
            log::WARNING,
            &format!(
                "{file} has the name of a module of the standard library: managed modules that import {name} get this file, all \
                 other code gets the library's module; give the file another name"
            ),
        );
    }
}

/// Loads a module into a generation in which it was not needed so far.
fn load(
    py: Python<'_>,
    application: &Arc<Application>,
    generation: &Arc<Snapshot>,
    name: &Name,
    origin: &Origin,
) -> PyResult<Arc<Managed>> {
    loop {
        match generation.claim(name) {
            Some(Claim::Found(found)) => return Ok(found),
            Some(Claim::Yours) => break,
            None => {
                if let Some(half_loaded) =
                    py.detach(|| generation.wait_for(name, context::is_outside(), context::is_owner_outside))
                {
                    return Ok(half_loaded);
                }
            }
        }
    }
    let since = SystemTime::now();
    let mut claimed = Claimed { generation, name, outcome: None };
    // What a body changed in vain is taken back by the outermost load, as a module that catches the failure may build on it.
    let before = match context::running_body() {
        Some(_) => None,
        None => Some(Surroundings::note(py)?),
    };
    let mut begun = None;
    let result = source(py, application, generation, name, origin).and_then(|read| {
        // Others may have begun to serve something newer since it was read.
        let source = match application.note_loading(generation, name, read.hash()) {
            true => source(py, application, generation, name, origin)?,
            false => read,
        };
        let order = Order {
            application: application.clone(),
            name: name.clone(),
            origin: origin.clone(),
            source,
            generation: generation.number,
            draft: None,
            build: None,
        };
        execute::run(py, order, |record| {
            begun = Some(record.clone());
            generation.begin(name, record.clone());
            application.look_again(record, since);
        })
    });
    match result {
        Ok(record) => {
            claimed.outcome = Some(record.clone());
            drop(claimed);
            foresight::after_load(py, application, generation, &record);
            application.keep(record.keeps());
            share(py, application, generation, name, &record)?;
            // The file may have been edited before anybody could compare it with this module.
            if let Some(file) = origin.file() {
                application.verify(file);
            }
            Ok(record)
        }
        Err(e) => {
            drop(claimed);
            if let Some(before) = before {
                before.restore(py);
            }
            let current = application.current();
            if current.any(name).is_none() {
                application.forget_edges(name);
                if Arc::ptr_eq(&current, generation) && context::running_body().is_some() {
                    application.miss(name, Missed::new(application, begun.as_deref(), origin));
                }
            }
            Err(e)
        }
    }
}

/// The source of a module that the generation gets late: as it was when the generation was made, if that was foreseen.
fn source(
    py: Python<'_>,
    application: &Application,
    generation: &Snapshot,
    name: &Name,
    origin: &Origin,
) -> PyResult<Arc<Source>> {
    match (generation.sources.get(name), origin.file()) {
        (Some(Foreseen::Source(foreseen, source)), _) if foreseen == *origin => Ok(source),
        (Some(Foreseen::Broken(foreseen, content)), Some(file)) if foreseen == *origin => {
            execute::compile(py, file, &content)
        }
        _ => execute::load_source(py, application, origin),
    }
}

/// Settles a claimed name, however loading ends.
struct Claimed<'a> {
    generation: &'a Snapshot,
    name: &'a Name,
    outcome: Option<Arc<Managed>>,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.generation.settle(self.name, self.outcome.take());
    }
}

/// A module that an older generation has loaded late serves the current one as well, if everything it uses is the same there.
///
/// # Errors
/// As [`shown::show`].
fn share(
    py: Python<'_>,
    application: &Application,
    generation: &Arc<Snapshot>,
    name: &Name,
    record: &Arc<Managed>,
) -> PyResult<()> {
    let current = application.current();
    if Arc::ptr_eq(&current, generation) {
        application.note_loaded(record);
        return Ok(());
    }
    // What is looked up by name is the current generation's.
    if let Some(served) = current.ready(name) {
        shown::show(py, application, name, Some(&served.exposed(py)))?;
        return Ok(());
    }
    // Where the search path lies elsewhere by now, it would be another file.
    if !Arc::ptr_eq(&generation.sources.search, &current.sources.search) {
        return Ok(());
    }
    if current.sources.hash(name).is_some_and(|hash| hash != record.source.hash()) {
        return Ok(());
    }
    let uses = record.uses();
    let is_same = |used: &Name| match (generation.any(used), current.any(used)) {
        (Some(a), Some(b)) => Arc::ptr_eq(&a, &b),
        (None, None) => true,
        _ => false,
    };
    if uses.iter().all(is_same) && py.detach(|| application.is_on_disk(record)) {
        current.adopt(name, record);
        application.note_loaded(record);
        for used in &uses {
            application.add_edge(record, used);
        }
    }
    Ok(())
}

fn note_prefixes(py: Python<'_>, importer: &Importer, name: &Name) {
    for (at, _) in name.match_indices('.') {
        importer.note(py, &Name::from(&name[..at]));
    }
    importer.note(py, name);
}

/// An unmanaged name that managed directories were searched for first: a file that appears there would be imported instead.
fn note_unmanaged(py: Python<'_>, importer: &Importer, name: &Name) {
    let first = name.split('.').next().unwrap_or(name);
    importer.note(py, &Name::from(first));
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
            // The submodules that stand in the package's namespace now are copied along with everything else.
            for tail in package.bound() {
                importer.note(py, &Name::from(format!("{}.{tail}", package.name)));
            }
            if let Some(all) = package.exposed(py).getattr_opt("__all__")? {
                parts(py, importer, package, &all)?;
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

/// A part that Python's own import finds in a managed package: a C extension.
fn foreign_part<'py>(py: Python<'py>, name: &Name) -> PyResult<Option<Bound<'py, PyAny>>> {
    if shown::is_ours(py, name) {
        // What stands there under this name is a module that this generation does not have.
        return Ok(None);
    }
    match import_outside(py, || originals(py).1.bind(py).call1((&**name,))) {
        Ok(module) => Ok(Some(module)),
        Err(e) if e.is_instance_of::<PyModuleNotFoundError>(py) => {
            let missing: Option<String> = e.value(py).getattr("name")?.extract()?;
            if missing.as_deref() == Some(&**name) { Ok(None) } else { Err(e) }
        }
        Err(e) => Err(e),
    }
}

/// An import that Python's own machinery answers.
fn foreign<'py>(
    py: Python<'py>,
    importer: &Importer,
    name: &Name,
    globals: Option<&Bound<'py, PyAny>>,
    fromlist: Option<&Bound<'py, PyAny>>,
    level: i32,
) -> PyResult<Bound<'py, PyAny>> {
    let parent = name.rsplit_once('.').map(|(parent, _)| Name::from(parent));
    let managed_parent = match &parent {
        Some(parent) => find(py, &importer.application, &importer.view, parent)?,
        None => None,
    };
    if importer.module.is_some() {
        match managed_parent {
            Some(_) => note_prefixes(py, importer, name),
            None => note_unmanaged(py, importer, name),
        }
    }
    let none = py.None().into_bound(py);
    let empty = PyTuple::empty(py);
    let list = fromlist.unwrap_or(empty.as_any());
    let import = &originals(py).0;
    let Some(package) = managed_parent else {
        let arguments = (&**name, globals.unwrap_or(&none), &none, list, 0);
        return Ok(import_outside(py, || import.call1(py, arguments))?.into_bound(py));
    };
    if !package.origin.is_package() || shown::is_ours(py, name) {
        let text = if package.origin.is_package() {
            format!("No module named '{name}'")
        } else {
            format!("No module named '{name}'; '{}' is not a package", package.name)
        };
        let error = PyModuleNotFoundError::new_err(text);
        error.value(py).setattr("name", &**name)?;
        return Err(error);
    }
    let module = import_outside(py, || originals(py).1.bind(py).call1((&**name,)))?;
    if let Some((_, tail)) = name.rsplit_once('.') {
        package.exposed(py).setattr(tail, &module)?;
    }
    if fromlist.is_some() || level > 0 {
        return Ok(module);
    }
    // Where the name was found beside the importer, what stands for the directory is no part of it.
    let root = importer.application.roots.root_of(name).map_or(0, |root| root.len() + 1);
    let end = name[root..].find('.').map_or(name.len(), |at| root + at);
    match find(py, &importer.application, &importer.view, &Name::from(&name[..end]))? {
        Some(top) => Ok(top.exposed(py)),
        None => Ok(module),
    }
}
