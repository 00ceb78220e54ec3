//! Compiling the file of a module. A module that is not written in Python needs another compiler here, and nothing else.

use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::reload::code::CodeSummary;
use crate::reload::module::origin::Origin;

/// The result of a compiler.
pub(in crate::reload) struct CompiledCode {
    /// The code object, which is executed in the module's namespace.
    pub code: Py<PyAny>,
    /// The names that the code mentions.
    pub summary: CodeSummary,
}

/// Compiles the content of files.
pub(in crate::reload) trait Compiler: Sync {
    /// Compiles the content. `file` is what tracebacks name.
    ///
    /// # Errors
    /// `SyntaxError`, and anything else that the compiler raises.
    fn compile(&self, file: &Path, content: &Bound<'_, PyBytes>) -> PyResult<CompiledCode>;
}

/// Compiles Python source as Python's own import does.
struct PythonSource;

impl Compiler for PythonSource {
    fn compile(&self, file: &Path, content: &Bound<'_, PyBytes>) -> PyResult<CompiledCode> {
        let py = content.py();
        let arguments = PyDict::new(py);
        arguments.set_item("dont_inherit", true)?;
        let compile = crate::python::import(py, "builtins")?.getattr("compile")?;
        let code = compile.call((content, file.as_os_str(), "exec"), Some(&arguments))?;
        let summary = CodeSummary::of(py, &code)?;
        Ok(CompiledCode { code: code.unbind(), summary })
    }
}

impl Origin {
    /// The compiler of the module's file.
    pub(in crate::reload) fn compiler(&self) -> &'static dyn Compiler {
        &PythonSource
    }
}
