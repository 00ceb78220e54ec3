"""One httpd of the benchmark: its configuration, its life, its processes."""
import ctypes
import os
import signal
import socket
import subprocess
import time

from client import Connection
from toolchain import SYSTEM_PATH, BenchError

STARTUP_SECONDS = 180
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Sizing:
    """How many processes and threads an MPM gets: fixed, so that no child comes or goes."""

    def __init__(self, mpm, processes, threads):
        self.mpm, self.processes, self.threads = mpm, processes, threads

    @classmethod
    def of_throughput(cls, mpm):
        """The size for the measurements under load."""
        return cls(mpm, 8, 1) if mpm == 'prefork' else cls(mpm, 2, 8)

    @classmethod
    def of_one_process(cls, mpm):
        """The size for the cost of a reload: one child, so that it holds all there is to count."""
        return cls(mpm, 1, 1) if mpm == 'prefork' else cls(mpm, 1, 8)

    @property
    def workers(self):
        """How many requests can run at once."""
        return self.processes * self.threads

    def __str__(self):
        if self.mpm == 'prefork':
            return '%d %s' % (self.processes, 'child' if self.processes == 1 else 'children')
        return '%d %s of %d threads' % (
            self.processes, 'process' if self.processes == 1 else 'processes', self.threads)

    def directives(self):
        """The MPM's part of httpd.conf."""
        if self.mpm == 'prefork':
            lines = ['MinSpareServers 1', 'MaxSpareServers %d' % self.workers]
        else:
            lines = ['ThreadLimit %d' % self.threads, 'ThreadsPerChild %d' % self.threads,
                     'MinSpareThreads 1', 'MaxSpareThreads %d' % self.workers]
        return ['ServerLimit %d' % self.processes, 'StartServers %d' % self.processes,
                'MaxRequestWorkers %d' % self.workers] + lines + ['MaxConnectionsPerChild 0']


class Httpd:
    """An httpd that this run starts and stops. `root` holds all of its files.

    `wrapper` is the command that runs httpd's own command line, should something have to stand before it.
    """

    def __init__(self, tools, sizing, root, load, site, environment=None, wrapper=()):
        self.tools, self.sizing, self.root = tools, sizing, root
        self.load, self.site = load, site
        self.wrapper = list(wrapper)
        self.environment = dict(environment or {}, PATH=SYSTEM_PATH, LANG='C')
        self.port = None
        self.process = None

    @property
    def htdocs(self):
        """The directory that is served."""
        return os.path.join(self.root, 'htdocs')

    def start(self):
        """Start, and wait until it accepts connections."""
        for attempt in range(5):
            self._write_configuration()
            with open(os.path.join(self.root, 'stderr.log'), 'ab') as stderr:
                self.process = subprocess.Popen(
                    self.wrapper + [self.tools.httpd, '-d', self.root, '-f',
                                    os.path.join(self.root, 'httpd.conf'), '-DFOREGROUND'],
                    env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=stderr, start_new_session=True, preexec_fn=_die_with_parent)
            if self._wait_for_port():
                return
            # Another process may have taken the port between the choice and httpd's bind.
            if 'Address already in use' not in self.log() or attempt == 4:
                raise BenchError('httpd did not start in %s:\n%s' % (self.root, self.log()))
            self.stop()

    def stop(self):
        """Stop it and everything it started; never raises for a server that is gone already."""
        if self.process is None:
            return
        group = self.process.pid
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        # The session is httpd's own, so its process group holds only what httpd started.
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def children(self):
        """The process ids of all descendants of httpd's parent process, in order."""
        parents = {}
        for entry in os.listdir('/proc'):
            if entry.isdigit():
                try:
                    with open('/proc/%s/stat' % entry) as stat:
                        parents[int(entry)] = int(stat.read().rpartition(')')[2].split()[1])
                except (FileNotFoundError, ProcessLookupError):
                    continue
        found, front = [], [self.process.pid]
        while front:
            front = [pid for pid, parent in parents.items() if parent in front]
            found.extend(front)
        return sorted(found)

    def cpu_seconds(self):
        """CPU time used so far, per process id, parent included, all threads, in nanosecond grain."""
        used = {}
        for pid in [self.process.pid] + self.children():
            try:
                # The kernel's clock id for the CPU time of another process: CPUCLOCK_SCHED of pid.
                used[pid] = time.clock_gettime((~pid << 3) | 2)
            except OSError:
                continue
        return used

    def log(self):
        """What httpd said, to explain a failure: the end of its error log."""
        text = ''
        for name in ('stderr.log', 'error.log'):
            try:
                with open(os.path.join(self.root, name), errors='replace') as log:
                    text += log.read()[-4000:]
            except FileNotFoundError:
                continue
        return text

    def _write_configuration(self):
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        run_directory = os.path.join(self.root, 'run')
        os.makedirs(run_directory, exist_ok=True)
        lines = self.tools.load('mpm_' + self.sizing.mpm, 'unixd', 'log_config', 'authz_core',
                                # mod_python's publisher crashes where mod_mime is not loaded.
                                'mime')
        lines += self.load
        lines += self.sizing.directives()
        lines += [
            'ServerRoot "%s"' % self.root,
            'DefaultRuntimeDir "%s"' % run_directory,
            'PidFile "%s/httpd.pid"' % run_directory,
            'ErrorLog "%s/error.log"' % self.root,
            'LogLevel warn',
            'ServerName 127.0.0.1',
            'ServerTokens Prod',
            'Listen 127.0.0.1:%d' % self.port,
            'KeepAlive On',
            'MaxKeepAliveRequests 0',
            'KeepAliveTimeout 60',
            'Timeout 120',
            'TypesConfig /dev/null',
            'AddType text/plain .txt',
            'DocumentRoot "%s"' % self.htdocs,
            '<Directory "/">', '  AllowOverride None', '  Require all granted', '</Directory>',
        ]
        if self.tools.user:
            lines += ['User %s' % self.tools.user, 'Group %s' % self.tools.group]
        lines += [line.format(htdocs=self.htdocs, run=run_directory) for line in self.site]
        with open(os.path.join(self.root, 'httpd.conf'), 'w') as conf:
            conf.write('\n'.join(lines) + '\n')

    def _wait_for_port(self):
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                Connection(self.port, 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return True
        return False


def _die_with_parent():
    """In the child before exec: have the kernel stop httpd should the benchmark itself be killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
