//! The Python package `mod_python`, embedded, so that code and library can never be of two versions.

use std::ffi::{CStr, CString};

use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyDict};

/// Each module's name, whether it is a package, and its text; `build.rs` lists the files.
static MODULES: &[(&str, bool, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The finder and loader that serve the texts above.
static FINDER: &str = include_str!("../library/finder.py");

/// The loader that managed modules name as theirs.
pub static LOADER: &CStr = text(concat!(include_str!("../library/loader.py"), "\0"));

/// What tells the engine what an edit means.
pub static EDITS: &CStr = text(concat!(include_str!("../library/edits.py"), "\0"));

const fn text(source: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(source.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("the source has no NUL but the last"),
    }
}

/// Puts the finder on `sys.meta_path`, in front: another mod_python on the path is not ours.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let sources = PyDict::new(py);
    for (name, is_package, text) in MODULES {
        sources.set_item(name, (is_package, text))?;
    }
    let code = CString::new(FINDER).expect("the finder's source has no NUL");
    let finder = PyModule::from_code(py, &code, c"<mod_python_rs>/finder.py", c"_mod_python_finder")?;
    finder.call_method1("install", (sources,))?;
    Ok(())
}
