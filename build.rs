//! Build script: finds httpd and Python, makes the bindings and compiles the C shim.
//!
//! Every way it can stop is one sentence that says what to install or to set.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/httpd/c/shim.c");
    println!("cargo:rerun-if-changed=src/httpd/c/shim.h");
    println!("cargo:rerun-if-changed=src/httpd/c/bindings.h");
    println!("cargo:rerun-if-changed=src/python/line_tables.c");
    println!("cargo:rerun-if-changed=src/library");
    for name in ["APXS", "APR_CONFIG", "PYTHON", "PYO3_PYTHON"] {
        println!("cargo:rerun-if-env-changed={name}");
    }

    let apxs = find_apxs();
    let include = PathBuf::from(query(&apxs, "INCLUDEDIR"));
    if !include.join("httpd.h").is_file() {
        stop(&format!(
            "{apxs} names {} as httpd's include directory, but httpd.h is not in it: install httpd's development files \
             (Debian and Ubuntu: apt-get install apache2-dev), or set APXS to the apxs of the httpd to build for",
            include.display()
        ));
    }
    let apr_flags = apr_flags(&apxs);
    let mut flags = vec![format!("-I{}", include.display())];
    flags.extend(apr_flags);

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    compile_shim(&flags);
    generate_bindings(&flags, &out);
    list_library(&out);
    python();

    println!("cargo:rustc-env=MPR_SYSCONFDIR={}", query(&apxs, "SYSCONFDIR"));
    println!("cargo:rustc-env=MPR_LIBEXECDIR={}", query(&apxs, "LIBEXECDIR"));
    // httpd closes the module at every restart; Rust thread-locals with destructors must not be unmapped under a thread.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

/// Prints one sentence and fails the build.
fn stop(sentence: &str) -> ! {
    println!("cargo:warning={sentence}");
    eprintln!("{sentence}");
    exit(1);
}

fn find_apxs() -> String {
    let (candidates, chosen) = match env::var("APXS") {
        Ok(path) if !path.is_empty() => (vec![path], true),
        _ => (vec!["apxs".into(), "apxs2".into(), "/usr/bin/apxs".into(), "/usr/sbin/apxs".into()], false),
    };
    for candidate in &candidates {
        let answer = Command::new(candidate).args(["-q", "INCLUDEDIR"]).output();
        if answer.is_ok_and(|out| out.status.success() && !out.stdout.is_empty()) {
            return candidate.clone();
        }
    }
    if chosen {
        stop(&format!(
            "APXS={} does not answer `-q INCLUDEDIR`: set APXS to the apxs program of the httpd to build for",
            candidates[0]
        ));
    }
    stop(
        "apxs was not found: install httpd's development files (Debian and Ubuntu: apt-get install apache2-dev), or set APXS",
    );
}

fn query(apxs: &str, name: &str) -> String {
    match Command::new(apxs).args(["-q", name]).output() {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).trim().to_owned(),
        _ => stop(&format!("{apxs} -q {name} failed: set APXS to the apxs program of the httpd to build for")),
    }
}

/// The preprocessor flags of APR and APR-util: `apr-1-config` beside apxs's own answer.
fn apr_flags(apxs: &str) -> Vec<String> {
    let configured = env::var("APR_CONFIG").ok().filter(|s| !s.is_empty());
    let told = query(apxs, "APR_CONFIG");
    let candidates = [configured, Some(told).filter(|s| !s.is_empty()), Some("apr-1-config".into())];
    for program in candidates.into_iter().flatten() {
        if let Ok(out) = Command::new(&program).args(["--includes", "--cppflags"]).output()
            && out.status.success()
        {
            let mut flags: Vec<String> =
                String::from_utf8_lossy(&out.stdout).split_whitespace().map(str::to_owned).collect();
            let util = program.replace("apr-1-config", "apu-1-config");
            if let Ok(out) = Command::new(util).arg("--includes").output()
                && out.status.success()
            {
                flags.extend(String::from_utf8_lossy(&out.stdout).split_whitespace().map(str::to_owned));
            }
            return flags;
        }
    }
    stop(
        "apr-1-config was not found: install APR's development files (Debian and Ubuntu: apt-get install libapr1-dev), or set APR_CONFIG",
    );
}

/// Lists the Python package in `src/library` for `include!`: a row for each module, with its name, whether it is a package, and its
/// text. A file that is added there is part of the module with the next build.
fn list_library(out: &Path) {
    let root = env::current_dir().expect("cargo runs a build script in the package's directory").join("src/library");
    let mut rows = Vec::new();
    add_package(&root.join("mod_python"), "mod_python", &mut rows);
    rows.sort();
    let text = format!("&[\n{}]\n", rows.concat());
    fs::write(out.join("library.rs"), text).unwrap_or_else(|error| stop(&format!("{}: {error}", out.display())));
}

fn add_package(directory: &Path, package: &str, rows: &mut Vec<String>) {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| stop(&format!("{}: {error}", directory.display())));
    for path in entries.map(|entry| entry.expect("an entry of src/library").path()) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.join("__init__.py").is_file() {
            add_package(&path, &format!("{package}.{stem}"), rows);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            let is_package = stem == "__init__";
            let name = if is_package { package.to_owned() } else { format!("{package}.{stem}") };
            rows.push(format!("    ({name:?}, {is_package}, include_str!({path:?})),\n"));
        }
    }
}

