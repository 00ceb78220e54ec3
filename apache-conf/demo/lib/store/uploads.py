"""Uploaded files. A file is kept under the number that the database gave it, never under a name that a client chose."""

import collections
import datetime
import os
import re

from .database import connect

MAX_SIZE = 1024 * 1024
MAX_FILES = 50

Upload = collections.namedtuple("Upload", "id written name size path")


class Refused(Exception):
    """An upload that is not kept; its text is for the visitor."""


def add_upload(directory, filename, file):
    """Keep the upload that `file` reads, under a name made safe for showing and for saving at a visitor's."""
    # One byte more than allowed tells a file that is too large, without reading all of it.
    content = file.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise Refused("This file is larger than %d KiB." % (MAX_SIZE // 1024))
    written = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    with connect(directory) as connection:
        (count,) = connection.execute("SELECT count(*) FROM upload").fetchone()
        if count >= MAX_FILES:
            raise Refused("There are %d files here already; no more are taken." % MAX_FILES)
        cursor = connection.execute(
            "INSERT INTO upload (written, name, size) VALUES (?, ?, ?)", (written, safe_name(filename), len(content))
        )
        # Inside the transaction: a file that cannot be written leaves no row behind.
        with open(_path(directory, cursor.lastrowid), "wb") as kept:
            kept.write(content)


def find_upload(directory, number):
    """The upload of that number, or None."""
    with connect(directory) as connection:
        row = connection.execute("SELECT id, written, name, size FROM upload WHERE id = ?", (number,)).fetchone()
    return _upload(directory, row) if row else None


def latest_uploads(directory):
    """All uploads, the newest first."""
    with connect(directory) as connection:
        rows = connection.execute("SELECT id, written, name, size FROM upload ORDER BY id DESC").fetchall()
    return [_upload(directory, row) for row in rows]


def safe_name(filename):
    """The last part of a client's file name, reduced to characters that mean nothing to a shell, a path or a header."""
    last = re.split(r"[/\\]", filename)[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._")[-80:] or "unnamed"


def _upload(directory, row):
    return Upload(*row, path=_path(directory, row[0]))


def _path(directory, number):
    return os.path.join(directory, "upload-%d" % number)
