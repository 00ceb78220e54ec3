"""The loader that managed modules name as theirs: it knows the source that the module was really made from."""

import errno
import functools
import importlib.util
import io
import linecache
import os
import sys
import threading
import zipimport
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import decode_source, module_from_spec, spec_from_file_location, spec_from_loader

import _apache


class ModuleInfo:
    """What a managed module's `__mp_info__` tells of it."""

    __slots__ = "name", "file", "generation"

    def __init__(self, name, file, generation):
        self.name = name
        self.file = file
        self.generation = generation

    def __repr__(self):
        return f"<module {self.name!r} from {self.file!r}, generation {self.generation}>"


class ManagedLoader(SourceFileLoader):
    """Answers inspect, linecache, importlib.resources and pkgutil; the reload engine does the loading itself."""

    def __init__(self, application, fullname, path, text, is_package, archive=None):
        super().__init__(fullname, path)
        self._application = application
        self._archive = archive
        if archive is not None:
            # As zipimport's loaders have it: importlib.resources of Python 3.9 asks for nothing else.
            self.archive = archive.path
        # A list of one: all executions of the same code share it, and its text changes when only comments do.
        self._text = text
        self._is_package = is_package
        self._directories = None

    def prepare(self, module, directories, generation, neighbours):
        """Give a fresh module the attributes that Python's import would give it, and those of mod_python."""
        spec = self.spec(directories)
        if directories is not None:
            module.__path__ = spec.submodule_search_locations
            for directory in module.__path__:
                keep_quiet(directory)
        if self.path is not None:
            spec.cached = None
            module.__file__ = self.path
        module.__loader__ = self
        module.__package__ = spec.parent
        module.__spec__ = spec
        module.__mp_info__ = ModuleInfo(self.name, self.path, generation)
        module.__mp_path__ = neighbours
        forget_lines(self.path)
        forget_listed()

    def spec(self, directories):
        """Answer a spec that names this loader."""
        spec = ModuleSpec(self.name, self, origin=self.path, is_package=self._is_package)
        if directories is not None:
            self._directories = spec.submodule_search_locations = list(map(str, directories))
        spec.has_location = self.path is not None
        return spec

    def create_module(self, spec):
        """Answer the managed module for code that loads by spec."""
        return _apache.managed_module(self._application, spec.name)

    def exec_module(self, module):
        """Run nothing: the body of a managed module has run when it was made."""
        loader = getattr(module, "__loader__", None)
        if isinstance(loader, ManagedLoader) and loader is not self:
            # The import system has put the spec that it was asked to load in the place of the module's own.
            module.__spec__ = loader.spec(getattr(module, "__path__", None))

    def is_package(self, fullname):
        """Tell whether the module is a package."""
        return self._is_package

    def get_source(self, fullname):
        """Answer the text that this module was made from, whatever the file holds by now."""
        return decode_source(self._bytes())

    def get_code(self, fullname):
        """Answer the code of the text that this module was made from."""
        return compile(self._bytes(), self.path or "<namespace>", "exec", dont_inherit=True)

    def _bytes(self):
        if self._text is not None:
            return self._text[0]
        # A module that is not loaded is what its file holds; a namespace package has none.
        return self.get_data(self.path) if self.path else b""

    def get_data(self, path):
        """Answer the bytes of a file, which may lie in the archive that the module came from."""
        member = self._member(path)
        if member is None:
            return super().get_data(path)
        try:
            return zip_of(self._archive).read(member)
        except KeyError:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    def get_resource_reader(self, fullname):
        """Answer what importlib.resources reads the package's files through."""
        if self.path is None:
            return namespace_reader(self._directories)
        if self._archive is None:
            return super().get_resource_reader(fullname)
        return self._archive_reader() if self._is_package else None

    def _archive_reader(self):
        import zipfile

        directory = self._member(os.path.dirname(self.path))
        return PackageReader(zipfile.Path(zip_of(self._archive), directory + "/"))

    def _member(self, path):
        if self._archive is None:
            return None
        archive = os.path.join(self._archive.path, "")
        path = os.fspath(path)
        return path[len(archive) :].replace(os.sep, "/") if path.startswith(archive) else None

    def remember_lines(self):
        """Let linecache show this text until it is asked on behalf of another execution of the module."""
        try:
            text = self.get_source(self.name)
        except (SyntaxError, UnicodeDecodeError):
            return
        # Without a date, linecache does not compare the entry with the file.
        lines = io.StringIO(text).readlines()
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        linecache.cache[self.path] = (len(text), None, lines, self.path)


