"""Start httpd in the foreground with the demo site, or with a directory of one's own, and take all of it away at the end.

Everything httpd writes lies in a temporary ServerRoot: configuration, log, pid file, and the demo's data.
"""

import argparse
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mirror import Mirror

HERE = Path(__file__).resolve().parent.parent
DEMO = HERE / "apache-conf" / "demo"
FIRST_PORT = 8080
# Not the caller's environment: a Python that httpd's User cannot read must not be found through PATH.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# The modules that the configuration needs, besides the MPM; builds of httpd differ in which of them are compiled in.
MODULES = ("unixd", "authn_core", "authz_core", "mime", "dir")
# The names that distributions give to the account that httpd's children run as.
ACCOUNTS = ("www-data", "apache", "httpd", "http", "daemon", "nobody")


class Problem(Exception):
    """Something the user has to see to; its text is all that is printed."""


def main():
    """Serve until httpd ends or a signal says so; the exit status is the result."""
    options = arguments()
    root = Path(tempfile.mkdtemp(prefix="mod_python_rs-"))
    # SIGTERM and SIGHUP end the run the way Ctrl-C does, through the finally below.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        return serve(options, root)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", type=Path, default=HERE / "target/release/libmod_python_rs.so", help="the built module")
    parser.add_argument("--apxs", default="apxs", help="the apxs of the httpd to run")
    parser.add_argument("--mpm", default="event", choices=("prefork", "worker", "event"))
    parser.add_argument("--port", type=int, help="default: the first free one from %d up" % FIRST_PORT)
    parser.add_argument("--site", type=Path, help="the directory to serve with the publisher; default: the demo site")
    return parser.parse_args()


def serve(options, root):
    """Write the configuration, start httpd, pass its log on, stop it."""
    tree = options.site.resolve() if options.site else DEMO
    if not tree.is_dir():
        raise Problem("SITE=%s is not a directory." % options.site)
    if not options.module.is_file():
        raise Problem("%s does not exist; make run builds it first." % options.module)
    port = options.port or free_port()
    check_port(port)
    httpd = Httpd(options.apxs)
    account, mirror = who_serves(tree, root)
    served = mirror.target if mirror else tree
    data = prepare(root, account)

    values = {
        "ROOT": quoted(root),
        "PORT": str(port),
        "LOAD_MODULES": httpd.load_lines(options.mpm),
        "MODULE": quoted(options.module.resolve()),
        "USER": "User %s\nGroup #%d" % (account.pw_name, account.pw_gid) if account else "",
        "SITE": quoted(served if options.site else served / "site"),
        "SOURCE": quoted(tree),
        "DATA": quoted(data),
        "PYTHON_PATH": '"%s"' % quoted("[%r] + sys.path" % str(served / "lib")),
    }
    template = (HERE / "apache-conf" / "httpd.conf.in").read_text()
    for name, value in values.items():
        template = template.replace("@%s@" % name, value)
    configuration = root / "httpd.conf"
    configuration.write_text(template)

    command = [httpd.program, "-DFOREGROUND", "-d", root, "-f", configuration]
    if not options.site:
        command.append("-DDemo")
    # A session of its own: Ctrl-C reaches this program alone, which then stops httpd in order.
    process = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, start_new_session=True)
    log = Log(root / "error.log")
    try:
        wait_until_it_answers(process, port, log)
        announce(port, options, tree, mirror, account)
        while process.poll() is None:
            log.pass_on()
            if mirror:
                mirror.follow()
            time.sleep(0.1)
        log.pass_on()
        print("httpd ended by itself, with status %d." % process.returncode, file=sys.stderr)
        return 1
    finally:
        stop(process)
        log.pass_on()


