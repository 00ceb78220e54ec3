"""A copy of a directory that follows its original.

Needed in one case only: root runs httpd, whose children are another account, and that account cannot reach the
original, for example a clone in root's home. The alternatives are worse: to open root's home to that account, or to
serve a copy that knows nothing of edits.
"""

import os
import stat
import tempfile
from pathlib import Path

# What editors, Python and git keep beside the sources is not part of a site.
SKIPPED_DIRECTORIES = {"__pycache__", ".git", ".hg", ".svn"}


class Mirror:
    """Files and directories below `original`, copied to `target` and readable by everyone.

    A link to a file is copied as the file. A link to a directory is left out: it may lead round in a circle.
    """

    def __init__(self, original, target):
        self.original = Path(original)
        self.target = Path(target)
        # Relative path -> what stat said of the version that was copied.
        self.copied = {}
        self.directories = set()
        self.follow()

    def follow(self):
        """Bring the copy up to date."""
        files, directories = self._survey()
        # What is gone goes first: a directory may have made way for a file of its name, or the other way round.
        for relative in self.copied.keys() - files.keys():
            (self.target / relative).unlink(missing_ok=True)
            del self.copied[relative]
        for relative in sorted(self.directories - directories, reverse=True):
            (self.target / relative).rmdir()
        for relative in sorted(directories - self.directories):
            (self.target / relative).mkdir()
            (self.target / relative).chmod(0o755)
        self.directories = directories
        for relative, version in files.items():
            if self.copied.get(relative) != version and self._copy(relative):
                self.copied[relative] = version

    def _survey(self):
        files = {}
        # The top is always there: an original that is gone for a moment leaves an empty copy.
        directories = {"."}
        for directory, children, names in os.walk(self.original):
            children[:] = [name for name in children if name not in SKIPPED_DIRECTORIES]
            relative = os.path.relpath(directory, self.original)
            directories.add(relative)
            for name in names:
                try:
                    found = os.stat(os.path.join(directory, name))
                except OSError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    version = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
                    files[os.path.normpath(os.path.join(relative, name))] = version
        return files, directories

    def _copy(self, relative):
        """Copy one file by an atomic rename out of the directory beside, so that nobody ever sees half of it."""
        destination = self.target / relative
        try:
            content = (self.original / relative).read_bytes()
        except OSError:
            # Gone again, or replaced by something else: the next survey tells.
            return False
        descriptor, temporary = tempfile.mkstemp(dir=self.target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, destination)
        return True