def forget_lines(path):
    """Make linecache ask for the text again."""
    linecache.cache.pop(path, None)


def forget_listed():
    """Make Python look again at what it keeps of directories, archives and translations: a body reads what is there."""
    metadata = sys.modules.get("importlib.metadata")
    if metadata is not None and hasattr(metadata.MetadataPathFinder, "invalidate_caches"):
        # It is a method of the class in some versions of Python, and of an instance in others.
        metadata.MetadataPathFinder().invalidate_caches()
    gettext = sys.modules.get("gettext")
    if gettext is not None:
        gettext._translations.clear()
    if zipimport._zip_directory_cache:
        # What the import system has at hand itself it also looks up there.
        finders = [getattr(finder, "_finder", finder) for finder in sys.path_importer_cache.values()]
        for archive in zipimport._zip_directory_cache.keys() - {getattr(finder, "archive", None) for finder in finders}:
            del zipimport._zip_directory_cache[archive]


def namespace_reader(directories):
    """Answer the reader for a package of several directories; None where Python has no resources in such packages."""
    try:
        from importlib.readers import MultiplexedPath
    except ImportError:
        # Python 3.9.
        return None
    return PackageReader(MultiplexedPath(*directories))


class PackageReader:
    """The files of a package that does not lie in one directory of the file system, for importlib.resources."""

    def __init__(self, directory):
        self._directory = directory

    def files(self):
        """Answer the package's directory."""
        return self._directory

    def contents(self):
        """Answer the names in it."""
        return (entry.name for entry in self._directory.iterdir())

    def is_resource(self, name):
        """Tell whether there is a file of this name."""
        return (self._directory / name).is_file()

    def open_resource(self, name):
        """Open a file to read bytes from it."""
        return (self._directory / name).open("rb")

    def resource_path(self, name):
        """Say that there is no such file in a directory of the package's own."""
        raise FileNotFoundError(name)


# The archives that somebody has read from, with the hashes of their bytes.
_open = {}


def zip_of(archive):
    """Answer the archive as it is now; the body that reads from it depends on it."""
    import zipfile

    snapshot = archive.snapshot()
    if snapshot is None:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), archive.path)
    key, found = _open.get(archive.path, (None, None))
    if key != snapshot.key:
        found = zipfile.ZipFile(io.BytesIO(snapshot.data()))
        found.filename = archive.path
        _open[archive.path] = snapshot.key, found
    return found


def read_archive(data):
    """Answer the names of an archive's members, and its sources with their texts."""
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        return names, [(name, archive.read(name)) for name in names if name.endswith(".py")]


def show_own_source():
    """Make linecache answer with the text that a managed module was made from.

    Tracebacks and inspect name the namespace that they ask for. The file may hold other code by now.
    """
    lazycache, getlines = linecache.lazycache, linecache.getlines

    def remember(filename, module_globals):
        loader = module_globals.get("__loader__") if module_globals else None
        if isinstance(loader, ManagedLoader) and loader.path == filename:
            loader.remember_lines()

    def managed_lazycache(filename, module_globals):
        remember(filename, module_globals)
        return lazycache(filename, module_globals)

    def managed_getlines(filename, module_globals=None):
        if _apache.is_in_body():
            # What a body reads is to be read when it runs, as the file may be another one than the last time.
            entry = linecache.cache.get(filename)
            if entry is not None and len(entry) > 1 and entry[1] is not None:
                forget_lines(filename)
        remember(filename, module_globals)
        return getlines(filename, module_globals)

    linecache.lazycache, linecache.getlines = managed_lazycache, managed_getlines


