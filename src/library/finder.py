"""Serves the package mod_python from the texts inside the module's shared object."""

import sys
from importlib.machinery import ModuleSpec


class EmbeddedLibrary:
    """A meta path finder and a loader in one, as both know the same table of sources."""

    def __init__(self, sources):
        self._sources = sources

    def find_spec(self, fullname, path=None, target=None):
        """Answer the spec of one of our modules, else None."""
        entry = self._sources.get(fullname)
        if entry is None:
            return None
        spec = ModuleSpec(fullname, self, origin=self._origin(fullname), is_package=entry[0])
        spec.has_location = True
        return spec

    def create_module(self, spec):
        """Let the import system make an ordinary module."""
        return None

    def exec_module(self, module):
        """Run the embedded text."""
        name = module.__name__
        exec(compile(self.get_source(name), self._origin(name), "exec", dont_inherit=True), module.__dict__)

    def get_source(self, fullname):
        """Answer the text, for tracebacks and inspect."""
        return self._sources[fullname][1]

    def is_package(self, fullname):
        """Tell whether the name is a package."""
        return self._sources[fullname][0]

    def _origin(self, fullname):
        tail = "/__init__" if self._sources[fullname][0] else ""
        return "<mod_python_rs>/" + fullname.replace(".", "/") + tail + ".py"


def install(sources):
    """Put the finder in front of all others."""
    sys.meta_path.insert(0, EmbeddedLibrary(sources))
