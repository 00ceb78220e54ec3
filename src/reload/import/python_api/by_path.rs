//! `apache.import_module`: modules by the path of their file, and by name along a list of directories.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError};
use pyo3::prelude::*;

use crate::reload::application::Application;
use crate::reload::application::parts::path_imports::{CachedAnswer, PathTarget, Site};
use crate::reload::application::view::Context;
use crate::reload::import::bodies;
use crate::reload::import::importer::Importer;
use crate::reload::import::python_api::statement::import_for;
use crate::reload::import::resolve::Parent;
use crate::reload::module::keep::Keep;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use reload_core::files::symlinks::canonical_directory;
use reload_core::graph::Name;
use reload_core::resolve::Found;

/// A call of `apache.import_module`.
pub struct PathCall<'a> {
    /// A dotted name, or a path.
    pub name: &'a str,
    /// Directories to look in first.
    pub path: &'a [PathBuf],
    /// Whether edits are followed; as configured if not given.
    pub autoreload: Option<bool>,
    /// Whether an import is logged; as configured if not given.
    pub log: Option<bool>,
    /// What the running request says, if there is one.
    pub site: Option<Site>,
}

/// A module, and whether it was there before the call.
struct PathImport {
    module: Arc<Managed>,
    was_loaded: bool,
}

/// What the request says about a call: the running one, else the last one that had the caller's code call.
fn site_of(importer: &Importer, said: Option<Site>) -> Site {
    let Context { application, view } = &importer.context;
    let caller = importer.module.as_ref().map(|module| module.name.clone()).unwrap_or_default();
    if let Some(site) = said.as_ref().filter(|_| view.is_published()) {
        application.calls.note_site(caller, site);
        return site.clone();
    }
    let unknown = || Site { handler_root: application.key.directory.clone(), ..Site::default() };
    application.calls.site(&caller).or(said).unwrap_or_else(unknown)
}

/// What the place stood for at an earlier call of the same module in this generation.
fn answer_of(importer: &Importer, place: &PathTarget) -> Option<CachedAnswer> {
    let (caller, generation) = importer.caller_and_generation()?;
    importer.context.application.calls.answer(caller, generation, place)
}

fn remember(importer: &Importer, place: &PathTarget, answer: CachedAnswer) {
    if let Some((caller, generation)) = importer.caller_and_generation() {
        importer.context.application.calls.note_answer(caller, generation, place, answer);
    }
}

/// Imports a module for the code that calls.
///
/// # Errors
/// `ModuleNotFoundError` when there is none, and what the import raises.
pub fn import_module<'py>(py: Python<'py>, call: &PathCall<'_>) -> PyResult<Bound<'py, PyAny>> {
    let is_path = call.name.contains('/');
    let Some(importer) = Importer::of_caller(py) else {
        if is_path || !call.path.is_empty() {
            return Err(PyImportError::new_err(format!(
                "'{}' can be looked for by code that httpd serves, as its application decides where",
                call.name
            )));
        }
        return import_for(py, None, &Name::from(call.name));
    };
    let application = importer.context.application.clone();
    let site = site_of(&importer, call.site.clone());
    let looked_in = places(py, &importer, call, &site)?;
    for place in &looked_in {
        if let Some(found) = at_place(py, &importer, place)? {
            if let (PathStanding::Managed(import), true) = (&found, looked_in.len() > 1 || !is_path) {
                application.calls.note_alternative(&import.module.name);
            }
            return Ok(match found {
                PathStanding::Managed(import) => finish(py, &importer, call, &site, &import),
                PathStanding::Unmanaged(module) => module,
            });
        }
    }
    if is_path {
        return Err(not_found(py, call.name, &looked_in));
    }
    let name = importer.localise(py, &Name::from(call.name))?;
    let was_loaded = is_loaded(&importer, &name);
    match importer.find_for_caller(py, &name)? {
        Some(module) => Ok(finish(py, &importer, call, &site, &PathImport { module, was_loaded })),
        None => import_for(py, Some(&importer), &name),
    }
}

/// What stands at a place.
enum PathStanding<'py> {
    Managed(PathImport),
    Unmanaged(Bound<'py, PyAny>),
}

/// What remains to be done for a module that was found.
fn finish<'py>(
    py: Python<'py>,
    importer: &Importer,
    call: &PathCall<'_>,
    site: &Site,
    found: &PathImport,
) -> Bound<'py, PyAny> {
    let PathImport { module, was_loaded } = found;
    let application = &importer.context.application;
    importer.note_import(py, module);
    match call.autoreload {
        Some(false) if !was_loaded => {
            let keep = Keep::Unasked(module.name.clone());
            match bodies::running_body() {
                Some(body) => body.note_keep(keep),
                None => application.keep([keep]),
            }
        }
        Some(false) => {}
        Some(true) | None => application.ask_for_newest(&module.name),
    }
    if call.log.unwrap_or(site.debug) {
        application.calls.log(module, *was_loaded);
    }
    module.exposed(py)
}

