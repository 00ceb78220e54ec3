"""What a save costs: the time to the first fresh response, and the module bodies that ran."""
import json
import time

from client import Connection
from toolchain import BenchError
from tree import BASE, LEAF

MODULES = 1000
FRESH_SECONDS = 120
# Requests whose median says what a response costs when nothing has changed.
IDLE_REQUESTS = 200
# Time between repeats, longer than the grain of file times.
PAUSE_SECONDS = 0.1


class Reload:
    """The outcome of several saves of one module. Times are in seconds."""

    def __init__(self, title, expected, idle):
        self.title, self.expected, self.idle = title, expected, idle
        self.times, self.stale, self.executions = [], [], []


class Page:
    """The page under test on one keep-alive connection to a server of one child."""

    def __init__(self, server, url):
        self.connection = Connection(server.port, FRESH_SECONDS)
        self.server, self.url = server, url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def values(self):
        """The leaf as seen through either of its importers, which must agree, and the base."""
        left, right, base = map(int, self._body(self.url).split())
        if left != right:
            raise BenchError('a response shows half of an edit: %d and %d' % (left, right))
        return left, base

    def executed(self):
        """The names of the module bodies that ran since the last call."""
        return json.loads(self._body(self.url + '?executed'))

    def idle(self):
        """The median time of a response while nothing changes."""
        times = []
        for _ in range(IDLE_REQUESTS):
            start = time.perf_counter()
            self.values()
            times.append(time.perf_counter() - start)
        return sorted(times)[len(times) // 2]

    def _body(self, url):
        response = self.connection.get(url)
        if response.status != 200:
            raise BenchError('the page answered %d:\n%s' % (response.status, self.server.log()))
        return response.body


def leaf(server, url, tree, repeats):
    """Save a leaf with three dependents among all the modules of the tree."""
    with Page(server, url) as page:
        outcome = Reload('a leaf with 3 dependents', 4, page.idle())
        _save(page, tree, 'leaf', LEAF, lambda: page.values()[0], outcome, repeats)
    return outcome


def whole_tree(server, url, tree, repeats):
    """Save the module that all others but the packages' `__init__` files import."""
    with Page(server, url) as page:
        outcome = Reload('the module that all others import', tree.count - tree.packages, page.idle())
        _save(page, tree, 'base', BASE, lambda: page.values()[1], outcome, repeats)
    return outcome


def _save(page, tree, name, source, shown, outcome, repeats):
    """Save `name` again and again; each time ask back to back until the page shows it."""
    first = shown()
    page.executed()
    for value in range(first + 1, first + 1 + repeats):
        time.sleep(PAUSE_SECONDS)
        tree.save(name, source % value)
        saved = time.perf_counter()
        stale = 0
        while shown() != value:
            stale += 1
            if time.perf_counter() - saved > FRESH_SECONDS:
                raise BenchError('a save of %s was not seen in %d s:\n%s'
                                 % (name, FRESH_SECONDS, page.server.log()))
        outcome.times.append(time.perf_counter() - saved)
        outcome.stale.append(stale)
        outcome.executions.append(len(page.executed()))
