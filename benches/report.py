"""The report: tables in Markdown, and their place in the document."""
import os
import platform
import shlex
import statistics
import sys
import time

from reload_cost import MODULES
from toolchain import REPOSITORY, BenchError

BEGIN, END = '<!-- bench:begin -->', '<!-- bench:end -->'

# The aims: CPU per request as a ratio of two contestants of the same round, at most this much.
RATIO_AIMS = (
    ('hello', 'floor', 1.10),
    ('publisher', 'floor', 1.35),
    ('hello-10000', 'hello', 1.02),
)
# Each of ours must cost less than these peers at the same work.
PEER_AIMS = (
    ('hello', 'mod_python'),
    ('hello', 'mod_wsgi'),
    ('publisher', 'mod_python-publisher'),
)
FRESH_AIM_SECONDS = 0.010


class Results:
    """What one MPM gave: samples by contestant and round, response sizes, reload outcomes."""

    def __init__(self, sizing, contestants):
        self.sizing, self.contestants = sizing, contestants
        self.samples = {contestant.name: [] for contestant in contestants}
        self.sizes = {}
        self.reload_sizing, self.reloads = None, {}

    def ratios(self, name, base):
        """CPU per request of one contestant over another's, round by round."""
        return [one.cpu / other.cpu
                for one, other in zip(self.samples[name], self.samples[base])]

    def has(self, *names):
        """Whether all of these were measured."""
        return all(self.samples.get(name) for name in names)


def spread(values, form):
    """Median and spread, as `median (min–max)`."""
    return '%s (%s–%s)' % tuple(
        form.format(value) for value in (statistics.median(values), min(values), max(values)))


def table(head, rows):
    """A Markdown table; all columns but the first hold numbers."""
    lines = ['| %s |' % ' | '.join(head), '|---|' + '---:|' * (len(head) - 1)]
    return lines + ['| %s |' % ' | '.join(row) for row in rows]


def render(results, options, versions):
    """The whole report as lines of Markdown."""
    lines = ['```', command(), '```', '']
    lines += ['| | |', '|---|---|']
    facts = [('date', time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())),
             ('machine', machine()),
             ('load average before the run', '%.2f (one minute)' % options.load_before)]
    facts += sorted(versions.items())
    if any(result.contestants for result in results):
        facts.append(('load', '%d interleaved rounds of %d s each, %d keep-alive connections, '
                      'one wrk thread' % (options.rounds, options.duration, options.connections)))
    lines += ['| %s | %s |' % fact for fact in facts]
    for result in results:
        lines += throughput(result)
    for result in results:
        lines += reloads(result)
    return lines + aims(results)


def throughput(result):
    """The table of requests of one MPM."""
    if not result.contestants:
        return []
    rows = []
    for contestant in result.contestants:
        samples = result.samples[contestant.name]
        rows.append((contestant.title,
                     spread(result.ratios(contestant.name, 'floor'), '{:.2f}'),
                     spread([sample.cpu * 1e6 for sample in samples], '{:.1f}'),
                     spread([sample.rate for sample in samples], '{:,.0f}'),
                     str(result.sizes[contestant.name])))
    return ['', '### Requests: %s, %s' % (result.sizing.mpm, result.sizing), ''] + table(
        ('contestant', 'CPU per request ÷ floor', 'CPU per request, µs', 'requests/s',
         'response, bytes'), rows)


def reloads(result):
    """The table of saves of one MPM."""
    if not result.reloads:
        return []
    rows = []
    for reload in result.reloads.values():
        rows.append((reload.title, spread([seconds * 1e3 for seconds in reload.times], '{:.2f}'),
                     str(max(reload.stale)), spread(reload.executions, '{:.0f}'),
                     str(reload.expected), '%.2f' % (reload.idle * 1e3), str(len(reload.times))))
    return ['', '### Saves: %s, %s' % (result.sizing.mpm, result.reload_sizing), ''] + table(
        ('saved, among {:,} managed modules'.format(MODULES), 'save to first fresh response, ms',
         'stale responses, most', 'modules executed', 'expected', 'unchanged response, ms',
         'saves'), rows)


def aims(results):
    """What was aimed at and what was measured, where both sides were measured."""
    head = ['aim'] + [result.sizing.mpm for result in results]
    rows = []

    def row(title, cells):
        if any(cells):
            rows.append([title] + [cell or 'not measured' for cell in cells])

    for name, base, limit in RATIO_AIMS:
        row('`%s` ÷ `%s` ≤ %.2f' % (name, base, limit),
            [verdict(statistics.median(result.ratios(name, base)), limit, '%.2f')
             if result.has(name, base) else '' for result in results])
    for name, peer in PEER_AIMS:
        row('`%s` costs less than `%s`' % (name, peer),
            [verdict(statistics.median(result.ratios(name, peer)), 1, '%.2f of it')
             if result.has(name, peer) else '' for result in results])
    row('a leaf\'s save: fresh within %d ms' % (FRESH_AIM_SECONDS * 1e3),
        [verdict(statistics.median(result.reloads['reload-leaf'].times) * 1e3,
                 FRESH_AIM_SECONDS * 1e3, '%.2f ms')
         if 'reload-leaf' in result.reloads else '' for result in results])
    return ['', '### Aims (medians)', ''] + table(head, rows) if rows else []


def verdict(value, limit, form):
    """The value and whether it keeps to the limit."""
    return '%s, %s' % (form % value, 'met' if value <= limit else 'missed')


def machine():
    """Processor, cores, kernel."""
    model = platform.machine()
    with open('/proc/cpuinfo') as info:
        for line in info:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return '%s, %d cores, %s %s' % (model, len(os.sched_getaffinity(0)), platform.system(),
                                    platform.release())


def command():
    """The command of this run, with paths in the repository as seen from its top."""
    words = ['python3', os.path.relpath(os.path.abspath(sys.argv[0]), REPOSITORY)]
    for word in sys.argv[1:]:
        words.append(word.replace(REPOSITORY + os.sep, ''))
    return ' '.join(map(shlex.quote, words))


def surroundings(path):
    """The text of the document before and after the marked part; a new document is all mark."""
    if not os.path.exists(path):
        return '', '\n'
    with open(path) as document:
        before, begin, rest = document.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError('%s lacks the marks %s and %s' % (path, BEGIN, END))
    return before, after


def place(path, lines):
    """Put the report between the two marks of the document."""
    before, after = surroundings(path)
    with open(path + '.new', 'w') as new:
        new.write('%s%s\n%s\n%s%s' % (before, BEGIN, '\n'.join(lines), END, after))
    os.replace(path + '.new', path)
