"""The server as handlers see it: results, constants, logging, the configuration and CGI emulation.

Most names come from `_apache`, the part of this module that is built into httpd; they are missing where the module is
imported outside httpd, as tools and tests may do. `sys` and `os` are here on purpose: the expression of a PythonPath
directive is evaluated in this namespace.
"""

import io
import os
import re
import sys

try:
    import _apache
    from _apache import *  # noqa: F403 - the constants and functions of the server are this module's own names
except ImportError:
    _apache = None
else:
    make_table = _apache.table
    ximport_module = _apache.import_module

_METHOD_NAMES = {
    number: name[2:].replace("_", "-")
    for name, number in vars(_apache).items()
    if name.startswith("M_") and name != "M_INVALID"
} if _apache else {}


def allow_methods(req, *methods):
    """Make `methods`, names such as "GET" or constants such as M_GET, the ones that the Allow header lists.

    Raises KeyError for a number that is no method.
    """
    names = [method if isinstance(method, str) else _METHOD_NAMES[method] for method in methods]
    req.allow_methods(names, 1)


def resolve_object(module, obj_str, arg=None, silent=0):
    """The object that the dotted name `obj_str` means in `module`.

    A class on the way is instantiated with `arg`, and the name is looked up in the instance. If a name is missing
    the answer is None when `silent`, else AttributeError is raised.
    """
    obj = module
    for name in obj_str.split("."):
        parent = obj
        try:
            obj = getattr(parent, name)
        except AttributeError:
            if silent:
                return None
            where = getattr(module, "__file__", None) or module.__name__
            raise AttributeError(f"module '{where}' contains no '{obj_str}'") from None
        if isinstance(parent, type):
            obj = getattr(parent(arg), name)
    return obj


def get_current_config():
    """The values of directives for the request whose handler runs on this thread, else the main server's: a table."""
    req = _apache.current_request()
    return _apache.main_server.get_config() if req is None else req.get_config()


def get_current_options():
    """The values of PythonOption for the request whose handler runs on this thread, else the main server's: a table."""
    req = _apache.current_request()
    return _apache.main_server.get_options() if req is None else req.get_options()


def modules_graph(verbose=0):
    """The modules of the running application and the imports between them, as text for Graphviz.

    With `verbose` each module shows its file and the generation that made it.
    """
    return _apache.reload_dot(bool(verbose))


def request_modules_graph(req, verbose=0):
    """The same for the modules that the handlers of the request import, and what those import."""
    return _apache.reload_dot(bool(verbose), req)


def module_mtime(module):
    """The time of the last change of the module's file, or of its source if that is newer; 0 if it has none."""
    path = getattr(module, "__file__", None)
    if not path:
        return 0
    candidates = [path, path[:-1]] if path.endswith((".pyc", ".pyo")) else [path]
    return max(map(_mtime, candidates))


def _mtime(path):
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0


def build_cgi_env(req):
    """The CGI environment of the request, as a table of its own.

    Authorization is part of it, as the script runs inside the server anyway and has to check it itself.
    """
    req.add_cgi_vars()
    env = req.subprocess_env.copy()
    env["GATEWAY_INTERFACE"] = "Python-CGI/1.1"
    env["SCRIPT_NAME"] = _script_name(req.uri, req.path_info)
    authorization = req.headers_in.get("Authorization")
    if authorization is not None:
        env["HTTP_AUTHORIZATION"] = authorization
    return env


def _script_name(uri, path_info):
    if path_info and uri.endswith(path_info):
        return uri[: -len(path_info)]
    return uri


def setup_cgi(req):
    """Make the process look like a CGI script's: environment, standard input and output, and an empty argv.

    Answers what `restore_nocgi` takes. All of this is shared by the interpreter's threads: hold a lock meanwhile.
    """
    saved = dict(os.environ), sys.stdin, sys.stdout
    for name, value in build_cgi_env(req).items():
        if value is not None:
            os.environ[name] = value
    sys.stdin = CGIStdin(req)
    sys.stdout = CGIStdout(req)
    sys.argv = []
    return saved