fn is_loaded(importer: &Importer, name: &Name) -> bool {
    importer.context.view.any(name).is_some() || importer.context.application.current().any(name).is_some()
}

/// The places that a call names, in the order in which they are looked at.
fn places(py: Python<'_>, importer: &Importer, call: &PathCall<'_>, site: &Site) -> PyResult<Vec<PathTarget>> {
    let own = || importer.directory(py);
    let home = || {
        site.handler_root.clone().ok_or_else(|| {
            PyImportError::new_err("'~/' begins at the directory of the handler's section, and this handler has none")
        })
    };
    let anchored = |text: &Path| -> PyResult<Option<PathBuf>> {
        if text.is_absolute() {
            return Ok(Some(text.to_owned()));
        }
        if let Ok(below) = text.strip_prefix("~") {
            return Ok(Some(home()?.join(below)));
        }
        let is_beside = text.starts_with(".") || text.starts_with("..");
        if is_beside { own().map(|directory| Some(directory.join(text))) } else { Ok(None) }
    };
    let mut search = Vec::new();
    for directory in call.path {
        // Any other relative entry begins at the caller's directory as well.
        search.push(match anchored(directory)? {
            Some(directory) => directory,
            None => own()?.join(directory),
        });
    }
    if !call.name.contains('/') {
        let place = |d: &PathBuf| PathTarget {
            directory: canonical_directory(d),
            tail: call.name.to_owned(),
            is_file_name: false,
        };
        return Ok(search.iter().map(place).collect());
    }
    let paths: Vec<PathBuf> = match anchored(Path::new(call.name))? {
        Some(path) => vec![path],
        None => {
            let places = importer.context.view.search();
            let managed = places.iter().filter(|d| d.managed).map(|d| d.path.clone());
            search.into_iter().chain(managed).map(|directory| directory.join(call.name)).collect()
        }
    };
    Ok(paths
        .iter()
        .filter_map(|path| {
            let tail = path.file_name()?.to_str()?.to_owned();
            Some(PathTarget { directory: canonical_directory(path.parent()?), tail, is_file_name: true })
        })
        .collect())
}

/// The module at a place, if there is one. A place without one leaves an edge: a file that appears there changes the answer.
fn at_place<'py>(py: Python<'py>, importer: &Importer, place: &PathTarget) -> PyResult<Option<PathStanding<'py>>> {
    let application = &importer.context.application;
    match answer_of(importer, place) {
        Some(CachedAnswer::Module(name)) => {
            if let Some(module) = importer.context.view.any(&name) {
                return Ok(Some(PathStanding::Managed(PathImport { module, was_loaded: true })));
            }
        }
        Some(CachedAnswer::Nothing(name)) => {
            importer.note_use(py, &name);
            return Ok(None);
        }
        None => {}
    }
    let PathTarget { directory, tail, is_file_name } = place;
    let explicit = directory.join(tail);
    let is_there = *is_file_name && explicit.symlink_metadata().is_ok_and(|m| !m.is_dir());
    let stem = if *is_file_name { tail.strip_suffix(".py").unwrap_or(tail) } else { tail };
    let has_extension = *is_file_name && tail.contains('.');
    let found = if is_there && application.is_foreign_file(&explicit) {
        Found::Foreign(explicit.clone())
    } else if is_there {
        Found::Module(explicit.clone())
    } else if has_extension {
        Found::Nothing
    } else {
        let (above, last) = match stem.rsplit_once('.') {
            Some((packages, last)) => (directory.join(packages.replace('.', "/")), last),
            None => (directory.clone(), stem),
        };
        application.lookup(&[above], last)
    };
    let file = match found {
        Found::Module(file) | Found::Package(file, _) => file,
        Found::Foreign(file) => {
            return load_unmanaged(py, application, &file).map(|module| Some(PathStanding::Unmanaged(module)));
        }
        Found::Namespace(_) | Found::Nothing => {
            let name = match has_extension {
                true => application.name_file(directory, &explicit),
                false => Name::from(format!("{}.{stem}", application.name_directory(directory))),
            };
            let missing = note_missing(py, importer, &name)?;
            remember(importer, place, CachedAnswer::Nothing(missing));
            return Ok(None);
        }
    };
    for name in names(py, importer, directory, stem, &file)? {
        let was_loaded = is_loaded(importer, &name);
        if let Some(module) = importer.context.find(py, &name)?
            && module.origin.file() == Some(&file)
        {
            remember(importer, place, CachedAnswer::Module(name));
            return Ok(Some(PathStanding::Managed(PathImport { module, was_loaded })));
        }
    }
    load_unmanaged(py, application, &file).map(|module| Some(PathStanding::Unmanaged(module)))
}

