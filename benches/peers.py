"""The peers: Debian's mod_python and mod_wsgi, unpacked aside and never installed."""
import glob
import os
import shutil
import subprocess

from toolchain import BenchError, run

PACKAGES = ('libapache2-mod-python', 'libapache2-mod-wsgi-py3')


class Peers:
    """Both packages, unpacked under `cache` and copied to where httpd's User can read them."""

    def __init__(self, cache, readable):
        self.cache = os.path.abspath(cache)
        os.makedirs(self.cache, exist_ok=True)
        unpacked = os.path.join(self.cache, 'root')
        if not os.path.isdir(unpacked):
            self._fetch(unpacked)
        self.root = os.path.join(readable, 'peers')
        shutil.copytree(unpacked, self.root, symlinks=True)
        modules = os.path.join(self.root, 'usr/lib/apache2/modules')
        self.mod_python = os.path.join(modules, 'mod_python.so')
        self.mod_wsgi = os.path.join(modules, 'mod_wsgi.so')
        self.packages = os.path.join(self.root, 'usr/lib/python3/dist-packages')
        for module in (self.mod_python, self.mod_wsgi):
            missing = [line.split()[0] for line in linked(module) if 'not found' in line]
            if missing:
                raise BenchError('%s needs %s, which is not installed: install it, or use --no-peers'
                                 % (os.path.basename(module), ', '.join(missing)))

    def versions(self):
        """The version of each package, from the names of the package files."""
        found = {}
        for package in PACKAGES:
            name = os.path.basename(glob.glob(os.path.join(self.cache, package + '_*.deb'))[0])
            found[package] = name.split('_')[1].replace('%3a', ':')
        return found

    def _fetch(self, unpacked):
        try:
            run(['apt-get', 'download'] + list(PACKAGES), cwd=self.cache)
        except (BenchError, FileNotFoundError) as error:
            raise BenchError('the peers cannot be fetched (apt-get update may help; --no-peers '
                             'does without them): %s' % error) from None
        # Unpacked under another name first: a half-unpacked tree is never taken for a whole one.
        partial = unpacked + '.partial'
        shutil.rmtree(partial, ignore_errors=True)
        for package in PACKAGES:
            archive = glob.glob(os.path.join(self.cache, package + '_*.deb'))[0]
            run(['dpkg', '-x', archive, partial])
        os.rename(partial, unpacked)


def linked(module):
    """The lines of ldd for a module."""
    return subprocess.run(['ldd', module], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          universal_newlines=True).stdout.splitlines()


def python_of(module):
    """The version of the libpython that a module is linked with, as its file name tells it."""
    for line in linked(module):
        if 'libpython' in line and '=>' in line:
            path = os.path.realpath(line.split('=>')[1].split('(')[0].strip())
            library = os.path.basename(path)
            return library[len('libpython'):].split('.so')[0]
    return 'unknown'