class ManagedFinder:
    """Finds managed modules for code that asks the import system rather than importing."""

    def find_spec(self, fullname, path=None, target=None):
        """Answer the spec of a managed module that the running application has, else None."""
        found = _apache.managed_origin(fullname)
        if found is None:
            return None
        application, file, directories, module = found
        loaded = getattr(module, "__spec__", None)
        if loaded is not None and isinstance(loaded.loader, ManagedLoader):
            return loaded
        file = None if file is None else os.fspath(file)
        return ManagedLoader(application, fullname, file, None, directories is not None).spec(directories)


def find_in_place(fullname):
    """Answer the source file that a finder has for a name, whether it is a package's, and whether it is an ordinary finder.

    Others are like those of editable installs.
    """
    # A directory that was not there when the path finder looked may be there now.
    for entry in sys.path:
        if sys.path_importer_cache.get(entry, entry) is None and os.path.isdir(entry):
            del sys.path_importer_cache[entry]
    for finder in sys.meta_path:
        if isinstance(finder, ManagedFinder) or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec(fullname, None)
        if spec is None:
            continue
        is_ordinary = getattr(finder, "__module__", "").startswith(("_frozen_importlib", "importlib."))
        if not spec.has_location or not str(spec.origin).endswith(".py"):
            return None
        return spec.origin, spec.submodule_search_locations is not None, is_ordinary
    return None


def is_unmanaged(fullname):
    """Tell whether the import system has a module of this name that is not managed."""
    return _find_past_modules(fullname, None, ManagedFinder) is not None


def _find_past_modules(fullname, path, *passed):
    for finder in sys.meta_path:
        if isinstance(finder, passed) or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec(fullname, path)
        if spec is not None:
            return spec
    return None


def find_own_specs():
    """Make find_spec pass over what sys.modules shows of other applications. A body that asks depends on the answer."""
    find_spec = importlib.util.find_spec

    def find_own_spec(fullname, name, package):
        if not _apache.is_of_another(fullname):
            return find_spec(name, package)
        parent = fullname.rpartition(".")[0]
        path = importlib.import_module(parent).__path__ if parent else None
        return _find_past_modules(fullname, path)

    @functools.wraps(find_spec)
    def managed_find_spec(name, package=None):
        fullname = importlib.util.resolve_name(name, package) if name.startswith(".") else name
        try:
            return find_own_spec(fullname, name, package)
        finally:
            if _apache.is_in_body():
                _apache.note_find(fullname)

    importlib.util.find_spec = managed_find_spec


def follow_threads():
    """Let threads work for the application that starts them, and what they read count for the body that does."""
    start = threading.Thread.start

    @functools.wraps(start)
    def managed_start(self):
        self._mp_application = _apache.calling_application()
        body, run = _apache.running_body(), self.run
        if body is not None:

            def run_for_body():
                del self.run
                body.run(run)

            self.run = run_for_body
        start(self)

    threading.Thread.start = managed_start


class KeptModules:
    """Finds modules that have no file again, where code has thrown them out of sys.modules."""

    def __init__(self, *modules):
        self._modules = {module.__name__: module for module in modules}

    def find_spec(self, fullname, path=None, target=None):
        """Answer a spec for one of the modules, else None."""
        return ModuleSpec(fullname, self) if fullname in self._modules else None

    def create_module(self, spec):
        """Answer the module."""
        return self._modules[spec.name]

    def exec_module(self, module):
        """Do nothing: the module is what it was."""


def install():
    """Put the finder behind the built-in and frozen importers and before the path finder."""
    position = next((i for i, f in enumerate(sys.meta_path) if getattr(f, "__name__", "") == "PathFinder"), None)
    finder = ManagedFinder()
    sys.meta_path.insert(0, KeptModules(_apache, sys.modules[__name__], sys.modules["_mod_python_edits"]))
    show_own_source()
    find_own_specs()
    follow_threads()
    distrust_bytecode()
    if position is None:
        sys.meta_path.append(finder)
    else:
        sys.meta_path.insert(position, finder)


def load_unmanaged(name, file):
    """Answer the module of a file that is not managed, loaded at the first call."""
    file = os.fspath(file)
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get("__file__") == file:
            return module
    spec = spec_from_file_location(name, file, loader=_loader_of(name, file))
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return sys.modules[name]


