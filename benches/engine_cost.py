"""What the reload engine adds to a request when nothing has changed: CPU time and system calls."""
import os
import re
import select
import shutil
import signal
import subprocess
import time

from client import Connection
from toolchain import SYSTEM_PATH, BenchError

# Slices of each contestant, taken in turn, and the requests of a slice.
SLICES = 60
REQUESTS = 500
# Sent at once, so that the server's CPU time is the requests' and not that of falling asleep between them.
PIPELINED = 100
WARM_UP_REQUESTS = 5000
TRACED_REQUESTS = 500
RESPONSE_SECONDS = 300
ATTACH_SECONDS = 30


def slices(servers, url):
    """CPU seconds per request, one for each slice, by contestant. The servers have one child each."""
    found = {name: [] for name in servers}
    connections = {name: Connection(server.port, RESPONSE_SECONDS) for name, server in servers.items()}
    try:
        for connection in connections.values():
            _ask(connection, url, WARM_UP_REQUESTS)
        for number in range(SLICES):
            # Each turn begins one further on: no contestant always follows the same one.
            names = list(servers)
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                before = servers[name].cpu_seconds()
                _ask(connections[name], url, REQUESTS)
                after = servers[name].cpu_seconds()
                found[name].append((sum(after.values()) - sum(before.values())) / REQUESTS)
    finally:
        for connection in connections.values():
            connection.close()
    return found


def _ask(connection, url, requests):
    """So many requests, pipelined."""
    for _ in range(requests // PIPELINED):
        for response in connection.get_many(url, PIPELINED):
            if response.status != 200:
                raise BenchError('a request was answered %d' % response.status)


class CannotTrace(Exception):
    """System calls cannot be counted here; the message says why."""


def system_calls(server, url):
    """System calls per request of all threads of a server's child, by name; one request at a time."""
    strace = shutil.which('strace', path=os.environ.get('PATH', '') + os.pathsep + SYSTEM_PATH)
    if not strace:
        raise CannotTrace('strace is not installed')
    summary = os.path.join(server.root, 'strace.txt')
    child = server.children()[0]
    with Connection(server.port, RESPONSE_SECONDS) as connection:
        _ask(connection, url, PIPELINED)
        tracer = subprocess.Popen([strace, '-c', '-f', '-U', 'calls,name', '-o', summary, '-p', str(child)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, universal_newlines=True)
        try:
            _wait_for_attachment(tracer, child)
            for _ in range(TRACED_REQUESTS):
                connection.get(url)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate()
    with open(summary) as lines:
        counted = [re.fullmatch(r'\s*(\d+)\s+(\w+)\s*', line) for line in lines]
    return {match.group(2): int(match.group(1)) / TRACED_REQUESTS
            for match in counted if match and match.group(2) != 'total'}


def _wait_for_attachment(tracer, child):
    """Wait until strace says that it follows every thread of the child."""
    deadline = time.monotonic() + ATTACH_SECONDS
    threads = len(os.listdir('/proc/%d/task' % child))
    said = ''
    while said.count('attached') < threads and 'attached with' not in said:
        ready, _, _ = select.select([tracer.stderr], [], [], max(0, deadline - time.monotonic()))
        line = tracer.stderr.readline() if ready else ''
        if not line:
            raise CannotTrace('strace cannot attach to httpd: %s' % (said.strip() or 'it says nothing'))
        said += line
