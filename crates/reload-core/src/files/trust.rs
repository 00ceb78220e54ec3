//! Which files may be run: those that everyone may write to are refused, unless the configuration allows them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::files::fingerprint::Content;
use crate::files::symlinks::canonical;

/// The permission of others to write.
const BY_EVERYONE: u32 = 0o002;

/// The setting `PythonReloadTrust`.
///
/// ```text
/// (unset), none     /srv/app.py with mode 0666, or in a directory with mode 0777, is refused
/// /srv/upload       files below /srv/upload are allowed
/// all               all files are allowed
/// ```
pub struct Trust {
    all: bool,
    directories: Vec<PathBuf>,
}

impl Trust {
    /// From the arguments of the directive: `all`, `none`, and directories.
    pub fn new(words: &[String]) -> Self {
        let directories = words.iter().map(Path::new).filter(|path| path.is_absolute());
        Self { all: words.iter().any(|word| word == "all"), directories: directories.map(canonical).collect() }
    }

    /// Checks a file that was read, and the directories from it up to `top`, the search directory that it lies under.
    ///
    /// # Errors
    /// `PermissionDenied`; the message names the file or directory that everyone may write to.
    pub fn check(&self, file: &Path, read: &Content, top: &Path) -> io::Result<()> {
        if self.all {
            return Ok(());
        }
        if read.stat.mode() & BY_EVERYONE != 0 {
            self.refuse(file)?;
        }
        let above = file.ancestors().skip(1);
        for directory in above.take_while(|d| d.starts_with(top)) {
            self.check_directory(directory)?;
        }
        // Write access to the directory that a link leads to is enough to replace the file.
        if read.is_link
            && let Some(directory) = file.canonicalize()?.parent()
        {
            self.check_directory(directory)?;
        }
        Ok(())
    }

    fn check_directory(&self, directory: &Path) -> io::Result<()> {
        // A sticky directory keeps others from replacing files, but not from adding some.
        if fs::metadata(directory)?.mode() & BY_EVERYONE == 0 { Ok(()) } else { self.refuse(directory) }
    }

    fn refuse(&self, path: &Path) -> io::Result<()> {
        let real = canonical(path);
        if self.directories.iter().any(|trusted| real.starts_with(trusted) || path.starts_with(trusted)) {
            return Ok(());
        }
        let shown = path.display();
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "refused: {shown} is writable by everyone; take that right away (chmod o-w {shown}) or name the directory in \
                 PythonReloadTrust"
            ),
        ))
    }
}
