//! What an httpd is started with: its sizing, its configuration and its environment.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use tempfile::TempDir;

use super::{
    httpd::{CONSOLE, ERROR_LOG, Httpd, PID_FILE, read_lossy},
    installation::{Installation, Mpm, python_module},
    process::{children_of, drop_privileges, is_root, unprivileged_user},
    site::{FORKS, Site, public_directory},
    wait::wait_for,
};

/// Modules that every configuration may use; those compiled into httpd are passed over.
const MODULES: [&str; 8] = ["unixd", "log_config", "authz_core", "authz_host", "mime", "dir", "alias", "env"];

/// The ports tried: outside the range from which the kernel takes the clients' own.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How often a start is tried again because somebody else took the port meanwhile.
const PORT_ATTEMPTS: usize = 20;

/// An httpd to be started; see [`Httpd::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    mpm: Mpm,
    children: usize,
    threads: usize,
    modules: Vec<String>,
    document_root: Option<PathBuf>,
    conf: String,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<OsString>,
    launcher: Vec<OsString>,
    unprivileged: bool,
}

impl Builder {
    pub(super) fn new(mpm: Mpm) -> Self {
        Self {
            mpm,
            children: 1,
            threads: 8,
            modules: Vec::new(),
            document_root: None,
            conf: String::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            launcher: Vec::new(),
            unprivileged: false,
        }
    }

    /// The number of children, from the start to the end; 1 unless told.
    pub fn children(mut self, children: usize) -> Self {
        self.children = children;
        self
    }

    /// The number of threads in each child of a threaded MPM; 8 unless told.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Loads one more of httpd's own modules, by its name without `mod_`.
    pub fn module(mut self, name: &str) -> Self {
        self.modules.push(name.to_owned());
        self
    }

    /// Serves `site` as the document root and puts `conf` into its `<Directory>`.
    pub fn site(mut self, site: &Site, conf: &str) -> Self {
        self.document_root = Some(site.root().to_owned());
        self.directory(site.root(), conf)
    }

    /// Puts `conf` into a `<Directory>` section.
    pub fn directory(self, path: &Path, conf: &str) -> Self {
        let section = format!("<Directory \"{}\">\n{conf}\n</Directory>", path.display());
        self.conf(&section)
    }

    /// Adds lines to the main server's configuration.
    pub fn conf(mut self, lines: &str) -> Self {
        self.conf.push_str(lines);
        self.conf.push('\n');
        self
    }

