//! What a module's code tells about itself without being run.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyString, PyTuple};

/// Facts of one code object and all that are nested in it.
#[derive(Debug, Default)]
pub struct CodeFacts {
    names: HashSet<Box<str>>,
    rebinds_globals: bool,
}

/// The numbers of the instructions that matter, which differ between versions of Python.
#[derive(Clone, Copy)]
struct Instructions {
    store_global: u8,
    delete_global: u8,
}

impl CodeFacts {
    /// Reads the facts of a module's code.
    ///
    /// # Errors
    /// What Python raises; not for code that `compile` made.
    pub fn of(py: Python<'_>, code: &Bound<'_, PyAny>) -> PyResult<Self> {
        let instructions = Instructions::get(py)?;
        let mut facts = Self::default();
        facts.add(code, instructions, false)?;
        Ok(facts)
    }

    fn add(&mut self, code: &Bound<'_, PyAny>, instructions: Instructions, nested: bool) -> PyResult<()> {
        for name in code.getattr("co_names")?.cast::<PyTuple>()?.iter() {
            self.rebinds_globals |= nested && name.eq("globals")?;
            self.add_name(&name);
        }
        if nested && !self.rebinds_globals {
            let bytes = code.getattr("co_code")?;
            let bytes = bytes.cast::<PyBytes>()?.as_bytes();
            self.rebinds_globals =
                bytes.iter().step_by(2).any(|op| *op == instructions.store_global || *op == instructions.delete_global);
        }
        self.add_constants(code.getattr("co_consts")?.cast::<PyTuple>()?, instructions)
    }

    fn add_constants(&mut self, constants: &Bound<'_, PyTuple>, instructions: Instructions) -> PyResult<()> {
        for constant in constants.iter() {
            if constant.is_instance_of::<PyCode>() {
                self.add(&constant, instructions, true)?;
            } else if let Ok(inner) = constant.cast::<PyTuple>() {
                self.add_constants(inner, instructions)?;
            } else {
                self.add_name(&constant);
            }
        }
        Ok(())
    }

    /// A dotted name counts for each of its parts, as `import a.b.c` mentions all three.
    fn add_name(&mut self, value: &Bound<'_, PyAny>) {
        let Ok(text) = value.cast::<PyString>() else { return };
        let Ok(text) = text.to_cow() else { return };
        if text.len() > 256 {
            return;
        }
        for part in text.split(['.', ':', '/']) {
            if !part.is_empty() && !self.names.contains(part) {
                self.names.insert(part.into());
            }
        }
    }

    /// Whether the code contains the name: as a variable, an attribute, or in a text that may be one.
    pub fn mentions(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether a copy of the module's namespace would not do in its place: functions of the module change its globals.
    pub fn rebinds_globals(&self) -> bool {
        self.rebinds_globals
    }
}

impl Instructions {
    fn get(py: Python<'_>) -> PyResult<Self> {
        static KNOWN: std::sync::OnceLock<Instructions> = std::sync::OnceLock::new();
        if let Some(known) = KNOWN.get() {
            return Ok(*known);
        }
        let map = crate::python::import(py, "opcode")?.getattr("opmap")?;
        let number = |name: &str| map.get_item(name)?.extract::<u8>();
        let found = Self { store_global: number("STORE_GLOBAL")?, delete_global: number("DELETE_GLOBAL")? };
        Ok(*KNOWN.get_or_init(|| found))
    }
}
