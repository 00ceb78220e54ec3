//! `mp_hlist`: the list of handlers of the running phase.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::config::HandlerEntry;

struct HandlerItem {
    handler: String,
    directory: Option<String>,
    is_location: bool,
}

/// The handlers of a phase, from the one that runs now on. Past the last one every attribute is None.
#[pyclass(frozen, name = "mp_hlist", module = "_apache")]
pub struct HandlerEntries {
    items: Vec<HandlerItem>,
    current: AtomicUsize,
}

impl HandlerEntries {
    /// The list of a phase at the handler that runs now; `filename` is the request's, for directories that depend on it.
    pub fn of(entries: &[HandlerEntry], current: usize, filename: Option<&str>) -> Self {
        let items = entries
            .iter()
            .map(|entry| HandlerItem {
                handler: entry.text.clone(),
                directory: entry.place.directory_for(filename),
                is_location: entry.place.is_location(),
            })
            .collect();
        Self { items, current: AtomicUsize::new(current) }
    }

    /// The handler at `index` runs now.
    pub fn go_to(&self, index: usize) {
        self.current.store(index, Ordering::Relaxed);
    }

    fn item(&self) -> Option<&HandlerItem> {
        self.items.get(self.current.load(Ordering::Relaxed))
    }
}

#[pymethods]
impl HandlerEntries {
    /// The handler as configured: "module" or "module::object".
    #[getter]
    fn handler(&self) -> Option<&str> {
        self.item().map(|item| item.handler.as_str())
    }

    /// The directory of the section that names the handler, with a slash at its end; None at server level and in Location.
    #[getter]
    fn directory(&self) -> Option<&str> {
        self.item().and_then(|item| item.directory.as_deref())
    }

    /// Whether the section is a Location.
    #[getter]
    fn is_location(&self) -> Option<bool> {
        self.item().map(|item| item.is_location)
    }

    /// Whether a missing handler is no error: no directive makes it so.
    #[getter]
    fn silent(&self) -> Option<bool> {
        self.item().map(|_| false)
    }

    /// Moves on to the next handler; past the last one nothing happens.
    fn next(&self) {
        let current = self.current.load(Ordering::Relaxed);
        self.current.store(current.saturating_add(1).min(self.items.len()), Ordering::Relaxed);
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shown = |text: Option<&str>| match text {
            Some(text) => Ok(PyString::new(py, text).repr()?.to_string_lossy().into_owned()),
            None => PyResult::Ok("None".to_owned()),
        };
        let flag = |value: Option<bool>| match value {
            Some(true) => "True",
            Some(false) => "False",
            None => "None",
        };
        Ok(format!(
            "{{'handler': {}, 'silent': {}, 'is_location': {}, 'directory': {}}}",
            shown(self.handler())?,
            flag(self.silent()),
            flag(self.is_location()),
            shown(self.directory())?
        ))
    }
}