def restore_nocgi(env, stdin, stdout):
    """Undo `setup_cgi`: the environment and the two streams are what they were before."""
    for name in set(os.environ).difference(env):
        del os.environ[name]
    os.environ.update(env)
    sys.stdin = stdin
    sys.stdout = stdout


class NullIO:
    """A text stream that is always empty and forgets what is written to it.

    It is no `io` class, as those flush and close when they are collected, which can be after their request's end.
    """

    encoding = "utf-8"
    errors = "surrogateescape"
    closed = False

    def read(self, size=-1):
        """Nothing."""
        return ""

    def readline(self, size=-1):
        """Nothing."""
        return ""

    def readlines(self, hint=-1):
        """Nothing."""
        return []

    def write(self, text):
        """Forget `text`."""
        return len(text)

    def writelines(self, lines):
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self):
        """Nothing waits to be flushed."""

    def close(self):
        """The stream belongs to the request and stays open as long as that lives."""

    def isatty(self):
        """False: nobody sits at the other end."""
        return False

    def readable(self):
        """True: reading is harmless."""
        return True

    def writable(self):
        """True: writing is harmless."""
        return True

    def seekable(self):
        """False: a stream of the network."""
        return False


class CGIStdin(io.TextIOWrapper):
    """The request's body as a script's standard input: text, and the bytes themselves through `.buffer`.

    Bytes that are not UTF-8 become surrogates, so that encoding with "surrogateescape" gives them back.
    """

    def __init__(self, req):
        super().__init__(io.BufferedReader(_RequestBody(req)), encoding="utf-8", errors="surrogateescape")


class _RequestBody(io.RawIOBase):
    """The body of a request as Python's raw stream."""

    def __init__(self, req):
        super().__init__()
        self._req = req

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._req.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class CGIStdout(NullIO):
    """The response as a script's standard output: header lines, a blank line, the body.

    Text is sent as UTF-8; bytes may be written here or to `.buffer`, in any order. Reading gives nothing.
    """

    def __init__(self, req):
        self.buffer = _ScriptOutput(req)

    def write(self, text):
        """Write text or bytes; raises OSError when the client is gone."""
        self.buffer.write(text.encode(self.encoding, self.errors) if isinstance(text, str) else text)
        return len(text)

    def flush(self):
        """Send to the client what was written so far."""
        self.buffer.flush()

    def readable(self):
        """False: an output."""
        return False


class _ScriptOutput:
    """The byte side of `CGIStdout`: takes the header off the output and passes the rest on."""

    # The end of a line, or the very beginning, followed by a line without anything on it.
    _BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
    _LONGEST_END = len(b"\n\r\n")

    def __init__(self, req):
        self._req = req
        self._header = bytearray()
        self._in_body = False

    def write(self, data):
        """Write bytes; raises OSError when the client is gone."""
        if self._in_body:
            self._req.write(bytes(data), 0)
        else:
            self._collect(data)
        return len(data)

    def flush(self):
        """Send to the client what was written so far; nothing can be sent before the header is complete."""
        if self._in_body:
            self._req.flush()

    def _collect(self, data):
        # Only the new bytes, and those that could begin the blank line, are searched: no header is read twice.
        start = max(0, len(self._header) - self._LONGEST_END + 1)
        self._header += data
        blank = self._BLANK_LINE.search(self._header, start)
        if blank is None:
            return
        lines = self._header[: blank.start()].decode("utf-8", "replace")
        body = bytes(self._header[blank.end() :])
        self._header = None
        self._in_body = True
        for line in lines.split("\n"):
            self._set_header(line)
        self._req.write(body, 0)

    def _set_header(self, line):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            return
        if name.lower() == "status":
            self._req.status = int(value.split()[0])
        elif name.lower() == "content-type":
            self._req.content_type = value
        else:
            self._req.headers_out.add(name, value)
