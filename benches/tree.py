"""Generated packages: trees of managed modules for a handler to be made of."""
import os

PART = 100
# The sizes of the affected sets above one; each has a fan of its own.
FANS = (4, 16, 64, 256, 1024)

# Every generated body leaves its name in a list that outlives the module: what runs can be counted.
RECORD = ("import builtins\n"
          "builtins.__dict__.setdefault('bench_executed', []).append(__name__)\n")

LEAF = '%sfrom . import base\nVALUE = %%d\n' % RECORD
BASE = '%sVALUE = %%d\n' % RECORD
LEFT = '%sfrom . import base\nfrom .leaf import VALUE\n\n\ndef value():\n    return VALUE\n' % RECORD
RIGHT = '%sfrom tree import base, leaf\n\n\ndef value():\n    return leaf.VALUE\n' % RECORD
FILLER = ('%sfrom tree import base\n\nNUMBER = %%d\n\n\ndef number():\n    """This module\'s number."""\n'
          '    return NUMBER + base.VALUE\n' % RECORD)
ROOT = '%sVALUE = %%d\n' % RECORD
SPOKE = '%sfrom .root import VALUE\n' % RECORD


def save(path, text):
    """Save a file as editors do: a new file renamed over the old one."""
    with open(path + '.new', 'w') as new:
        new.write(text)
    os.replace(path + '.new', path)


class Tree:
    """A package `tree` of which a handler module, itself one of `count` managed modules, is made.

    Besides fillers in packages of a hundred files it has `base`, which all but the `__init__` files
    import, and `leaf`, which two modules import and through them the handler: three dependents.
    """

    def __init__(self, directory, count):
        self.directory = os.path.join(directory, 'tree')
        self.count = count
        self.packages = 0

    def write(self):
        """Write all files; with the handler module there are `count`."""
        self._package('')
        self.save('base', BASE % 0)
        self.save('leaf', LEAF % 0)
        self.save('left', LEFT)
        self.save('right', RIGHT)
        fixed = len(('the handler', '__init__', 'base', 'leaf', 'left', 'right', 'everything'))
        left, imports = self.count - fixed, []
        while left > 0:
            size = min(PART, left)
            imports.append(self._part('p%03d' % len(imports), size))
            left -= size
        self.save('everything', RECORD + 'from tree import base\n'
                  + ''.join('import %s\n' % name for name in imports))

    def save(self, name, text):
        """Save a module, named by its path below the package."""
        save(os.path.join(self.directory, *name.split('/')) + '.py', text)

    def _package(self, name):
        os.makedirs(os.path.join(self.directory, name))
        self.save(os.path.join(name, '__init__'), RECORD)
        self.packages += 1

    def _part(self, name, size):
        """One package of `size` files; returns the name whose import loads all of them."""
        self._package(name)
        fillers = ['m%02d' % number for number in range(size - 2)]
        for number, filler in enumerate(fillers):
            self.save('%s/%s' % (name, filler), FILLER % number)
        if size == 1:
            return 'tree.' + name
        self.save(name + '/every', RECORD + 'from tree import base\n'
                  + ''.join('from . import %s\n' % filler for filler in fillers))
        return 'tree.%s.every' % name


class FanTree(Tree):
    """A tree with a fan for each size: a root whose edit affects that many modules, the handler among them.

    A fan is a package of a root, spokes that take the root's value, and `every`, which gathers the spokes'
    values. The handler imports `every`, so its own body costs the same whichever fan is edited.
    """

    def __init__(self, directory, count):
        # Besides the root, its spokes and `every` there is the package's `__init__`: `size` files for each fan.
        super().__init__(directory, count - sum(FANS))

    def write(self):
        """Write all files."""
        super().write()
        for size in FANS:
            self._fan(size)

    def edit(self, size, value):
        """Save the root of one fan with another value."""
        self.save('fan%d/root' % size, ROOT % value)

    def _fan(self, size):
        name = 'fan%d' % size
        self._package(name)
        self.edit(size, 0)
        spokes = ['s%04d' % number for number in range(size - len(('root', 'every', 'the handler')))]
        for spoke in spokes:
            self.save('%s/%s' % (name, spoke), SPOKE)
        self.save(name + '/every', RECORD + 'from . import %s\n' % ', '.join(spokes)
                  + 'VALUES = sorted({spoke.VALUE for spoke in (%s,)})\n' % ', '.join(spokes))
