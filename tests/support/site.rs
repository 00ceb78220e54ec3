//! A site to serve and to edit, in a temporary directory.

use std::{
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
    time::SystemTime,
};

use tempfile::TempDir;

/// How an editor saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Save {
    /// Truncates the file and writes it again: the inode stays.
    InPlace,
    /// Writes a temporary file beside it and renames that over it: a new inode, never a gap.
    Rename,
}

/// A temporary directory that httpd's children may read, removed when dropped.
#[derive(Debug)]
pub struct Site {
    root: PathBuf,
    _directory: TempDir,
}

impl Site {
    /// An empty site.
    pub fn new() -> Self {
        let directory = public_directory("site-");
        let root = directory.path().canonicalize().expect("the site exists");
        Self { root, _directory: directory }
    }

    /// A site with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let site = Self::new();
        for (path, text) in files {
            site.write(path, text);
        }
        site
    }

    /// The site's directory, without symbolic links in its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a file of the site.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Saves a file in place; see [`Site::save`].
    pub fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        self.save(Save::InPlace, relative, text);
    }

    /// Saves a file by an atomic rename; see [`Site::save`].
    pub fn replace(&self, relative: &str, text: impl AsRef<[u8]>) {
        self.save(Save::Rename, relative, text);
    }

    /// Saves a file with mode 0644, and makes the directories above it with mode 0755.
    pub fn save(&self, how: Save, relative: &str, text: impl AsRef<[u8]>) {
        let path = self.path(relative);
        self.make_directories(path.parent().expect("a file lies in a directory"));
        match how {
            Save::InPlace => write_file(&path, text.as_ref()),
            Save::Rename => {
                let mut name = path.file_name().expect("a file has a name").to_owned();
                name.push(".new");
                let beside = path.with_file_name(name);
                write_file(&beside, text.as_ref());
                fs::rename(&beside, &path).expect("a rename within the site");
            }
        }
    }

    /// Opens a file for writing, and truncates it.
    pub fn open(&self, relative: &str) -> Writer {
        let _held = FORKS.read().unwrap_or_else(PoisonError::into_inner);
        Writer(File::create(self.path(relative)).expect("a file of the site is opened"))
    }

    /// Removes a file.
    pub fn remove(&self, relative: &str) {
        fs::remove_file(self.path(relative)).expect("a file of the site is removed");
    }

    /// When a file was last modified.
    pub fn mtime(&self, relative: &str) -> SystemTime {
        fs::metadata(self.path(relative))
            .and_then(|metadata| metadata.modified())
            .expect("a file of the site has an mtime")
    }

    /// Sets when a file was last modified.
    pub fn set_mtime(&self, relative: &str, time: SystemTime) {
        File::options()
            .write(true)
            .open(self.path(relative))
            .and_then(|file| file.set_modified(time))
            .expect("the mtime of a file of the site is set");
    }

    /// Sets when a file was last modified to now.
    pub fn touch(&self, relative: &str) {
        self.set_mtime(relative, SystemTime::now());
    }

    fn make_directories(&self, directory: &Path) {
        if directory.is_dir() {
            return;
        }
        self.make_directories(directory.parent().expect("the site's root exists"));
        fs::create_dir(directory).expect("a directory of the site is made");
        fs::set_permissions(directory, Permissions::from_mode(0o755)).expect("its mode is set");
    }
}

/// A new temporary directory that everyone may read.
pub fn public_directory(prefix: &str) -> TempDir {
    let directory = tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary directory is made");
    // The umask may have taken bits away.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("its mode is set");
    directory
}

fn write_file(path: &Path, bytes: &[u8]) {
    let _held = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    let mut file = File::create(path).expect("a file of the site is opened");
    // The mode must not depend on the umask. An existing file keeps its inode and changes only its content.
    let mode = file.metadata().expect("an open file has metadata").mode();
    if mode & 0o777 != 0o644 {
        file.set_permissions(Permissions::from_mode(0o644)).expect("its mode is set");
    }
    file.write_all(bytes).expect("a file of the site is written");
}

/// Between fork and exec a new process holds copies of all open files, and a file that is being saved is closed, as the kernel
/// sees it, only when that copy is closed too. So no file is saved while a process is made, and no process is made during a save.
pub static FORKS: RwLock<()> = RwLock::new(());

/// A file of a site that a program has opened for writing and not closed yet.
#[derive(Debug)]
pub struct Writer(File);

impl Writer {
    /// Writes some more.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("a file of the site is written");
    }

    /// Closes the file.
    pub fn close(self) {
        let _held = FORKS.read().unwrap_or_else(PoisonError::into_inner);
        drop(self.0);
    }
}
