"""The report: tables in Markdown, and their place in the document."""
import os
import platform
import shlex
import statistics
import sys
import time

from peer_reload import NEVER_SECONDS
from reload_cost import FAN_MODULES, MODULES
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
# What the engine may add to a request, and ten thousand modules to one.
ENGINE_AIM_SECONDS = 1e-6
ENGINE_AIM_CALLS = 1
# A save with the same affected set among the most modules over the same among the fewest.
WHOLE_AIM = 2.0


class EngineCost:
    """What one contestant's requests cost while nothing changes: CPU seconds by slice, system calls by name."""

    def __init__(self, title):
        self.title, self.slices, self.calls = title, [], None


class Results:
    """What one MPM gave: samples by contestant and round, response sizes, reload outcomes."""

    def __init__(self, sizing, one_process, contestants):
        self.sizing, self.one_process, self.contestants = sizing, one_process, contestants
        self.samples = {contestant.name: [] for contestant in contestants}
        self.sizes = {}
        self.engine, self.not_traced = {}, None
        self.reloads, self.affected, self.wholes, self.peer_edits = {}, {}, {}, []

    def ratios(self, name, base):
        """CPU per request of one contestant over another's, round by round."""
        return [one.cpu / other.cpu
                for one, other in zip(self.samples[name], self.samples[base])]

    def added(self, name, base):
        """CPU seconds per request of one over another, slice by slice, of the engine's measurement."""
        return [one - other for one, other in zip(self.engine[name].slices, self.engine[base].slices)]

    def added_calls(self, name, base):
        """System calls per request of one over another, by name, where there is a difference."""
        one, other = self.engine[name].calls, self.engine[base].calls
        added = {call: one.get(call, 0) - other.get(call, 0) for call in sorted(set(one) | set(other))}
        # The rest are the calls of the child's other threads, which the clock brings and not the requests.
        return {call: count for call, count in added.items() if abs(count) >= 0.05}

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
    for part in (engine, reloads, affected, wholes, peer_edits):
        for result in results:
            lines += part(result)
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


def engine(result):
    """The table of what the engine adds to a request of one MPM."""
    if not result.engine:
        return []
    rows = []
    for name, cost in result.engine.items():
        over_off = calls = ''
        if name not in ('floor', 'hello-off'):
            median, low, high = (seconds * 1e6 for seconds in interval(result.added(name, 'hello-off')))
            over_off = '%+.2f (%+.2f to %+.2f)' % (median, low, high)
        if cost.calls is not None and name != 'floor':
            added = result.added_calls(name, 'floor').items()
            calls = ', '.join('%s %+.2f' % one for one in added) or 'none'
        rows.append((cost.title, '%.2f' % (statistics.median(cost.slices) * 1e6), over_off or '–',
                     '%.2f' % sum(cost.calls.values()) if cost.calls is not None else 'not counted',
                     calls or '–'))
    lines = ['', '### The engine, nothing changed: %s, %s' % (result.sizing.mpm, result.one_process), '']
    lines += table(('contestant', 'CPU per request, µs', 'more than with PythonAutoReload Off, µs',
                    'system calls per request', 'more than the floor'), rows)
    if result.not_traced:
        lines += ['', 'System calls were not counted: %s.' % result.not_traced]
    return lines


def interval(values):
    """The median and a 95 % confidence interval of it, by the ranks of the sign test."""
    ranked = sorted(values)
    reach = 0.98 * len(ranked) ** 0.5
    low, high = int(len(ranked) / 2 - reach), int(len(ranked) / 2 + reach)
    return statistics.median(ranked), ranked[max(low, 0)], ranked[min(high, len(ranked) - 1)]


def reload_table(title, result, first, rows):
    """A table of saves; `rows` are pairs of the first column's text and a Reload."""
    if not rows:
        return []
    return ['', '### %s: %s, %s' % (title, result.sizing.mpm, result.one_process), ''] + table(
        (first, 'save to first fresh response, ms', 'stale responses, most', 'modules executed', 'expected',
         'unchanged response, ms', 'saves'),
        [(text, milliseconds(reload.times), str(max(reload.stale)) if reload.stale else '–',
          spread(reload.executions, '{:.0f}'), '–' if reload.expected is None else str(reload.expected),
          '%.2f' % (reload.idle * 1e3), str(len(reload.times))) for text, reload in rows])


def milliseconds(times):
    """Median and spread of times in seconds."""
    return spread([seconds * 1e3 for seconds in times], '{:.2f}')


def reloads(result):
    """The table of saves of one MPM."""
    return reload_table('Saves', result, 'saved, among {:,} managed modules'.format(MODULES),
                        [(reload.title, reload) for reload in result.reloads.values()])


def affected(result):
    """The table of saves by the size of the affected set."""
    return reload_table('Saves by affected set', result,
                        'modules affected, of {:,}'.format(FAN_MODULES),
                        [('{:,}'.format(size), reload) for size, reload in result.affected.items()])


def wholes(result):
    """The table of saves of the same leaf by the number of all managed modules."""
    return reload_table('Saves by all that is managed', result, 'managed modules, 4 of them affected',
                        [('{:,}'.format(modules), reload) for modules, reload in result.wholes.items()])


def peer_edits(result):
    """The table of the same edits under every server."""
    if not result.peer_edits:
        return []
    rows = []
    for edits in result.peer_edits:
        fresh = milliseconds(edits.times) if edits.times else ''
        if edits.never:
            fresh = (fresh + ', then ' if fresh else '') + 'never (checked for %d s)' % NEVER_SECONDS
        rows.append(('%s: %s' % (edits.title, edits.edited), fresh, '–' if edits.never else str(max(edits.stale)),
                     str(max(edits.errors)), str(len(edits.stale))))
    return ['', '### Saves, against the peers: %s, %s' % (result.sizing.mpm, result.one_process), ''] + table(
        ('server and what is saved', 'save to first fresh response, ms', 'stale responses, most', 'failed requests, most',
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
    for title, name, base in (('the engine, one module', 'hello', 'hello-off'),
                              ('10,000 managed modules more than one', 'hello-10000', 'hello')):
        row('%s: ≤ %.2f µs per request' % (title, ENGINE_AIM_SECONDS * 1e6),
            [verdict(statistics.median(result.added(name, base)) * 1e6, ENGINE_AIM_SECONDS * 1e6, '%.2f µs')
             if result.engine else '' for result in results])
    row('10,000 managed modules: ≤ %d system call more than the floor' % ENGINE_AIM_CALLS,
        [verdict(sum(result.added_calls('hello-10000', 'floor').values()), ENGINE_AIM_CALLS + 0.05, '%.2f')
         if result.engine and not result.not_traced else '' for result in results])
    row('4 modules affected: 10,000 managed modules ÷ 100 ≤ %.2f' % WHOLE_AIM,
        [verdict(statistics.median(result.wholes[10000].times) / statistics.median(result.wholes[100].times),
                 WHOLE_AIM, '%.2f') if result.wholes else '' for result in results])
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
