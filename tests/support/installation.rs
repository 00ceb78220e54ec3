//! What is installed on this machine: httpd, its modules, and the module under test.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// One of httpd's multi-processing modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mpm {
    /// One request at a time in each child.
    Prefork,
    /// Children with threads, a thread for each connection.
    Worker,
    /// Children with threads, idle connections parked.
    Event,
}

impl Mpm {
    /// [`Mpm::Prefork`], as `mpm_tests!` spells it.
    pub fn prefork() -> Self {
        Self::Prefork
    }

    /// [`Mpm::Worker`], as `mpm_tests!` spells it.
    pub fn worker() -> Self {
        Self::Worker
    }

    /// [`Mpm::Event`], as `mpm_tests!` spells it.
    pub fn event() -> Self {
        Self::Event
    }

    /// Whether a child serves several requests at once.
    pub fn threaded(self) -> bool {
        self != Self::Prefork
    }

    /// The name in `mod_mpm_NAME.so`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prefork => "prefork",
            Self::Worker => "worker",
            Self::Event => "event",
        }
    }
}

/// The httpd that apxs describes. `APXS` chooses another apxs.
#[derive(Debug)]
pub struct Installation {
    /// The httpd binary.
    pub binary: PathBuf,
    /// The directory of httpd's own loadable modules.
    pub libexec: PathBuf,
}

impl Installation {
    /// The installation of this machine, looked up once.
    pub fn get() -> &'static Self {
        static FOUND: OnceLock<Installation> = OnceLock::new();
        FOUND.get_or_init(|| Self {
            binary: Path::new(&apxs("SBINDIR")).join(apxs("PROGNAME")),
            libexec: PathBuf::from(apxs("LIBEXECDIR")),
        })
    }

    /// The `LoadModule` line for `mod_NAME.so`; empty where the module is compiled into httpd.
    pub fn load_line(&self, name: &str) -> String {
        let file = self.libexec.join(format!("mod_{name}.so"));
        if !file.exists() {
            return String::new();
        }
        format!("LoadModule {name}_module \"{}\"\n", file.display())
    }
}

/// The module under test: `MOD_PYTHON_SO`, or the library that cargo built together with this test.
pub fn python_module() -> PathBuf {
    if let Some(path) = env::var_os("MOD_PYTHON_SO") {
        return PathBuf::from(path);
    }
    let test = env::current_exe().expect("the path of this test binary");
    let deps = test.parent().expect("a test binary lies in a directory");
    let profile = deps.parent().expect("target/PROFILE lies above deps");
    let candidates = [profile, deps].map(|directory| directory.join("libmod_python_rs.so"));
    candidates
        .iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("the module is not built: {} does not exist", candidates[0].display()))
        .clone()
}

fn apxs(variable: &str) -> String {
    let program = env::var("APXS").unwrap_or_else(|_| "apxs".to_owned());
    let output = Command::new(&program)
        .args(["-q", variable])
        .output()
        .unwrap_or_else(|error| panic!("{program} does not run ({error}): is apache2-dev installed?"));
    assert!(output.status.success(), "{program} -q {variable}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("apxs answers in UTF-8").trim().to_owned()
}
