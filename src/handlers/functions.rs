//! The functions of `_apache` that speak of handlers, and what the engine's functions ask about the running request.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::api::Request;
use crate::api::state::RequestState;
use crate::config::DirConfig;
use crate::handlers::select::Target;
use crate::handlers::{builtin, current};
use crate::httpd::RequestRec;
use crate::reload::{Host, RequestModules, Site};

/// Adds them to the module.
///
/// # Errors
/// What Python raises when it is out of memory.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(publisher_handler, module)?)?;
    module.add_function(wrap_pyfunction!(current_request, module)?)?;
    Ok(())
}

/// What the engine asks about requests.
pub fn host() -> Host {
    Host { site, modules }
}

/// What the request whose handler runs on this thread decides about imports by path.
fn site() -> Option<Site> {
    current::request().map(|record| Site {
        handler_root: section_directory(record),
        debug: DirConfig::of(&record).settings.debug.unwrap_or(false),
    })
}

/// The directory of the section that names the handler that runs, without the slash at its end unless it is the root.
fn section_directory(record: RequestRec) -> Option<PathBuf> {
    let filename = record.filename().map(|f| String::from_utf8_lossy(f).into_owned());
    let directory = RequestState::existing(&record)?
        .with_entries(|entries, running| entries.get(running)?.place.directory_for(filename.as_deref()))?;
    Some(PathBuf::from(&directory).components().collect())
}

/// The modules that a request runs. The publisher sets the file name to the page's file.
fn modules(request: &Bound<'_, PyAny>) -> PyResult<RequestModules> {
    let request = request.cast::<Request>()?;
    let record = request.get().rec()?;
    let filename = record.filename().map(|f| String::from_utf8_lossy(f).into_owned());
    let handlers = RequestState::of(&record)
        .with_entries(|entries, _| entries.iter().map(|entry| Target::of(entry, filename.as_deref()).module).collect());
    Ok(RequestModules { handlers, file: filename.map(PathBuf::from) })
}

/// The request whose handler runs on this thread, or None.
#[pyfunction]
fn current_request(py: Python<'_>) -> PyResult<Option<Bound<'_, Request>>> {
    current::request().map(|record| Request::of(py, record)).transpose()
}

/// The publisher, for a handler list that names it by another way than the directive's usual words.
#[pyfunction]
fn publisher_handler(py: Python<'_>, req: &Bound<'_, Request>) -> PyResult<i32> {
    builtin::publish_here(py, req)
}