def _loader_of(name, file):
    if file.endswith(tuple(EXTENSION_SUFFIXES)):
        return ExtensionFileLoader(name, file)
    if file.endswith(tuple(BYTECODE_SUFFIXES)):
        return SourcelessFileLoader(name, file)
    return SourceFileLoader(name, file)


def archive_finder(path):
    """Answer Python's finder for an archive, or None for anything else."""
    if os.path.isdir(path):
        return None
    kind = zipimport.zipimporter if hasattr(zipimport.zipimporter, "find_spec") else SpecFinder
    try:
        return kind(path)
    except zipimport.ZipImportError:
        return None


class SpecFinder(zipimport.zipimporter):
    """Python 3.9's finder for an archive, which knows no specs, with what later ones have."""

    def find_spec(self, fullname, target=None):
        """Answer the spec of a module in the archive, or of a directory that may be a part of a package; else None."""
        loader, portions = self.find_loader(fullname)
        if loader is not None:
            return spec_from_loader(fullname, loader)
        if not portions:
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations[:] = portions
        return spec

    def invalidate_caches(self):
        """Read the archive's directory again."""
        zipimport._zip_directory_cache.pop(self.archive, None)
        try:
            self.__init__(os.path.join(self.archive, self.prefix))
        except zipimport.ZipImportError:
            self._files = {}


# The target of a search that names none.
_NOBODY = object()


class QuietFinder:
    """The path entry finder of a managed directory, and of managed packages below it.

    The directory stands on sys.path for programs that look there, but its modules belong to the reload engine: the path finder
    gets only what the engine leaves alone, which is C extensions, bytecode without source, and excluded files. A file that has
    just appeared is not for it either.
    """

    def __init__(self, directory, excluded):
        self._finder = archive_finder(directory) or FileFinder(
            directory,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (SourceFileLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )
        self._excluded = excluded

    def find_spec(self, fullname, target=_NOBODY):
        """Answer the spec of an unmanaged file, else None; or of any file, for who asks this finder itself."""
        spec = self._finder.find_spec(fullname)
        if target is _NOBODY:
            # The path finder names a target, be it None. pkgutil.extend_path does not, and wants to know where packages lie.
            return spec
        if spec is None or spec.loader is None:
            return None
        if spec.origin.endswith(".py") and not self._excluded(spec.origin):
            return None
        return spec

    def iter_modules(self, prefix=""):
        """Answer the names and kinds of all modules, managed or not, for pkgutil."""
        import pkgutil

        return pkgutil.iter_importer_modules(self._finder, prefix)

    def invalidate_caches(self):
        """Forget what the directory held."""
        self._finder.invalidate_caches()


# The managed directories, with what tells whether a file in them is excluded.
_managed = {}


def distrust_bytecode():
    """Let Python's own loader compile what it is asked to load from managed directories.

    Its bytecode is good for whole seconds and sizes: of two edits in one second it would serve the first.
    """
    path_stats = SourceFileLoader.path_stats

    def managed_path_stats(self, path):
        if any(path.startswith(directory) and not excluded(path) for directory, excluded in _managed.items()):
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), path)
        return path_stats(self, path)

    SourceFileLoader.path_stats = managed_path_stats


def show_path(managed, unmanaged, excluded):
    """Put an application's directories on sys.path: managed ones in front, as mod_python does, others behind."""
    _managed.update((os.path.join(directory, ""), excluded) for directory in managed)
    for directory in reversed(managed):
        sys.path_importer_cache[directory] = QuietFinder(directory, excluded)
        if directory not in sys.path:
            sys.path.insert(0, directory)
    for directory in unmanaged:
        if directory not in sys.path:
            sys.path.append(directory)


def keep_quiet(directory):
    """Leave the modules in a package's directory to the reload engine, if it lies below a managed one."""
    if isinstance(sys.path_importer_cache.get(directory), QuietFinder):
        return
    for managed, excluded in _managed.items():
        if directory.startswith(managed):
            sys.path_importer_cache[directory] = QuietFinder(directory, excluded)
            return


def hide_path(directories):
    """Take directories from sys.path that are not searched any more."""
    for directory in directories:
        sys.path_importer_cache.pop(directory, None)
        if directory in sys.path:
            sys.path.remove(directory)
