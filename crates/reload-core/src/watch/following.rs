//! What a process follows: the paths that listeners name, and the directories that have to be watched for that.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use crate::watch::inotify::ANY_NAME;
use crate::watch::interests::{Interest, Interests, Listener};
use crate::watch::settings::WatchMode;
use crate::watch::{Watch, filesystem};
use os::log;

impl Watch {
    /// Tells `listener` from now on when something happens to `path`. `top` is the search directory that the path lies under; the
    /// directories between are followed too, and the one that holds `top`. Must be called before the file is read, so that no
    /// change is missed in between.
    pub fn follow(&self, path: &Path, top: &Path, listener: &Weak<dyn Listener>) {
        let Some(directory) = path.parent() else { return };
        let mut interests = self.lock();
        if let Some(watch) = self.watch_directory(&mut interests, directory, top) {
            self.add(&mut interests, watch, Interest::File(path.to_owned(), listener.clone()));
        }
    }

    /// Stops telling the listener of these paths.
    pub fn unfollow(&self, paths: &HashSet<PathBuf>, listener: &Weak<dyn Listener>) {
        if !paths.is_empty() {
            self.lock().remove(paths, listener);
        }
    }

    /// Tells `listener` from now on that `directory` has changed when something happens to any entry in it; `top` is as for
    /// [`Self::follow`]. When the directory is made or goes, the listener is told that anything may have changed, and has to
    /// follow it again. Must be called before the directory is read.
    pub fn follow_all(&self, directory: &Path, top: &Path, listener: &Weak<dyn Listener>) {
        let mut interests = self.lock();
        if let Some(watch) = self.watch_directory(&mut interests, directory, top) {
            interests.add_whole(watch, directory, listener);
            if let Some(journal) = &self.journal {
                journal.want(watch, ANY_NAME);
            }
        }
    }

    /// Watches paths again that another directory has come to by now, as one that was mounted over it: nothing announces that.
    pub fn renew(&self) {
        let mut interests = self.lock();
        let before: Vec<(PathBuf, i32)> = interests.directories.iter().map(|(p, w)| (p.clone(), *w)).collect();
        let mut has_lost = false;
        for (path, watch) in before {
            if self.add_watch(&path) != Some(watch) {
                has_lost |= interests.lose(watch);
            }
        }
        if has_lost {
            interests.listeners().for_each(|listener| listener.anything_changed());
            self.remove_abandoned(&mut interests);
        }
    }

    pub(super) fn add(&self, interests: &mut Interests, watch: i32, interest: Interest) {
        if let (Some(entry), Some(journal)) = (interests.add(watch, interest), &self.journal) {
            journal.want(watch, entry.stem);
            journal.want(watch, entry.name);
        }
    }

    /// The watch descriptor of a directory, which is watched from now on; none where there is no such directory. Also follows the
    /// directories above it, as far as `top`.
    pub(super) fn watch_directory(&self, interests: &mut Interests, directory: &Path, top: &Path) -> Option<i32> {
        if let Some(watch) = interests.directories.get(directory) {
            return Some(*watch);
        }
        let watch = self.add_watch(directory);
        if let Some(watch) = watch {
            interests.directories.insert(directory.to_owned(), watch);
        }
        if self.mode == WatchMode::Auto {
            self.look_at_file_system(interests, directory);
        }
        // The directory itself may be moved away, replaced or made: the watch of its parent announces that.
        if (directory.starts_with(top) || watch.is_none())
            && let Some(parent) = directory.parent()
            && parent.parent().is_some()
            && let Some(above) = self.watch_directory(interests, parent, top)
        {
            self.add(interests, above, Interest::Directory(directory.to_owned()));
        }
        watch
    }

    fn add_watch(&self, directory: &Path) -> Option<i32> {
        match self.inotify.as_ref()?.add_watch(directory) {
            Ok(watch) => Some(watch),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(e) => {
                self.fall_back(&format!(
                    "inotify cannot watch {} ({e}; if there is no room, raise fs.inotify.max_user_watches)",
                    directory.display()
                ));
                None
            }
        }
    }

    /// Remembers a directory whose file system does not announce all changes.
    fn look_at_file_system(&self, interests: &mut Interests, directory: &Path) {
        let Some(kind) = filesystem::unannounced(directory) else { return };
        if interests.remote.insert(directory.to_owned()) && !self.has_remote.swap(true, Ordering::Relaxed) {
            log::info!(
                "{} lies on {kind}, which does not announce all changes: its files, and others like them, are also looked at",
                directory.display()
            );
        }
    }
}