/// The names that the file may have, best first: the one by which plain imports find it, the one in its directory, and one of
/// its own.
fn names(py: Python<'_>, importer: &Importer, directory: &Path, stem: &str, file: &Path) -> PyResult<Vec<Name>> {
    let application = &importer.context.application;
    let is_name = stem.split('.').all(|part| !part.is_empty());
    let mut names = Vec::new();
    let places = importer.context.view.search();
    let mut search: Vec<&Path> = places.iter().filter(|d| d.managed).map(|d| d.path.as_path()).collect();
    search.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
    for below in search.into_iter().filter_map(|top| directory.strip_prefix(top).ok()) {
        let parts: Option<Vec<&str>> = below.components().map(|part| part.as_os_str().to_str()).collect();
        let Some(mut parts) = parts.filter(|parts| is_name && parts.iter().all(|part| !part.contains('.'))) else {
            continue;
        };
        parts.extend(stem.split('.'));
        if leads_to(py, importer, &parts, file)? {
            names.push(Name::from(parts.join(".")));
        }
    }
    // Only if the name, looked up in the directory, is this file.
    let (above, last) = match stem.rsplit_once('.') {
        Some((packages, last)) => (directory.join(packages.replace('.', "/")), last),
        None => (directory.to_owned(), stem),
    };
    match application.lookup(&[above], last) {
        Found::Module(found) | Found::Package(found, _) if found == file && is_name => {
            names.push(Name::from(format!("{}.{stem}", application.name_directory(directory))));
        }
        _ => names.push(application.name_file(directory, file)),
    }
    Ok(names)
}

/// Whether the search path leads from a name to the file, without loading packages on the way.
fn leads_to(py: Python<'_>, importer: &Importer, parts: &[&str], file: &Path) -> PyResult<bool> {
    let Some((first, rest)) = parts.split_first() else { return Ok(false) };
    let name = Name::from(*first);
    let Resolution::Managed(mut origin) = importer.context.resolve(py, &name, &Parent::Nothing)? else {
        return Ok(false);
    };
    for part in rest {
        origin = match importer.context.application.lookup(&origin.directories(), part) {
            Found::Package(init, directory) => Origin::Package(init, directory),
            Found::Module(file) => Origin::File(file),
            Found::Namespace(directories) => Origin::Namespace(directories),
            Found::Foreign(_) | Found::Nothing => return Ok(false),
        };
    }
    Ok(origin.file().is_some_and(|found| found == file))
}

/// Leaves an edge to the first part of a name that stands for nothing, and returns that part.
fn note_missing(py: Python<'_>, importer: &Importer, name: &Name) -> PyResult<Name> {
    let mut parent = Parent::Nothing;
    let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
    for end in ends {
        let part = Name::from(&name[..end]);
        match importer.context.resolve(py, &part, &parent)? {
            Resolution::Managed(origin) if end < name.len() => parent = Parent::Prefetched(origin.directories()),
            _ => {
                importer.note_use(py, &part);
                return Ok(part);
            }
        }
    }
    Ok(name.clone())
}

fn not_found(py: Python<'_>, name: &str, looked_in: &[PathTarget]) -> PyErr {
    let places: Vec<String> = looked_in.iter().map(|p| p.directory.join(&p.tail).display().to_string()).collect();
    let error = PyModuleNotFoundError::new_err(format!("No module '{name}': nothing at {}", places.join(", nor at ")));
    let set = error.value(py).setattr("name", name).and_then(|()| error.value(py).setattr("path", places.first()));
    set.err().unwrap_or(error)
}

/// A file that is not managed: Python loads it, once in each child.
fn load_unmanaged<'py>(py: Python<'py>, application: &Application, file: &Path) -> PyResult<Bound<'py, PyAny>> {
    let directory = file.parent().unwrap_or(file);
    let name = match file.file_name().and_then(|name| name.to_str()?.split('.').next()) {
        // The name of a C extension must be that of its file.
        Some(stem) if application.is_foreign_file(file) => {
            Name::from(format!("{}.{stem}", application.name_directory(directory)))
        }
        _ => application.name_file(directory, file),
    };
    let loader = crate::python::import(py, "_mod_python_loader")?;
    bodies::outside(|| loader.call_method1("load_unmanaged", (&*name, file)))
}
