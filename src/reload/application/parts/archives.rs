//! Zip archives on the search path: each is read completely, and modules are found in that snapshot.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::python::error;
use os::{Mutex, MutexGuard};
use reload_core::files::archive_names::{is_archive_name, is_only_archive_name};
use reload_core::files::fingerprint::{self, Content, Hash, Stat};
use reload_core::files::symlinks::canonical;
use reload_core::resolve::{Disk, RealDisk};

/// An archive as it was at one moment.
pub(in crate::reload) struct Archive {
    pub(in crate::reload) path: PathBuf,
    pub(in crate::reload) content: Content,
    sources: HashMap<PathBuf, Arc<[u8]>>,
    files: HashSet<PathBuf>,
    directories: HashSet<PathBuf>,
}

/// The names of all members, and the bytes of those that are sources.
type Members = (Vec<String>, Vec<(String, Vec<u8>)>);

/// An archive that cannot be read, and Python's error.
#[derive(Clone)]
pub(in crate::reload) struct ArchiveDamage {
    /// The archive.
    pub path: PathBuf,
    /// The hash of its bytes, if they could be read.
    pub hash: Option<Hash>,
    /// The error in one line.
    pub brief: String,
    /// The whole error.
    pub text: String,
}

#[derive(Default)]
struct ArchiveState {
    archive: Option<Arc<Archive>>,
    stat: Option<Stat>,
    damage: Option<ArchiveDamage>,
}

/// The archives of an application, as they are served.
pub(in crate::reload) struct Archives {
    roots: Mutex<Vec<PathBuf>>,
    held: Mutex<HashMap<PathBuf, ArchiveState>>,
}

/// The archive that a path leads into: an existing file, or a missing one whose name can only be that of an archive.
pub(in crate::reload) fn root_of(path: &Path) -> Option<PathBuf> {
    let missing = path.ancestors().take_while(|p| !p.exists()).filter(|p| is_only_archive_name(p)).last();
    if let Some(missing) = missing {
        return Some(missing.to_owned());
    }
    let root = path.ancestors().find(|p| p.exists())?;
    let is_named = is_archive_name(root);
    let begins = || {
        let mut first = [0; 2];
        std::fs::File::open(root).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut first)).is_ok()
            && &first == b"PK"
    };
    (root.is_file() && (is_named || begins())).then(|| canonical(root))
}