    /// Sets a variable in httpd's environment, which otherwise holds nothing but a plain `PATH`.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    /// Adds an argument to httpd's command line, say `-DNAME`.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts httpd through another program, which must exec the arguments that follow its own.
    pub fn launcher<S: Into<OsString>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.launcher = words.into_iter().map(Into::into).collect();
        self
    }

    /// Runs all of httpd, also its parent, as an ordinary user.
    pub fn unprivileged(mut self) -> Self {
        self.unprivileged = true;
        self
    }

    /// Starts httpd and waits until it takes requests and has all its children; panics with its output otherwise.
    pub fn start(self) -> Httpd {
        for _ in 0..PORT_ATTEMPTS {
            let (process, root, port) = self.spawn();
            let mut httpd = Httpd::new(process, root, port);
            let ready = wait_for("httpd to take requests", || {
                if httpd.has_exited() {
                    return Some(false);
                }
                // The connection comes last and only once, as it counts as a request of a child.
                let serves = read_lossy(&httpd.server_root().join(PID_FILE)).trim() == httpd.parent_pid().to_string()
                    && children_of(httpd.parent_pid()).len() >= self.children
                    && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
                serves.then_some(true)
            });
            if ready {
                return httpd;
            }
            let output = httpd.output();
            assert!(output.contains("Address already in use"), "httpd did not start:\n{output}");
        }
        panic!("no free port in {PORT_ATTEMPTS} attempts");
    }

    /// Expects that httpd refuses to start, and returns its output.
    pub fn expect_start_failure(self) -> String {
        let (process, root, port) = self.spawn();
        let mut httpd = Httpd::new(process, root, port);
        wait_for("httpd to refuse to start", || httpd.has_exited().then_some(()));
        let status = httpd.stop();
        let output = httpd.output();
        assert!(!status.success(), "httpd did start, and ended:\n{output}");
        output
    }

    /// Writes the ServerRoot and starts the process, in a process group of its own.
    fn spawn(&self) -> (Child, TempDir, u16) {
        let port = free_port();
        let root = public_directory("httpd-");
        let path = root.path().canonicalize().expect("the ServerRoot exists");
        let mut module = python_module();
        if self.unprivileged && is_root() {
            // An ordinary user may not reach the directory that root builds in.
            let copy = path.join("mod_python.so");
            fs::copy(&module, &copy).expect("the module is copied");
            module = copy;
        }
        fs::create_dir(path.join("htdocs")).expect("an empty document root is made");
        fs::write(path.join("mime.types"), "text/plain txt\ntext/html html\n").expect("mime.types is written");
        let conf = self.configuration(&path, port, &module);
        let conf_file = path.join("httpd.conf");
        fs::write(&conf_file, conf).expect("httpd.conf is written");

        let console = File::create(path.join(CONSOLE)).expect("the console file is made");
        let httpd = Installation::get().binary.as_os_str();
        let words: Vec<OsString> = self.launcher.iter().cloned().chain([httpd.to_owned()]).collect();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg("-d")
            .arg(&path)
            .arg("-f")
            .arg(&conf_file)
            .arg("-DFOREGROUND")
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(console.try_clone().expect("the console file is shared"))
            .stdout(console)
            .process_group(0);
        if self.unprivileged {
            if is_root() {
                let (_, uid, gid) = unprivileged_user();
                chown(&path, Some(uid), Some(gid)).expect("the ServerRoot is given away");
            }
            drop_privileges(&mut command);
        }
        let alone = FORKS.write().unwrap_or_else(PoisonError::into_inner);
        let process = command.spawn().unwrap_or_else(|error| panic!("{} does not run: {error}", words[0].display()));
        drop(alone);
        (process, root, port)
    }

    /// The whole httpd.conf.
    fn configuration(&self, root: &Path, port: u16, module: &Path) -> String {
        let installation = Installation::get();
        let mut text = String::new();
        text.push_str(&installation.load_line(&format!("mpm_{}", self.mpm.name())));
        for name in MODULES.into_iter().chain(self.modules.iter().map(String::as_str)) {
            text.push_str(&installation.load_line(name));
        }
        let document_root = self.document_root.clone().unwrap_or_else(|| root.join("htdocs"));
        let user = if is_root() && !self.unprivileged {
            let (name, _, gid) = unprivileged_user();
            format!("User {name}\nGroup #{gid}\n")
        } else {
            String::new()
        };
        write!(
            text,
            "ServerRoot \"{root}\"\n\
             ServerName localhost\n\
             Listen 127.0.0.1:{port}\n\
             PidFile {PID_FILE}\n\
             DefaultRuntimeDir \"{root}\"\n\
             ErrorLog {ERROR_LOG}\n\
             LogLevel notice\n\
             TypesConfig mime.types\n\
             DocumentRoot \"{document_root}\"\n\
             {user}\
             Timeout 60\n\
             KeepAliveTimeout 60\n\
             MaxKeepAliveRequests 0\n\
             {sizing}\
             LoadModule python_module \"{module}\"\n\
             {conf}",
            root = root.display(),
            document_root = document_root.display(),
            sizing = self.sizing(),
            module = module.display(),
            conf = self.conf,
        )
        .expect("a string takes any text");
        text
    }

    /// The lines that keep the number of children constant.
    fn sizing(&self) -> String {
        let Self { children, threads, .. } = self;
        if !self.mpm.threaded() {
            return format!(
                "StartServers {children}\nMinSpareServers {children}\nMaxSpareServers {children}\n\
                 ServerLimit {children}\nMaxRequestWorkers {children}\nMaxConnectionsPerChild 0\n"
            );
        }
        // Children from before a restart keep their slots while they finish, so there are spare slots.
        let slots = children * 4;
        let workers = children * threads;
        format!(
            "StartServers {children}\nServerLimit {slots}\nThreadLimit {threads}\n\
             ThreadsPerChild {threads}\nMaxRequestWorkers {workers}\nMinSpareThreads 1\n\
             MaxSpareThreads {workers}\nMaxConnectionsPerChild 0\n"
        )
    }
}

/// A port that was free a moment ago, and that no other test of this process gets.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Test binaries that run in parallel begin at different ports.
    let start = u16::try_from(process::id() * 97 % u32::from(count)).unwrap_or_default();
    (0..count)
        .map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % count;
            PORTS.start + (start + step) % count
        })
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("one of twelve thousand ports is free")
}
