"""Who is measured: each contestant's modules, configuration, files, and the response it owes."""
import os
import shutil

from toolchain import BENCHES
from tree import Tree

HELLO = b'hello, world\n'
# Bytecode is valid by the second and the size of its source: edits as fast as ours would go unseen.
NO_BYTECODE = {'PYTHONDONTWRITEBYTECODE': '1'}


class Contestant:
    """One row of the table. `managed` is the number of managed modules its handler is made of."""

    def __init__(self, name, title, url, body, load, site, environment=None, managed=1):
        self.name, self.title, self.url, self.body = name, title, url, body
        self.load, self.site = load, site
        self.environment = environment or {}
        self.managed = managed

    def write_site(self, htdocs):
        """Copy the site, and generate the tree that the hello handler is to import."""
        shutil.copytree(os.path.join(BENCHES, 'site'), htdocs)
        if self.managed > 1:
            Tree(htdocs, self.managed).write()
            with open(os.path.join(htdocs, 'hello.py'), 'r+') as handler:
                source = handler.read()
                handler.seek(0)
                handler.write(source.replace('\n\n\n', '\nimport tree.everything\n\n\n', 1))


def directory(*lines):
    """A <Directory> section for the site."""
    return ['<Directory "{htdocs}">'] + ['  ' + line for line in lines] + ['</Directory>']


def python_site(handler):
    """What mod_python and mod_python_rs have in common: the same directives."""
    return directory('SetHandler mod_python', 'PythonHandler ' + handler)


def baseline(floor):
    """The C handler and a file: what httpd itself costs."""
    return [
        Contestant('floor', 'C handler (the floor)', '/hello', HELLO,
                   ['LoadModule floor_module "%s"' % floor], directory('SetHandler floor')),
        Contestant('static', 'static file', '/hello.txt', HELLO, [], []),
    ]


def ours(module):
    """mod_python_rs: the handler, the publisher, and the handler made of many modules."""
    load = ['LoadModule python_module "%s"' % module]
    found = [
        Contestant('hello', 'PythonHandler', '/hello', HELLO, load, python_site('hello')),
        Contestant('publisher', 'publisher, two arguments', '/pub?name=x&count=5', b'hello, x 5\n',
                   load, python_site('mod_python.publisher')),
    ]
    for managed in (1000, 10000):
        found.append(Contestant(
            'hello-%d' % managed, 'PythonHandler, {:,} managed modules'.format(managed), '/hello',
            HELLO, load, python_site('hello'), managed=managed))
    return found


def engine(module, floor):
    """What tells the engine's share of a request: the floor, the same handler without reloading, and with it."""
    hello, thousand, ten_thousand = (
        one for one in ours(module) if one.name in ('hello', 'hello-1000', 'hello-10000'))
    off = Contestant('hello-off', 'PythonHandler, PythonAutoReload Off', '/hello', HELLO, hello.load,
                     hello.site + ['PythonAutoReload Off'])
    return [baseline(floor)[0], off, hello, thousand, ten_thousand]


def mod_python(unpacked):
    """What every contestant of mod_python has: modules, directives, environment."""
    # Its mutex files would otherwise be left behind in the system's temporary directory.
    return (['LoadModule python_module "%s"' % unpacked.mod_python],
            ['PythonOption mod_python.mutex_directory "{run}"'], {'PYTHONPATH': unpacked.packages})


def peers(unpacked):
    """mod_python with the same files and directives, and mod_wsgi embedded."""
    load, options, environment = mod_python(unpacked)
    return [
        Contestant('mod_python', 'mod_python: PythonHandler', '/hello', HELLO, load,
                   options + python_site('hello'), environment),
        Contestant('mod_python-publisher', 'mod_python: publisher, two arguments',
                   '/pub?name=x&count=5', b'hello, x 5\n', load,
                   options + python_site('mod_python.publisher'), environment),
        # The main interpreter is what mod_wsgi's documentation advises for one application.
        Contestant('mod_wsgi', 'mod_wsgi, embedded', '/hello', HELLO,
                   ['LoadModule wsgi_module "%s"' % unpacked.mod_wsgi],
                   ['WSGIScriptAlias /hello "{htdocs}/hello_wsgi.py"',
                    'WSGIApplicationGroup %{{GLOBAL}}']),
    ]


def reload_page(module, name, handler):
    """A page whose modules the reload measurement edits."""
    return Contestant(name, name, '/' + handler, None, ['LoadModule python_module "%s"' % module],
                      python_site(handler))


def edited_pages(module, unpacked):
    """The published page that is edited, by mod_python_rs and by mod_python: the same files, the same directives."""
    site = python_site('mod_python.publisher') + ['PythonPath "sys.path + [\'{htdocs}\']"']
    load, options, environment = mod_python(unpacked)
    return [
        Contestant('edited', 'mod_python_rs, publisher', '/edited_page', None,
                   ['LoadModule python_module "%s"' % module], site),
        Contestant('edited-mod_python', 'mod_python, publisher', '/edited_page', None, load,
                   options + site, dict(environment, **NO_BYTECODE)),
    ]


def edited_daemons(unpacked):
    """mod_wsgi's daemon mode, with a script that imports one module and with one that imports a whole tree."""
    return [
        Contestant(name, title, url, None, ['LoadModule wsgi_module "%s"' % unpacked.mod_wsgi],
                   ['WSGISocketPrefix "{run}/wsgi"',
                    'WSGIDaemonProcess bench processes=1 threads=8 python-path="{htdocs}"',
                    'WSGIScriptAlias %s "{htdocs}%s.py"' % (url, url),
                    'WSGIProcessGroup bench', 'WSGIApplicationGroup %{{GLOBAL}}', 'WSGIScriptReloading On'],
                   environment)
        for name, title, url, environment in (
            ('edited-mod_wsgi', 'mod_wsgi, daemon mode', '/edited_wsgi', NO_BYTECODE),
            ('edited-mod_wsgi-tree', 'mod_wsgi, daemon mode', '/tree_wsgi', {}))
    ]