impl Archives {
    /// The archives that these entries of the search path lead into. They are read when they are used.
    pub(in crate::reload) fn new<'a>(entries: impl Iterator<Item = &'a Path>) -> Self {
        let archives = Self { roots: Mutex::default(), held: Mutex::default() };
        entries.for_each(|entry| archives.add(entry));
        archives
    }

    /// Adds the archive that an entry of a search path leads into, if it does.
    pub(in crate::reload) fn add(&self, entry: &Path) {
        if self.root_of(entry).is_none()
            && let Some(root) = root_of(entry)
        {
            self.roots.lock().push(root);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, ArchiveState>> {
        self.held.lock()
    }

    /// The archive that a path leads into.
    pub(in crate::reload) fn root_of(&self, path: &Path) -> Option<PathBuf> {
        self.roots.lock().iter().find(|root| path.starts_with(root)).cloned()
    }

    /// The paths of all archives.
    pub(in crate::reload) fn roots(&self) -> Vec<PathBuf> {
        self.roots.lock().clone()
    }

    /// The snapshot of the archive that a path leads into; `None` if there is no archive, or it cannot be read.
    pub(in crate::reload) fn archive_of(&self, path: &Path) -> Option<Arc<Archive>> {
        let root = self.root_of(path)?;
        if !self.lock().contains_key(&root) {
            self.refresh(&root);
        }
        self.lock().get(&root)?.archive.clone()
    }

    /// The content of a module's file in an archive.
    pub(in crate::reload) fn source(&self, path: &Path) -> Option<std::io::Result<Content>> {
        self.root_of(path)?;
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let Some(archive) = self.archive_of(path) else { return Some(Err(missing())) };
        let stat = self.lock().get(&archive.path).and_then(|held| held.stat).unwrap_or(archive.content.stat);
        let bytes = archive.inner(path).and_then(|inner| archive.sources.get(inner).cloned());
        let is_link = archive.content.is_link;
        let content = |bytes: Arc<[u8]>| Content { hash: fingerprint::hash_of_bytes(&bytes), bytes, stat, is_link };
        Some(bytes.ok_or_else(missing).map(content))
    }

    /// Takes a new snapshot if the archive has changed. If it cannot be read, the old snapshot stays in use.
    pub(in crate::reload) fn refresh(&self, root: &Path) {
        if let (Some(before), Some(now)) = (self.lock().get(root).and_then(|held| held.stat), Stat::take(root))
            && before.proves(&now)
        {
            return;
        }
        let result = Content::read(root);
        let (hash, stat) = (result.as_ref().ok().map(|c| c.hash), result.as_ref().ok().map(|c| c.stat));
        let is_same = |held: &ArchiveState| match (&held.damage, &held.archive) {
            (Some(damage), _) => damage.hash == hash && hash.is_some(),
            (None, archive) => archive.as_ref().map(|a| a.content.hash) == hash && hash.is_some(),
        };
        if self.lock().get(root).is_some_and(is_same) {
            self.lock().entry(root.to_owned()).or_default().stat = stat;
            return;
        }
        let outcome = match result {
            Ok(content) => Archive::parse(root, content).map(Some),
            // An archive that is gone has no modules.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err((e.to_string(), e.to_string())),
        };
        let mut all = self.lock();
        let held = all.entry(root.to_owned()).or_default();
        held.stat = stat;
        match outcome {
            Ok(archive) => {
                held.archive = archive.map(Arc::new);
                held.damage = None;
            }
            Err((brief, text)) => {
                let brief = format!("{}: {brief}", root.display());
                held.damage = Some(ArchiveDamage { path: root.to_owned(), hash, brief, text });
            }
        }
    }

    /// An archive that cannot be read as it is now.
    pub(in crate::reload) fn damage(&self) -> Option<ArchiveDamage> {
        self.lock().values().find_map(|held| held.damage.clone())
    }
}

impl Archive {
    /// Reads the sources and the names of all members, with Python's `zipfile`.
    fn parse(path: &Path, content: Content) -> Result<Self, (String, String)> {
        let (names, texts) = crate::python::attach(|py| {
            let read = || -> PyResult<Members> {
                let loader = crate::python::import(py, "_mod_python_loader")?;
                loader.getattr("read_archive")?.call1((PyBytes::new(py, &content.bytes),))?.extract()
            };
            read().map_err(|e| (error::brief(py, &e), error::format(py, &e)))
        })?;
        let (mut files, mut directories) = (HashSet::new(), HashSet::from([PathBuf::new()]));
        for name in &names {
            let member = Path::new(name);
            if name.ends_with('/') {
                directories.insert(member.to_owned());
            } else {
                files.insert(member.to_owned());
            }
            directories.extend(member.ancestors().skip(1).map(Path::to_owned));
        }
        let sources = texts.into_iter().map(|(name, text)| (PathBuf::from(name), Arc::from(text))).collect();
        Ok(Self { path: path.to_owned(), content, sources, files, directories })
    }

    fn inner<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.path).ok()
    }
}

impl Disk for Archives {
    fn is_dir(&self, path: &Path) -> bool {
        if self.root_of(path).is_none() {
            return RealDisk.is_dir(path);
        }
        self.archive_of(path).is_some_and(|a| a.inner(path).is_some_and(|inner| a.directories.contains(inner)))
    }

    fn is_file(&self, path: &Path) -> bool {
        if self.root_of(path).is_none() {
            return RealDisk.is_file(path);
        }
        self.archive_of(path).is_some_and(|a| a.inner(path).is_some_and(|inner| a.files.contains(inner)))
    }

    fn is_there(&self, path: &Path) -> bool {
        if self.root_of(path).is_none() {
            return RealDisk.is_there(path);
        }
        self.is_file(path)
    }
}
