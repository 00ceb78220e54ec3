#!/usr/bin/env python3
"""Count the user-space instructions of a request, under valgrind's callgrind.

Unlike the time of a request, the count does not depend on what else the machine does, so two builds of the
module can be compared by it. It is a count, not a time: system calls and cache misses cost nothing here.

Each contestant has an httpd of its own, prefork with one child, and one kept-alive connection. After a warm-up
the counters are read before and after windows of requests sent one after the other; the smallest window counts. All threads of the child count along, what they do in the background too.
Run as `make count`, or see `python3 benches/count.py --help`. Linux only.
"""
import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile

# The repository stays free of bytecode. Must precede the imports of the files beside this one.
sys.dont_write_bytecode = True

import contestants  # noqa: E402
from client import Connection  # noqa: E402
from httpd import Httpd, Sizing  # noqa: E402
from toolchain import REPOSITORY, BenchError, Toolchain, find, run  # noqa: E402

# More than it takes until Python has specialised its bytecode and httpd's pools have their final size.
WARM_UP_REQUESTS = 1000
RESPONSE_SECONDS = 300


class Row:
    """What is asked of one server, and how many instructions each window took."""

    def __init__(self, contestant, name, title, url, form=None):
        self.contestant = contestant
        self.name, self.title = name, title
        self.url, self.form = url, form
        self.windows = []

    def ask(self, connection):
        """One request; its response must be the right one."""
        response = connection.get(self.url) if self.form is None else connection.post(self.url, self.form)
        if response.status != 200 or response.body != self.contestant.body:
            raise BenchError('%s answered wrongly:\n%s' % (
                self.name, (response.head + response.body).decode('latin-1')))

    def per_request(self, requests):
        """The instructions of a request in the smallest window."""
        return min(self.windows) / requests

    def spread(self):
        """By which part of the smallest window the largest one exceeds it."""
        return max(self.windows) / min(self.windows) - 1


def rows(module, floor):
    """What is measured, the floor first."""
    hello, publisher = contestants.ours(module)[:2]
    path, _, query = publisher.url.partition('?')
    found = [Row(one, one.name, one.title, one.url)
             for one in (contestants.baseline(floor)[0], hello, publisher)]
    return found + [Row(publisher, 'post', 'publisher, POST of two fields', path, query)]


class Counter:
    """What callgrind counts between two marks, each of them a request that httpd itself refuses.

    callgrind writes its counts to a file, and begins anew, whenever httpd enters the function named below. A path
    with an escaped slash is answered 404 by it before any handler is asked. Thus a window begins and ends at the
    same instruction, and neither the module nor the configuration knows about it.
    """

    FUNCTION = 'ap_send_error_response'
    URL = '/%2F'

    def __init__(self, directory, connection):
        self.directory, self.connection = directory, connection
        self.seen = set()
        self.mark()
        # Each window contains what is left of one mark and the beginning of the next.
        self.own = self.read()

    def mark(self):
        """Set a mark; returns the name of the file with the counts up to it."""
        response = self.connection.get(self.URL)
        if response.status != 404:
            raise BenchError('the mark was answered %d' % response.status)
        # A process id and a number; the file without a number is what a process writes at its end.
        new = {name for name in os.listdir(self.directory) if '.' in name} - self.seen
        self.seen |= new
        if len(new) != 1:
            raise BenchError('callgrind wrote %d files at a mark, not one' % len(new))
        return new.pop()

    def read(self):
        """The instructions since the last mark, of all threads; sets the next mark."""
        with open(os.path.join(self.directory, self.mark())) as dump:
            return int(re.search(r'^totals: (\d+)$', dump.read(), re.MULTILINE).group(1))


def count(server, row, directory, windows, requests):
    """Fill the row's windows from a running server."""
    with Connection(server.port, RESPONSE_SECONDS) as connection:
        for _ in range(WARM_UP_REQUESTS):
            row.ask(connection)
        counter = Counter(directory, connection)
        for _ in range(windows):
            for _ in range(requests):
                row.ask(connection)
            row.windows.append(counter.read() - counter.own)


