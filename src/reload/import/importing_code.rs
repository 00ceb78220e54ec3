//! What the import statements of a module's code may load, and which of them the code cannot do without.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::reload::code::ImportStatement;
use crate::reload::module::managed::Managed;
use crate::reload::module::source::Source;
use reload_core::graph::Name;

/// Why a module cannot be imported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::reload) enum Defect {
    /// There is no such module.
    Absent,
    /// Its body raises, or it does not compile.
    Broken,
}

/// Which import statements of a code count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::reload) enum CodePart {
    /// All of them: the body has not run.
    All,
    /// Those in functions: the body has run.
    Functions,
}

/// The code of a module, of which the import statements are looked at.
#[derive(Clone, Copy)]
pub(in crate::reload) struct ImportingCode<'a> {
    /// The package that relative imports start from.
    pub package: &'a str,
    /// The source.
    pub source: &'a Source,
}

impl<'a> ImportingCode<'a> {
    /// The code of a module that is loaded.
    pub fn of(module: &'a Managed) -> Self {
        Self { package: module.package(), source: &module.source }
    }

    /// The names that the import statements may load, packages before what is in them.
    pub fn names(self) -> Vec<Name> {
        self.names_of(self.source.facts.imports().iter())
    }

    /// Those among them that may still be asked for when the body has run.
    pub fn late_names(self) -> Vec<Name> {
        self.names_of(self.source.facts.imports().iter().filter(|import| import.is_nested))
    }

    fn names_of<'s>(self, imports: impl Iterator<Item = &'s ImportStatement>) -> Vec<Name> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for import in imports {
            let Some(base) = import.base(self.package) else { continue };
            let parts = import.parts.iter().filter(|part| &***part != "*");
            for name in std::iter::once(base.clone()).chain(parts.map(|part| format!("{base}.{part}"))) {
                if seen.insert(name.clone()) {
                    all.push(Name::from(name));
                }
            }
        }
        all
    }

    /// Whether an import statement names the module, or something in it.
    pub fn mentions(self, name: &str) -> bool {
        let names = self.names();
        names.iter().any(|n| n.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// Whether the code needs a module: an import of it would fail the code around it, were the module defective.
    pub fn requires(self, py: Python<'_>, name: &str, defect: Defect, part: CodePart) -> bool {
        let (is_absent, has_run) = (defect == Defect::Absent, part == CodePart::Functions);
        let ask = || -> PyResult<bool> {
            let edits = crate::python::import(py, "_mod_python_edits")?;
            let arguments = (PyBytes::new(py, &self.source.bytes()), self.package, name, is_absent, has_run);
            edits.getattr("requires")?.call1(arguments)?.extract()
        };
        // Out of memory or the like: a build that fails keeps what is served.
        ask().unwrap_or(true)
    }
}
