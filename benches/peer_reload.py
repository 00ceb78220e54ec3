"""The same edits to mod_python_rs, mod_python and mod_wsgi: what each needs to show them, and how long it takes."""
import glob
import os
import re
import shutil
import time

from client import Connection
from peers import python_of
from reload_cost import MODULES
from toolchain import BenchError, run
from tree import LEAF, Tree, save

# What is not seen in this time, while requests come back to back, counts as never seen.
NEVER_SECONDS = 5
SAVES = 5
# mod_python and mod_wsgi tell files apart by times that may be as coarse as a second.
PAUSE_SECONDS = 1.1
FIRST_RESPONSE_SECONDS = 120


class Edits:
    """Several saves of one file under one server. `errors` are answers other than 200, and connections lost."""

    def __init__(self, title, edited):
        self.title, self.edited = title, edited
        self.times, self.stale, self.errors, self.never = [], [], [], False


class Visitor:
    """Asks for a page, whatever becomes of the connection."""

    def __init__(self, server, url):
        self.server, self.url, self.connection = server, url, None

    def shown(self):
        """The numbers of the page, or None when there was no good answer."""
        try:
            if self.connection is None:
                self.connection = Connection(self.server.port, FIRST_RESPONSE_SECONDS)
            response = self.connection.get(self.url)
        except (OSError, ValueError):
            self.close()
            return None
        return list(map(int, response.body.split())) if response.status == 200 else None

    def close(self):
        """Close the connection, if there is one."""
        if self.connection:
            self.connection.close()
        self.connection = None


def pages(server, title, url):
    """Edits of a published page, and of the module that it imports."""
    return [_edits(server, url, title, 'the page', 0, _setter(server, 'edited_page')),
            _edits(server, url, title, 'a module that it imports', 1, _setter(server, 'edited_part'))]


def daemons(server, title, url):
    """Edits of a WSGI script, of the module that it imports, and of that module with a touch of the script."""
    script, part = _setter(server, 'edited_wsgi'), _setter(server, 'edited_part')

    def touched(value):
        part(value)
        os.utime(os.path.join(server.htdocs, 'edited_wsgi.py'))

    return [_edits(server, url, title, 'the script (the daemon restarts)', 0, script),
            _edits(server, url, title, 'a module that it imports, and a touch of the script', 1, touched),
            _edits(server, url, title, 'a module that it imports, without a touch', 1, part)]


def daemon_of_tree(server, title, url):
    """Edits of the leaf of a whole tree, each with a touch of the script."""
    tree = Tree(server.htdocs, MODULES)

    def touched(value):
        tree.save('leaf', LEAF % value)
        os.utime(os.path.join(server.htdocs, 'tree_wsgi.py'))

    edited = 'the leaf of {:,} modules, and a touch of the script'.format(MODULES)
    return [_edits(server, url, title, edited, 0, touched)]


def write_tree(server, module):
    """Write the tree for a peer, with the bytecode that an installed application has."""
    Tree(server.htdocs, MODULES).write()
    # The peer's Python may not write there, and bytecode must not be taken for that of a later edit.
    old = time.time() - 60
    for path in glob.glob(os.path.join(server.htdocs, 'tree', '**', '*.py'), recursive=True):
        os.utime(path, (old, old))
    python = shutil.which('python' + python_of(module))
    if python:
        run([python, '-m', 'compileall', '-q', os.path.join(server.htdocs, 'tree')])


def _setter(server, name):
    """A function that saves a file of the site with another value."""
    path = os.path.join(server.htdocs, name + '.py')

    def edit(value):
        with open(path) as file:
            source = file.read()
        save(path, re.sub(r'(?m)^VALUE = \d+$', 'VALUE = %d' % value, source))
    return edit


def _edits(server, url, title, edited, place, edit):
    """Save again and again; each time ask back to back until the number at `place` of the page is the new one."""
    outcome = Edits(title, edited)
    visitor = Visitor(server, url)
    try:
        first = visitor.shown()
        if first is None:
            raise BenchError('%s does not answer:\n%s' % (title, server.log()))
        for value in range(first[place] + 1, first[place] + 1 + SAVES):
            time.sleep(PAUSE_SECONDS)
            edit(value)
            saved = time.perf_counter()
            stale = errors = 0
            while True:
                numbers = visitor.shown()
                taken = time.perf_counter() - saved
                if numbers and numbers[place] == value:
                    outcome.times.append(taken)
                    break
                if taken > NEVER_SECONDS:
                    outcome.never = True
                    break
                stale += numbers is not None
                errors += numbers is None
            outcome.stale.append(stale)
            outcome.errors.append(errors)
            if outcome.never:
                break
    finally:
        visitor.close()
    return outcome
