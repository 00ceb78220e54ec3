"""The programs a run needs, found once: apxs, httpd, wrk, and the user httpd runs as."""
import functools
import grp
import os
import pwd
import shutil
import subprocess

# Every httpd starts with this PATH: an embedded Python that looks itself up through PATH must
# not find an installation which httpd's User cannot read.
SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

BENCHES = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(BENCHES)


class BenchError(Exception):
    """Something a person must see and mend; the message says what."""


def run(command, **options):
    """Run a command to its end and return its standard output; its failure is a BenchError."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, **options)
    if done.returncode != 0:
        raise BenchError('%s failed (%d):\n%s%s'
                         % (' '.join(command), done.returncode, done.stdout, done.stderr))
    return done.stdout


def find(names, package):
    """The first of the named programs that exists."""
    path = os.environ.get('PATH', '') + os.pathsep + SYSTEM_PATH
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise BenchError('%s not found: install it (Debian and Ubuntu: apt-get install %s)'
                     % (names[0], package))


class Toolchain:
    """Where httpd, its modules and wrk are, and which of httpd's modules are built in."""

    def __init__(self):
        chosen = os.environ.get('APXS')
        self.apxs = find([chosen] if chosen else ['apxs', 'apxs2'], 'apache2-dev')
        self.httpd = os.path.join(self.query('SBINDIR'), self.query('PROGNAME'))
        self.modules = self.query('LIBEXECDIR')
        self.static = set(run([self.httpd, '-l']).split())
        self.user, self.group = self._unprivileged() if os.geteuid() == 0 else (None, None)

    @functools.cached_property
    def wrk(self):
        """The load generator; looked for when it is needed, as counting instructions does without it."""
        return find(['wrk'], 'wrk')

    def query(self, name):
        """One of apxs's variables."""
        return run([self.apxs, '-q', name]).strip()

    def load(self, *names):
        """LoadModule lines for those of httpd's own modules that are not built in."""
        return ['LoadModule %s_module %s/mod_%s.so' % (name, self.modules, name)
                for name in names if 'mod_%s.c' % name not in self.static
                and os.path.exists('%s/mod_%s.so' % (self.modules, name))]

    def build_floor(self, directory):
        """Build the C floor in `directory` and return the path of the module."""
        shutil.copy(os.path.join(BENCHES, 'floor', 'mod_floor.c'), directory)
        run([self.apxs, '-c', 'mod_floor.c'], cwd=directory)
        return os.path.join(directory, '.libs', 'mod_floor.so')

    def versions(self):
        """What the numbers depend on, by name."""
        shown = run([self.httpd, '-v']).splitlines()[0].split(':', 1)[1].strip()
        # wrk prints its version above its usage and exits with 1.
        wrk = subprocess.run([self.wrk, '-v'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             universal_newlines=True).stdout.split('[')[0].strip()
        return {'httpd': shown, 'wrk': wrk.replace('wrk ', '', 1)}

    @staticmethod
    def _unprivileged():
        for name in ('www-data', 'apache', 'http', 'nobody'):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return name, grp.getgrgid(entry.pw_gid).gr_name
        raise BenchError('no user for httpd: one of www-data, apache, http, nobody must exist')
