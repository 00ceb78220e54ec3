//! Reading the files of an application, and watching them.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::reload::application::state::Application;
use reload_core::files::fingerprint::{Content, Stat};
use reload_core::files::symlinks::links_below;
use reload_core::graph::Name;
use reload_core::watch::interests::Listener;

/// How long the first load of a file waits for a writer of the file.
const WRITING: Duration = Duration::from_secs(1);
/// How long to wait between two looks at a file that has a writer.
pub(in crate::reload) const PAUSE: Duration = Duration::from_millis(5);

impl Application {
    /// Reads a file for the first time. If the file has a writer, this waits up to a second for the writer to finish.
    ///
    /// # Errors
    /// As [`Content::read`].
    pub(in crate::reload) fn read_written(&self, file: &Path) -> Result<Content, Arc<io::Error>> {
        let deadline = Instant::now() + WRITING;
        let archive = self.archives.root_of(file);
        let written = archive.as_deref().unwrap_or(file);
        loop {
            let content = self.read(file);
            // inotify reports a truncation only after it is complete.
            let may_be_half = |content: &Content| self.watch.is_polling() || content.bytes.is_empty();
            let is_young = content.as_ref().is_ok_and(|content| may_be_half(content) && content.stat.is_young());
            // Asked after reading, as a writer may have opened the file in between.
            self.watch.poll();
            if !(is_young || self.watch.has_writer(written)) || Instant::now() >= deadline {
                return content;
            }
            std::thread::sleep(PAUSE);
            if written != file {
                self.archives.refresh(written);
            }
        }
    }

    /// Reads a file and remembers its stat.
    ///
    /// # Errors
    /// As [`Content::read`] and [`Trust::check`](reload_core::files::trust::Trust::check).
    pub(in crate::reload) fn read(&self, file: &Path) -> Result<Content, Arc<io::Error>> {
        let in_archive = self.archives.source(file);
        let is_in_archive = in_archive.is_some();
        let content = in_archive.unwrap_or_else(|| Content::read(file)).and_then(|content| {
            let archive = self.archives.root_of(file);
            let (checked, top) = match archive.as_deref() {
                Some(archive) => (archive, archive.parent().unwrap_or(archive).to_owned()),
                None => (file, self.top_of(file)),
            };
            self.trust.check(checked, &content, &top)?;
            Ok(content)
        });
        let content = content.map_err(Arc::new);
        if is_in_archive {
            return content;
        }
        let stat = content.as_ref().map_or_else(|_| Stat::take(file), |c| Some(c.stat));
        self.names.lock().seen.insert(file.to_owned(), stat);
        content
    }

    /// Compares a file at the next request, if it may have changed since it was read.
    pub(in crate::reload) fn verify(&self, file: &Path) {
        if !self.is_as_read(file) {
            self.changed(file);
        }
    }

    /// Whether a file has certainly not changed since it was read.
    pub(in crate::reload) fn is_as_read(&self, file: &Path) -> bool {
        match (self.names.lock().seen.get(file), Stat::take(file)) {
            (Some(Some(before)), Some(now)) => before.proves(&now),
            _ => false,
        }
    }

    pub(in crate::reload) fn follow_paths(&self, name: &Name, paths: &[PathBuf]) {
        let listener = self.listener();
        let mut plain = HashSet::new();
        for path in paths {
            if let Some(archive) = self.archives.root_of(path) {
                self.follow_file(name, &archive);
                continue;
            }
            let top = self.top_of(path);
            self.watch.follow(path, &top, &listener);
            for link in links_below(&top, path, &mut plain) {
                self.follow_file(name, &link);
            }
            let mut names = self.names.lock();
            names.by_path.entry(path.clone()).or_default().insert(name.clone());
            if let Some(directory) = path.parent()
                && !names.seen.contains_key(directory)
            {
                let stat = Stat::take(directory);
                names.seen.insert(directory.to_owned(), stat);
            }
        }
    }

    /// Compares the module whenever the file changes from now on.
    pub(in crate::reload) fn follow_file(&self, module: &Name, file: &Path) {
        self.watch.follow(file, &self.top_of(file), &self.listener());
        self.note_path(module, file);
    }

    /// Compares the module whenever an entry of the directory changes from now on.
    pub(in crate::reload) fn follow_directory(&self, module: &Name, directory: &Path) {
        self.watch.follow_all(directory, &self.top_of(directory), &self.listener());
        self.note_path(module, directory);
        self.names.lock().listed.insert(directory.to_owned());
    }

    fn note_path(&self, module: &Name, path: &Path) {
        let stat = Stat::take(path);
        let mut names = self.names.lock();
        names.by_path.entry(path.to_owned()).or_default().insert(module.clone());
        names.seen.insert(path.to_owned(), stat);
    }
}