class Run:
    """One run: its scratch directory, and a server after the other."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.tools = Toolchain()
        self.valgrind = find(['valgrind'], 'valgrind')

    def rows(self):
        """All rows, counted."""
        if not os.path.exists(self.options.module):
            raise BenchError('%s does not exist: build it first (make build)' % self.options.module)
        found = rows(os.path.abspath(self.options.module), self.tools.build_floor(self._directory('floor')))
        for row in found:
            say('count: %s, %d windows of %d requests' % (
                row.name, self.options.windows, self.options.requests))
            self._count(row)
        return found

    def _count(self, row):
        dumps = self._directory('dumps', row.name)
        if self.tools.user:
            shutil.chown(dumps, self.tools.user, self.tools.group)
        wrapper = [self.valgrind, '--tool=callgrind', '--quiet', '--dump-before=' + Counter.FUNCTION,
                   '--callgrind-out-file=%s/%%p' % dumps]
        server = Httpd(self.tools, Sizing.of_one_process('prefork'), self._directory('servers', row.name),
                       row.contestant.load, row.contestant.site, row.contestant.environment, wrapper)
        row.contestant.write_site(server.htdocs)
        try:
            server.start()
            count(server, row, dumps, self.options.windows, self.options.requests)
        except OSError as error:
            raise BenchError('%s: %s\n%s' % (row.name, error, server.log())) from None
        finally:
            server.stop()

    def _directory(self, *names):
        path = os.path.join(self.scratch, *names)
        os.makedirs(path)
        return path


def table(found, requests):
    """The rows as text: the floor as it is, everything else over the floor."""
    floor = found[0].per_request(requests)
    lines = ['%-28s %22s %10s' % ('', 'instructions/request', 'spread')]
    for row in found:
        own = row.per_request(requests)
        shown = '{:,.0f}'.format(own) if row is found[0] else '{:+,.0f}'.format(own - floor)
        lines.append('%-28s %22s %9.2f%%' % (row.title, shown, row.spread() * 100))
    return lines


def as_json(found, options):
    """The rows for a program: every window, and what the table says."""
    floor = found[0].per_request(options.requests)
    return json.dumps({
        'module': os.path.abspath(options.module), 'requests': options.requests,
        'rows': [{'name': row.name, 'windows': row.windows, 'per_request': row.per_request(options.requests),
                  'over_floor': row.per_request(options.requests) - floor} for row in found],
    }, indent=2)


def parse(arguments):
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--module', metavar='SO', help='mod_python_rs, as built',
                        default=os.path.join(REPOSITORY, 'target/release/libmod_python_rs.so'))
    parser.add_argument('--windows', type=int, default=3, metavar='N', help='of each row (default: 3)')
    parser.add_argument('--requests', type=int, default=1000, metavar='N', help='of a window (default: 1000)')
    parser.add_argument('--json', action='store_true', help='print JSON and no table')
    options = parser.parse_args(arguments)
    if min(options.windows, options.requests) < 1:
        parser.error('--windows and --requests must be at least 1')
    return options


def say(text):
    """Progress, for whoever waits; the result alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def leave(number, _frame):
    """A signal becomes an exception, so that the server is stopped on the way out."""
    sys.exit(128 + number)


def main(arguments):
    """Count, and print the result."""
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    # All files must be readable by httpd's User.
    os.umask(0o022)
    scratch = tempfile.mkdtemp(prefix='mod_python_rs-count-')
    os.chmod(scratch, 0o755)
    try:
        found = Run(options, scratch).rows()
        print(as_json(found, options) if options.json else '\n'.join(table(found, options.requests)))
    except BenchError as error:
        sys.exit('count: %s' % error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main(sys.argv[1:])