class Httpd:
    """The httpd that an apxs belongs to."""

    def __init__(self, apxs):
        def ask(name):
            return subprocess.run([apxs, "-q", name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

        try:
            self.program = os.path.join(ask("SBINDIR"), ask("PROGNAME"))
            self.libraries = ask("LIBEXECDIR")
        except (OSError, subprocess.CalledProcessError) as error:
            raise Problem("apxs does not answer (%s); APXS=/path/to/apxs says which one to use." % error) from None

    def load_lines(self, mpm):
        """LoadModule lines for what is not compiled in."""
        listing = subprocess.run([self.program, "-l"], env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True).stdout
        static = {line.strip()[:-2] for line in listing.splitlines() if line.endswith(".c")}
        wanted = ["mpm_%s" % mpm] + ["mod_%s" % name for name in MODULES]
        compiled_mpm = static & {"prefork", "worker", "event"}
        if compiled_mpm:
            if compiled_mpm != {mpm}:
                raise Problem("This httpd has its MPM compiled in: MPM=%s is the only choice." % compiled_mpm.pop())
            wanted = wanted[1:]
        lines = []
        for name in wanted:
            if name in static:
                continue
            symbol = name[len("mod_"):] if name.startswith("mod_") else name
            path = os.path.join(self.libraries, "mod_%s.so" % symbol)
            lines.append('LoadModule %s_module "%s"' % (symbol, quoted(path)))
        return "\n".join(lines)


def quoted(value):
    """A value as it must stand between double quotes in httpd.conf."""
    return str(value).replace("\\", "\\\\").replace('"', '\\"')


def free_port():
    """The first port from 8080 up that nobody listens on."""
    for port in range(FIRST_PORT, FIRST_PORT + 1000):
        if not port_error(port):
            return port
    raise Problem("No port from %d up is free; PORT= names another." % FIRST_PORT)


def check_port(port):
    """Say clearly why a port that was asked for cannot be had."""
    error = port_error(port)
    if error:
        raise Problem("Port %d cannot be used: %s." % (port, error))


def port_error(port):
    """Why httpd could not listen on the port, or None."""
    with socket.socket() as probe:
        # As httpd does it: connections that linger after an earlier run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error).rstrip(".")
    return None


def who_serves(tree, root):
    """The account that the children run as, and a Mirror if that account cannot read the tree itself.

    An ordinary user's httpd runs as that user: no account is named. httpd never serves as root, so root's httpd hands over
    to the usual account; to the owner of the tree where only the owner may read it; and if that is root, to a copy.
    """
    if os.getuid() != 0:
        return None, None
    usual = usual_account()
    library = Path(os.__file__).parent / "encodings"
    if not readable(library, usual):
        raise Problem("%s cannot read this Python (%s); PYTHON= names another." % (usual.pw_name, library.parent))
    if readable(tree, usual):
        return usual, None
    owner = account_of(tree.stat().st_uid)
    if owner and owner.pw_uid != 0 and readable(tree, owner):
        return owner, None
    return usual, Mirror(tree, root / "copy")


def usual_account():
    """The first of the usual accounts that this system has."""
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Problem("None of these accounts exists for httpd to run as: %s." % ", ".join(ACCOUNTS))


def account_of(uid):
    """The account with that number, or None."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def readable(tree, account):
    """Whether an account can read all files below a directory: a child process becomes that account and tries."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os._exit(0 if can_read_all(tree) else 1)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def can_read_all(tree):
    """Whether this process can list every directory below tree and read every file."""
    def refuse(error):
        raise error

    try:
        for directory, _, names in os.walk(tree, onerror=refuse):
            if not all(os.access(os.path.join(directory, name), os.R_OK) for name in names):
                return False
    except OSError:
        return False
    return True


def prepare(root, account):
    """Make the ServerRoot passable for the children, and the data directory theirs alone; returns the latter."""
    data = root / "data"
    data.mkdir(mode=0o700)
    if account:
        root.chmod(0o755)
        os.chown(data, account.pw_uid, account.pw_gid)
    return data


class Log:
    """httpd's error log, passed on to the terminal as it grows: /dev/stderr cannot be opened everywhere."""

    def __init__(self, path):
        self.path = path
        self.read = 0

    def pass_on(self):
        """Print what was written since the last call."""
        try:
            with self.path.open("rb") as log:
                log.seek(self.read)
                text = log.read()
        except FileNotFoundError:
            return
        self.read += len(text)
        sys.stderr.write(text.decode("utf-8", "replace"))
        sys.stderr.flush()


def wait_until_it_answers(process, port, log):
    """Return once the port accepts connections."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.pass_on()
            raise Problem("httpd did not start (status %d); the lines above say why." % process.returncode)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    log.pass_on()
    raise Problem("httpd does not accept connections after 30 seconds.")


def announce(port, options, tree, mirror, account):
    """Say where the site is, which files it is made of, and how to end it."""
    print()
    print("    Open http://127.0.0.1:%d/" % port)
    print()
    if options.site:
        print("It serves %s with mod_python.publisher (%s MPM)." % (tree, options.mpm))
    else:
        print("Then edit %s and reload the page (%s MPM)." % (tree / "lib" / "palette.py", options.mpm))
        print("What visitors write is kept until you stop the server.")
    if mirror:
        print("%s cannot read %s, so httpd serves a copy, which follows your edits" % (account.pw_name, tree))
        print("within a tenth of a second. A clone in a directory that everyone may enter needs no copy.")
    print("Ctrl-C stops it.", flush=True)


def stop(process):
    """Stop httpd and its children: gently, and after ten seconds for good."""
    if process.poll() is not None:
        return
    # A second Ctrl-C must not leave httpd behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
