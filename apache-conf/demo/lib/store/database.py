"""The sqlite database, one connection per use: a connection must not wander between httpd's threads."""

import contextlib
import os
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, written TEXT NOT NULL, name TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS upload (id INTEGER PRIMARY KEY, written TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL);
"""


def directory(req):
    """The directory that the configuration names; a request cannot choose it."""
    path = req.get_options().get("demo.data", "")
    if not os.path.isdir(path):
        raise RuntimeError("PythonOption demo.data must name a directory that httpd's User may write; it is %r" % path)
    return path


@contextlib.contextmanager
def connect(path):
    """A connection inside one transaction: committed at the end, rolled back after an exception, closed either way."""
    # Several children may write at once; sqlite lets one of them in, and the others wait up to the timeout.
    with contextlib.closing(sqlite3.connect(os.path.join(path, "demo.sqlite"), timeout=10)) as connection:
        connection.executescript(SCHEMA)
        with connection:
            yield connection
