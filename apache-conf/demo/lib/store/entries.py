"""The entries of the guest book."""

import collections
import datetime

from .database import connect

Entry = collections.namedtuple("Entry", "written name message")


def add_entry(directory, name, message):
    """Keep one entry, with the time of now."""
    written = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    with connect(directory) as connection:
        connection.execute("INSERT INTO entry (written, name, message) VALUES (?, ?, ?)", (written, name, message))


def latest_entries(directory, count):
    """The newest entries, the newest first."""
    with connect(directory) as connection:
        rows = connection.execute("SELECT written, name, message FROM entry ORDER BY id DESC LIMIT ?", (count,))
        return [Entry(*row) for row in rows]
