"""Who is measured: each contestant's modules, configuration, files, and the response it owes."""
import os
import shutil

from toolchain import BENCHES
from tree import Tree

HELLO = b'hello, world\n'


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
    for managed in (100, 10000):
        found.append(Contestant(
            'hello-%d' % managed, 'PythonHandler, {:,} managed modules'.format(managed), '/hello',
            HELLO, load, python_site('hello'), managed=managed))
    return found


def peers(unpacked):
    """mod_python with the same files and directives, and mod_wsgi embedded."""
    load = ['LoadModule python_module "%s"' % unpacked.mod_python]
    # Its mutex files would otherwise be left behind in the system's temporary directory.
    options = ['PythonOption mod_python.mutex_directory "{run}"']
    environment = {'PYTHONPATH': unpacked.packages}
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


def reload_page(module):
    """The page whose modules the reload measurement edits."""
    return Contestant('reload', 'reload', '/page', None,
                      ['LoadModule python_module "%s"' % module], python_site('page'))
