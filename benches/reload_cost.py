"""What a save costs: the time to the first fresh response, and the module bodies that ran."""
import json
import os
import time

from client import Connection
from toolchain import BenchError
from tree import BASE, FANS, LEAF, save

MODULES = 1000
# The tree whose affected sets differ, and the trees whose affected set does not.
FAN_MODULES = 2000
WHOLES = (100, 1000, 10000)
FRESH_SECONDS = 120
# Requests whose median says what a response costs when nothing has changed.
IDLE_REQUESTS = 200
# Time between repeats, longer than the grain of file times.
PAUSE_SECONDS = 0.1


class Reload:
    """The outcome of several saves of one module. Times are in seconds.

    `stale` is empty where nothing gets fresh, `expected` is None where the number of bodies is open.
    """

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
        left, right, base = map(int, self.body().split())
        if left != right:
            raise BenchError('a response shows half of an edit: %d and %d' % (left, right))
        return left, base

    def fan(self, size):
        """The value of a fan as all of its spokes show it."""
        values = json.loads(self.body())[str(size)]
        if len(values) != 1:
            raise BenchError('a response shows half of an edit: %s' % values)
        return values[0]

    def executed(self):
        """The names of the module bodies that ran since the last call."""
        return json.loads(self.body('?executed'))

    def idle(self):
        """The median time of a response while nothing changes. The first one, which loads, is left out."""
        self.body()
        times = []
        for _ in range(IDLE_REQUESTS):
            start = time.perf_counter()
            self.body()
            times.append(time.perf_counter() - start)
        return sorted(times)[len(times) // 2]

    def body(self, query=''):
        """The body of a response, which must be a good one."""
        response = self.connection.get(self.url + query)
        if response.status != 200:
            raise BenchError('the page answered %d:\n%s' % (response.status, self.server.log()))
        return response.body


def leaf(server, url, tree, repeats):
    """Save a leaf with three dependents among all the modules of the tree."""
    with Page(server, url) as page:
        outcome = Reload('a leaf with 3 dependents', 4, page.idle())
        _until_fresh(page, lambda value: tree.save('leaf', LEAF % value), lambda: page.values()[0],
                     outcome, repeats)
    return outcome


def whole_tree(server, url, tree, repeats):
    """Save the module that all others but the packages' `__init__` files import."""
    with Page(server, url) as page:
        outcome = Reload('the module that all others import', tree.count - tree.packages, page.idle())
        _until_fresh(page, lambda value: tree.save('base', BASE % value), lambda: page.values()[1],
                     outcome, repeats)
    return outcome


def comment(server, url, tree, repeats):
    """Save the leaf with another comment: there is nothing to run."""
    with Page(server, url) as page:
        outcome = Reload('a comment in that leaf (to the first response)', 0, page.idle())
        value = page.values()[0]
        _first_response(page, lambda number: tree.save('leaf', LEAF % value + '# %d\n' % number),
                        outcome, repeats)
    return outcome


def failing(server, url, tree, repeats):
    """Save the leaf with an error after its first line: the old code goes on. It is mended at the end."""
    with Page(server, url) as page:
        # How many bodies begin before the error is met is nobody's promise.
        outcome = Reload('an error in that leaf (to the first response, by the old code)', None, page.idle())
        value = page.values()[0]
        _first_response(page, lambda number: tree.save('leaf', LEAF % value + 'raise RuntimeError(%d)\n' % number),
                        outcome, repeats)
        tree.save('leaf', LEAF % (value + 1))
        _ask_until(page, lambda: page.values()[0] == value + 1)
    return outcome


def affected(server, url, tree, repeats):
    """For each size of the affected set: save the module that many depend on, itself and the handler included."""
    path = os.path.join(server.htdocs, 'fans.py')
    with open(path) as handler:
        source = handler.read()

    def edit(size, value):
        if size == 1:
            save(path, source.replace('\nVALUE = 0\n', '\nVALUE = %d\n' % value))
        else:
            tree.edit(size, value)

    outcomes = {}
    with Page(server, url) as page:
        idle = page.idle()
        for size in (1,) + FANS:
            outcomes[size] = outcome = Reload(str(size), size, idle)
            _until_fresh(page, lambda value: edit(size, value), lambda: page.fan(size), outcome, repeats)
    return outcomes


def _until_fresh(page, edit, shown, outcome, repeats):
    """Save again and again; each time ask back to back until the page shows it."""
    first = shown()
    page.executed()
    for value in range(first + 1, first + 1 + repeats):
        time.sleep(PAUSE_SECONDS)
        edit(value)
        taken, stale = _ask_until(page, lambda: shown() == value)
        outcome.times.append(taken)
        outcome.stale.append(stale)
        outcome.executions.append(len(page.executed()))


def _ask_until(page, fresh):
    """Ask until the page is fresh; the time that took, and how many responses were not."""
    saved = time.perf_counter()
    stale = 0
    while not fresh():
        stale += 1
        if time.perf_counter() - saved > FRESH_SECONDS:
            raise BenchError('a save was not seen in %d s:\n%s' % (FRESH_SECONDS, page.server.log()))
    return time.perf_counter() - saved, stale


def _first_response(page, edit, outcome, repeats):
    """Save what must not change the page; the time of the first response after it."""
    before = page.values()
    page.executed()
    for number in range(1, 1 + repeats):
        time.sleep(PAUSE_SECONDS)
        edit(number)
        saved = time.perf_counter()
        if page.values() != before:
            raise BenchError('a save that must not be seen was seen:\n%s' % page.server.log())
        outcome.times.append(time.perf_counter() - saved)
        outcome.executions.append(len(page.executed()))
