//! The compiled source of modules.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::reload::code::CodeSummary;
use os::{Mutex, MutexGuard};
use reload_core::files::fingerprint::Hash;

/// The compiled source of a module, shared by all executions of the same code.
pub struct Source {
    /// The code object; a namespace package has none.
    pub code: Option<Py<PyAny>>,
    /// The names that the code mentions.
    pub facts: CodeSummary,
    /// A list with the bytes as its one element. Loaders share it, and tracebacks read lines from it.
    pub text: Option<Py<PyList>>,
    content: Mutex<SourceText>,
}

struct SourceText {
    hash: Hash,
    bytes: Arc<[u8]>,
    /// Code objects that have exchanged their line tables with `code`: another thread may still read the old tables.
    former: Vec<Py<PyAny>>,
}

impl Source {
    /// The source with this content.
    pub(in crate::reload) fn new(
        hash: Hash,
        bytes: Arc<[u8]>,
        code: Option<Py<PyAny>>,
        facts: CodeSummary,
        text: Option<Py<PyList>>,
    ) -> Self {
        Self { code, facts, text, content: Mutex::new(SourceText { hash, bytes, former: Vec::new() }) }
    }

    fn content(&self) -> MutexGuard<'_, SourceText> {
        self.content.lock()
    }

    /// The hash of the bytes.
    pub(in crate::reload) fn hash(&self) -> Hash {
        self.content().hash
    }

    /// The bytes.
    pub(in crate::reload) fn bytes(&self) -> Arc<[u8]> {
        self.content().bytes.clone()
    }

    /// Takes the text of a newer source. Its code differs in the line tables only, and those have been exchanged.
    ///
    /// # Errors
    /// What Python raises when it is out of memory.
    pub(in crate::reload) fn take_text(&self, py: Python<'_>, newer: &Self) -> PyResult<()> {
        let bytes = newer.bytes();
        if let Some(text) = &self.text {
            text.bind(py).set_item(0, PyBytes::new(py, &bytes))?;
        }
        let former = newer.code.as_ref().map(|code| code.clone_ref(py));
        let mut content = self.content();
        content.hash = newer.hash();
        content.bytes = bytes;
        content.former.extend(former);
        Ok(())
    }
}
