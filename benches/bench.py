#!/usr/bin/env python3
"""The benchmark: what a request costs, and what a save costs, against a C handler and the peers.

Every contestant has an httpd of its own on loopback. All of an MPM's servers run at once and are
measured one at a time, in rounds, so that whatever the machine does besides hits all of them alike.
Run as `make bench`, or see `python3 benches/bench.py --help`. Linux only.
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile

# The repository stays free of bytecode. Must precede the imports of the files beside this one.
sys.dont_write_bytecode = True

import contestants  # noqa: E402
import engine_cost  # noqa: E402
import measure  # noqa: E402
import peer_reload  # noqa: E402
import reload_cost  # noqa: E402
import report  # noqa: E402
from httpd import Httpd, Sizing  # noqa: E402
from peers import Peers, python_of  # noqa: E402
from toolchain import REPOSITORY, BenchError, Toolchain  # noqa: E402
from tree import FanTree, Tree  # noqa: E402

MPMS = ('event', 'prefork')
OURS = ('hello', 'publisher', 'hello-1000', 'hello-10000')
PEERS = ('mod_python', 'mod_python-publisher', 'mod_wsgi')
# What shares one server and one tree.
RELOADS = {'reload-leaf': reload_cost.leaf, 'reload-tree': reload_cost.whole_tree,
           'reload-comment': reload_cost.comment, 'reload-failing': reload_cost.failing}
ENGINE = ('engine', 'reload-affected', 'reload-whole', 'reload-peers')
LOADED = ('floor', 'static') + OURS + PEERS
NAMES = LOADED + tuple(RELOADS) + ENGINE


def listed(allowed):
    """An argparse type: names separated by commas, each one of those allowed."""
    def names(text):
        found = tuple(filter(None, text.split(',')))
        for name in found:
            if name not in allowed:
                raise argparse.ArgumentTypeError('%r is none of %s' % (name, ', '.join(allowed)))
        return found
    return names


def parse(arguments):
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--module', metavar='SO', help='mod_python_rs, as built',
                        default=os.path.join(REPOSITORY, 'target/release/libmod_python_rs.so'))
    parser.add_argument('--rounds', type=int, default=5, metavar='N')
    parser.add_argument('--duration', type=int, default=3, metavar='SECONDS',
                        help='of each measurement (default: 3)')
    parser.add_argument('--connections', type=int, default=4, metavar='N',
                        help='keep-alive connections of wrk (default: 4)')
    parser.add_argument('--saves', type=int, default=20, metavar='N',
                        help='saves of each file whose reload is timed (default: 20)')
    parser.add_argument('--mpm', type=listed(MPMS), default=MPMS, metavar='NAMES',
                        help='of ' + ','.join(MPMS))
    parser.add_argument('--only', type=listed(NAMES), default=NAMES, metavar='NAMES',
                        help='of ' + ','.join(NAMES) + '; the floor is always measured along')
    parser.add_argument('--peers', action=argparse.BooleanOptionalAction, default=True,
                        help='measure mod_python and mod_wsgi too, fetched as Debian packages')
    parser.add_argument('--cache', default=os.path.join(REPOSITORY, 'target/peers'), metavar='DIR',
                        help="where the peers' packages are kept")
    parser.add_argument('--out', default=os.path.join(REPOSITORY, 'docs/performance.md'),
                        metavar='FILE', help='whose marked part is replaced; - for none')
    options = parser.parse_args(arguments)
    for name in ('rounds', 'duration', 'connections', 'saves'):
        if getattr(options, name) < 1:
            parser.error('--%s must be at least 1' % name)
    if not options.peers:
        options.only = tuple(name for name in options.only if name not in PEERS + ('reload-peers',))
    # Prefork serves a connection per child: more of them would wait for a child, not for an answer.
    most = Sizing.of_throughput('prefork').workers
    if options.connections > most:
        parser.error('--connections must be at most %d' % most)
    return options


class Bench:
    """One run: its scratch directory, its servers, its results."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.tools = Toolchain()
        self.module = os.path.abspath(options.module)
        self.versions = self.tools.versions()
        self.floor = self.peers = None
        self.contestants = self._contestants()
        self.running = []

    def run(self):
        """All MPMs, one after the other; returns their results."""
        return [self._mpm(mpm) for mpm in self.options.mpm]

    def stop_all(self):
        """Stop every server that is running."""
        while self.running:
            self.running.pop().stop()

    def _contestants(self):
        """Those to be measured under load, the floor first."""
        wanted = set(self.options.only)
        if wanted.difference(PEERS, ('floor', 'static')):
            if not os.path.exists(self.module):
                raise BenchError('%s does not exist: build it first (cargo build --release)'
                                 % self.options.module)
            self.versions['Python of mod_python_rs'] = python_of(self.module)
        if wanted.intersection(LOADED + ('engine',)):
            self.floor = self.tools.build_floor(self._directory('floor'))
        if wanted.intersection(PEERS + ('reload-peers',)):
            self.peers = Peers(self.options.cache, self.scratch)
            self.versions.update(self.peers.versions())
            self.versions['Python of the peers'] = python_of(self.peers.mod_python)
        if not wanted.intersection(LOADED):
            return []
        found = contestants.baseline(self.floor) + contestants.ours(self.module)
        if wanted.intersection(PEERS):
            found += contestants.peers(self.peers)
        return [one for one in found if one.name in wanted | {'floor'}]

    def _directory(self, *names):
        path = os.path.join(self.scratch, *names)
        os.makedirs(path)
        return path

    def _server(self, contestant, sizing, directory):
        """An httpd for a contestant, not yet started; its site is not yet written."""
        root = self._directory(directory, contestant.name)
        return Httpd(self.tools, sizing, root, contestant.load, contestant.site,
                     contestant.environment)

    def _start(self, server):
        # Noted before it starts: a start that fails half-way is stopped too.
        self.running.append(server)
        server.start()

    def _mpm(self, mpm):
        results = report.Results(Sizing.of_throughput(mpm), Sizing.of_one_process(mpm), self.contestants)
        for part in (self._throughput, self._engine, self._reloads, self._affected, self._wholes,
                     self._peer_reloads):
            try:
                part(results)
            finally:
                self.stop_all()
        # Ten thousand files need not wait for the end of the run.
        shutil.rmtree(os.path.join(self.scratch, mpm), ignore_errors=True)
        return results

    def _throughput(self, results):
        mpm = results.sizing.mpm
        servers = {}
        for contestant in self.contestants:
            say('%s: starting %s' % (mpm, contestant.name))
            server = servers[contestant] = self._server(contestant, results.sizing, mpm)
            contestant.write_site(server.htdocs)
            self._start(server)
            results.sizes[contestant.name] = measure.verify(server, contestant)
            measure.warm_up(self.tools, server, contestant)
        for number in range(self.options.rounds):
            # Each round begins one place further on: no contestant always follows the same one first.
            turn = number % len(self.contestants) if self.contestants else 0
            for contestant in self.contestants[turn:] + self.contestants[:turn]:
                sample = measure.measure(self.tools, servers[contestant], contestant,
                                         self.options.connections, self.options.duration)
                results.samples[contestant.name].append(sample)
                say('%s: round %d of %d, %s: %.0f requests/s, %.1f us of CPU each' % (
                    mpm, number + 1, self.options.rounds, contestant.name, sample.rate,
                    sample.cpu * 1e6))
        for contestant, server in servers.items():
            measure.verify(server, contestant)

    def _engine(self, results):
        if 'engine' not in self.options.only:
            return
        servers = {}
        for contestant in contestants.engine(self.module, self.floor):
            say('%s: engine, starting %s' % (results.one_process.mpm, contestant.name))
            server = self._server(contestant, results.one_process, results.one_process.mpm + '/engine')
            contestant.write_site(server.htdocs)
            self._start(server)
            measure.verify(server, contestant)
            results.engine[contestant.name] = report.EngineCost(contestant.title)
            servers[contestant.name] = server
        say('%s: engine, %d slices of %d requests each' % (
            results.one_process.mpm, engine_cost.SLICES, engine_cost.REQUESTS))
        for name, slices in engine_cost.slices(servers, '/hello').items():
            results.engine[name].slices = slices
        try:
            for name, server in servers.items():
                say('%s: engine, system calls of %s' % (results.one_process.mpm, name))
                results.engine[name].calls = engine_cost.system_calls(server, '/hello')
        except engine_cost.CannotTrace as reason:
            say('system calls are not counted: %s' % reason)
            results.not_traced = str(reason)

    def _reload_server(self, results, name, handler, tree_type, modules):
        """A server of one child with a generated tree; returns it, the URL of its page and the tree."""
        page = contestants.reload_page(self.module, name, handler)
        server = self._server(page, results.one_process, results.one_process.mpm)
        page.write_site(server.htdocs)
        tree = tree_type(server.htdocs, modules)
        tree.write()
        self._start(server)
        return server, page.url, tree

    def _reloads(self, results):
        wanted = [name for name in RELOADS if name in self.options.only]
        if not wanted:
            return
        where = self._reload_server(results, 'reload', 'page', Tree, reload_cost.MODULES)
        for name in wanted:
            say('%s: %s' % (results.one_process.mpm, name))
            results.reloads[name] = RELOADS[name](*where, self.options.saves)

    def _affected(self, results):
        if 'reload-affected' in self.options.only:
            say('%s: reload-affected' % results.one_process.mpm)
            where = self._reload_server(results, 'affected', 'fans', FanTree, reload_cost.FAN_MODULES)
            results.affected = reload_cost.affected(*where, self.options.saves)

    def _wholes(self, results):
        if 'reload-whole' not in self.options.only:
            return
        for modules in reload_cost.WHOLES:
            say('%s: reload-whole, %d modules' % (results.one_process.mpm, modules))
            where = self._reload_server(results, 'whole-%d' % modules, 'page', Tree, modules)
            results.wholes[modules] = reload_cost.leaf(*where, self.options.saves)
            self.stop_all()

    def _peer_reloads(self, results):
        if 'reload-peers' not in self.options.only:
            return
        pages = contestants.edited_pages(self.module, self.peers)
        daemon, daemon_of_tree = contestants.edited_daemons(self.peers)
        for contestant, edits in [(page, peer_reload.pages) for page in pages] + [
                (daemon, peer_reload.daemons), (daemon_of_tree, peer_reload.daemon_of_tree)]:
            say('%s: reload-peers, %s' % (results.one_process.mpm, contestant.name))
            server = self._server(contestant, results.one_process, results.one_process.mpm)
            contestant.write_site(server.htdocs)
            if contestant is daemon_of_tree:
                peer_reload.write_tree(server, self.peers.mod_wsgi)
            self._start(server)
            results.peer_edits += edits(server, contestant.title, contestant.url)
            self.stop_all()


def say(text):
    """Progress, for whoever waits; the report alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def leave(number, _frame):
    """A signal becomes an exception, so that the servers are stopped on the way out."""
    sys.exit(128 + number)


def main(arguments):
    """Run, print the report and put it in its place."""
    options = parse(arguments)
    options.load_before = os.getloadavg()[0]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    # All files must be readable by httpd's User.
    os.umask(0o022)
    scratch = tempfile.mkdtemp(prefix='mod_python_rs-bench-')
    os.chmod(scratch, 0o755)
    try:
        if options.out != '-':
            # Better to fail here than after the measurements.
            report.surroundings(options.out)
        bench = Bench(options, scratch)
        lines = report.render(bench.run(), options, bench.versions)
        print('\n'.join(lines))
        if options.out != '-':
            report.place(options.out, lines)
    except BenchError as error:
        sys.exit('bench: %s' % error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main(sys.argv[1:])
