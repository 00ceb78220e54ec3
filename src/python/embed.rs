//! Starting Python in a child.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libc::wchar_t;
use pyo3::ffi;

use crate::config::process_settings::Process;

/// Why Python is not there, for the life of this child.
static STATE: OnceLock<Result<(), String>> = OnceLock::new();

/// Whether Python runs in this child.
///
/// # Errors
/// Why it does not.
pub fn running() -> Result<(), &'static str> {
    match STATE.get() {
        Some(Ok(())) => Ok(()),
        Some(Err(reason)) => Err(reason),
        None => Err("Python has not been started in this process"),
    }
}

/// Starts Python and lets go of the interpreter lock. Called once per child, on its main thread.
///
/// # Errors
/// A sentence that says what is wrong; the child goes on and answers 500.
pub fn start(process: &Process) -> Result<(), String> {
    STATE.get_or_init(|| initialize(process)).clone()
}

/// The interpreter to run as: `PythonHome`'s own, else the one the module was built for. Never looked up through PATH, which
/// may lead to an installation that httpd's user cannot read.
fn executable(process: &Process) -> PathBuf {
    let built_for = || PathBuf::from(env!("MPR_PYTHON_EXECUTABLE"));
    let Some(home) = &process.home else { return built_for() };
    ["bin/python3", "bin/python"].iter().map(|name| home.join(name)).find(|p| p.exists()).unwrap_or_else(built_for)
}

fn initialize(process: &Process) -> Result<(), String> {
    let executable = executable(process);
    let mut config = MaybeUninit::<ffi::PyConfig>::uninit();
    // SAFETY: the config is initialised by the first call and cleared by the last; strings are copied by each setter.
    unsafe {
        ffi::PyConfig_InitPythonConfig(config.as_mut_ptr());
        let config = config.as_mut_ptr();
        (*config).install_signal_handlers = 0;
        (*config).parse_argv = 0;
        (*config).user_site_directory = 0;
        (*config).pathconfig_warnings = 0;
        if process.optimize {
            (*config).optimization_level = 2;
        }
        let status = fill(config, process, &executable);
        let status = if ffi::PyStatus_Exception(status) != 0 { status } else { ffi::Py_InitializeFromConfig(config) };
        ffi::PyConfig_Clear(config);
        if ffi::PyStatus_Exception(status) != 0 {
            let reason = if status.err_msg.is_null() {
                "no reason given".to_owned()
            } else {
                CStr::from_ptr(status.err_msg).to_string_lossy().into_owned()
            };
            return Err(format!(
                "Python did not start ({reason}) with {}: check that httpd's User can read it and its library, or set \
                 PythonHome to a virtual environment or installation that it can read",
                executable.display()
            ));
        }
        ffi::PyEval_SaveThread();
    }
    Ok(())
}

/// # Safety
/// `config` is initialised.
unsafe fn fill(config: *mut ffi::PyConfig, process: &Process, executable: &Path) -> ffi::PyStatus {
    // SAFETY: promised by the caller; the texts end in NUL.
    unsafe {
        let mut argument: Vec<wchar_t> = "mod_python\0".chars().map(|c| c as wchar_t).collect();
        let mut arguments = [argument.as_mut_ptr().cast_const()];
        let mut status = ffi::PyConfig_SetArgv(config, 1, arguments.as_mut_ptr());
        let program = c_path(executable);
        for field in [&raw mut (*config).executable, &raw mut (*config).program_name] {
            if ffi::PyStatus_Exception(status) == 0 {
                status = ffi::PyConfig_SetBytesString(config, field, program.as_ptr());
            }
        }
        // A virtual environment is recognised by its executable; an installation is named as home.
        if let Some(home) = process.home.as_deref().filter(|home| !home.join("pyvenv.cfg").is_file())
            && ffi::PyStatus_Exception(status) == 0
        {
            status = ffi::PyConfig_SetBytesString(config, &raw mut (*config).home, c_path(home).as_ptr());
        }
        status
    }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}