fn compile_shim(flags: &[String]) {
    let mut build = cc::Build::new();
    build.file("src/httpd/c/shim.c").warnings(true).pic(true);
    for flag in flags {
        build.flag(flag);
    }
    if let Err(error) = build.try_compile("mod_python_rs_shim") {
        stop(&format!(
            "the C shim did not compile ({error}): install a C compiler and httpd's development files (Debian and Ubuntu: apt-get install gcc apache2-dev)"
        ));
    }
}

fn generate_bindings(flags: &[String], out: &Path) {
    let bindings = bindgen::Builder::default()
        .header("src/httpd/c/bindings.h")
        .clang_args(flags)
        .allowlist_function("(ap|apr|mpr)_.*")
        .allowlist_type("(ap|apr|mpr)_.*|request_rec|server_rec|conn_rec|cmd_parms|command_rec|module|module_struct|http_.*")
        .allowlist_var("AP_.*|APR_.*|APLOG_.*|HTTP_.*|MODULE_MAGIC_.*|OK|DECLINED|DONE|M_.*|OR_.*|RSRC_CONF|ACCESS_CONF|REMOTE_.*|REQUEST_.*|PROXYREQ_.*|ap_.*")
        .generate_comments(false)
        .layout_tests(false)
        .derive_debug(false)
        .default_enum_style(bindgen::EnumVariation::Consts)
        .generate();
    match bindings {
        Ok(bindings) => bindings.write_to_file(out.join("bindings.rs")).expect("OUT_DIR is writable"),
        Err(error) => stop(&format!(
            "bindgen could not read httpd's headers ({error}): install libclang (Debian and Ubuntu: apt-get install libclang-dev)"
        )),
    }
}

/// Checks the Python that PyO3 was configured for and adds an rpath where the loader would not find its library.
fn python() {
    pyo3_build_config::use_pyo3_cfgs();
    let config = pyo3_build_config::get();
    let executable = config.executable().unwrap_or("python3").to_owned();
    if let Ok(wanted) = env::var("PYTHON")
        && !wanted.is_empty()
        && canonical(&wanted) != canonical(&executable)
    {
        stop(&format!(
            "PYTHON={wanted}, but PyO3 was configured for {executable}: build with `make PYTHON={wanted}`, or set PYO3_PYTHON to the same program"
        ));
    }
    let script = "import sysconfig,sys;v=sysconfig.get_config_var;print(v('Py_ENABLE_SHARED') or 0);print(v('LIBDIR') or '');\
                  print(v('INSTSONAME') or '');print(v('Py_GIL_DISABLED') or 0);print('%d.%d'%sys.version_info[:2]);\
                  print(sysconfig.get_paths()['include'])";
    let Ok(answer) = Command::new(&executable).args(["-I", "-c", script]).output() else {
        stop(&format!("{executable} could not be run: set PYO3_PYTHON (or `make PYTHON=`) to a Python 3.9 to 3.13"));
    };
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let [shared, libdir, soname, nogil, version, include] = lines[..] else {
        stop(&format!(
            "{executable} did not tell its configuration: set PYO3_PYTHON (or `make PYTHON=`) to a Python 3.9 to 3.13"
        ));
    };
    // Debian links its python3 program statically but ships the shared library beside it, in a package of its own.
    let soname = if soname.ends_with(".a") { soname.replace(".a", ".so") } else { soname.to_owned() };
    let found = find_library(libdir, &soname);
    if shared != "1" || found.is_none() {
        stop(&format!(
            "{executable} has no shared libpython ({libdir}/{soname}): install it (Debian and Ubuntu: apt-get install python3-dev), \
             or build Python with --enable-shared, or choose another with `make PYTHON=`"
        ));
    }
    if nogil == "1" {
        stop(&format!(
            "{executable} is a free-threaded build, which is not supported yet: choose another with `make PYTHON=`"
        ));
    }
    let found = found.expect("checked above");
    if !["/usr/lib", "/lib", "/usr/lib64", "/lib64"].contains(&libdir) && !libdir.starts_with("/usr/lib/") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,{}", found.parent().expect("a file has a parent").display());
    }
    compile_lines(&executable, Path::new(include));
    println!("cargo:rustc-env=MPR_PYTHON_EXECUTABLE={}", canonical(&executable).display());
    println!("cargo:rustc-env=MPR_PYTHON_VERSION={version}");
}

fn compile_lines(executable: &str, include: &Path) {
    let built = cc::Build::new()
        .file("src/python/line_tables.c")
        .include(include)
        .warnings(true)
        .pic(true)
        .try_compile("mod_python_rs_lines");
    if let Err(error) = built {
        stop(&format!(
            "the part in C that reads Python's code objects did not compile ({error}): install the headers of {executable} \
             (Debian and Ubuntu: apt-get install python3-dev), which belong into {}",
            include.display()
        ));
    }
}

fn find_library(libdir: &str, soname: &str) -> Option<PathBuf> {
    let direct = Path::new(libdir).join(soname);
    if direct.is_file() {
        return Some(direct);
    }
    let versioned = Path::new(libdir).join(format!("{soname}.1.0"));
    versioned.is_file().then_some(versioned)
}

fn canonical(program: &str) -> PathBuf {
    let path = Path::new(program);
    let path = if path.components().count() == 1 {
        env::var_os("PATH")
            .and_then(|paths| env::split_paths(&paths).map(|dir| dir.join(path)).find(|p| p.is_file()))
            .unwrap_or_else(|| path.to_owned())
    } else {
        path.to_owned()
    };
    path.canonicalize().unwrap_or(path)
}
