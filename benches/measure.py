"""Load and its cost: wrk on one side, the CPU time of httpd's processes on the other."""
import os
import time

from client import Connection
from toolchain import BENCHES, BenchError, run

FIRST_RESPONSE_SECONDS = 300
WARM_UP_SLICES = 60
# A child that used less than this in a slice of the warm-up served nothing in it.
SERVED_SECONDS = 0.001
# What idle children use in a twentieth of a second is far below this.
QUIET_SECONDS = 0.002


class Sample:
    """One measurement of one contestant."""

    def __init__(self, requests, seconds, cpu):
        self.rate = requests / seconds
        self.cpu = cpu / requests


def verify(server, contestant):
    """Check a response; returns its size. The first one may have ten thousand modules to load."""
    try:
        with Connection(server.port, FIRST_RESPONSE_SECONDS) as connection:
            response = connection.get(contestant.url)
    except (OSError, ValueError) as error:
        raise BenchError('%s gave no response (%s):\n%s'
                         % (contestant.name, error, server.log())) from None
    if response.status != 200 or response.body != contestant.body:
        raise BenchError('%s answered wrongly:\n%s%s\n%s' % (
            contestant.name, response.head.decode('latin-1'), response.body.decode('latin-1'),
            server.log()))
    return response.size


def warm_up(tools, server, contestant):
    """Load until every child has loaded what it needs and has served since."""
    parent = server.process.pid
    turns = {pid: 0 for pid in server.children()}
    for _ in range(WARM_UP_SLICES):
        before = server.cpu_seconds()
        # As many connections as there are workers, so that no child is left out for long.
        run_wrk(tools, server, contestant.url, server.sizing.workers, 1)
        wait_until_quiet(server)
        after = server.cpu_seconds()
        for pid in turns:
            turns[pid] += after.get(pid, 0) - before.get(pid, 0) > SERVED_SECONDS
        # Loading can fill a child's first turn; in a second one it has served.
        if all(count >= 2 for count in turns.values()):
            return
    raise BenchError('%s: these children of %d never got a request: %s' % (
        contestant.name, parent, [pid for pid, count in turns.items() if count < 2]))


def measure(tools, server, contestant, connections, seconds):
    """One measurement: a Sample."""
    before = server.cpu_seconds()
    requests, took, errors = run_wrk(tools, server, contestant.url, connections, seconds)
    # The last responses may still be on their way to closed connections.
    time.sleep(0.05)
    after = server.cpu_seconds()
    if errors or not requests:
        raise BenchError('%s: %d requests, %d errors under load:\n%s'
                         % (contestant.name, requests, errors, server.log()))
    if before.keys() != after.keys():
        raise BenchError('%s: children came or went under load:\n%s'
                         % (contestant.name, server.log()))
    return Sample(requests, took, sum(after.values()) - sum(before.values()))


def run_wrk(tools, server, url, connections, seconds):
    """Requests answered, seconds taken and errors of one run of wrk with one thread."""
    output = run([tools.wrk, '-t1', '-c%d' % connections, '-d%ds' % seconds, '--timeout', '60s',
                  '-s', os.path.join(BENCHES, 'wrk_summary.lua'),
                  'http://127.0.0.1:%d%s' % (server.port, url)])
    for line in output.splitlines():
        if line.startswith('summary '):
            requests, microseconds, errors = map(int, line.split()[1:])
            return requests, microseconds / 1e6, errors
    raise BenchError('wrk ended without a summary:\n' + output)


def wait_until_quiet(server):
    """Wait until no child works any more."""
    deadline = time.monotonic() + FIRST_RESPONSE_SECONDS
    before = sum(server.cpu_seconds().values())
    while time.monotonic() < deadline:
        time.sleep(0.05)
        after = sum(server.cpu_seconds().values())
        if after - before < QUIET_SECONDS:
            return
        before = after
    raise BenchError('httpd in %s does not come to rest:\n%s' % (server.root, server.log()))
