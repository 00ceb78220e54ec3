"""What an application can see of the reload engine that keeps its code fresh, and what it can ask of it.

The module can be imported outside httpd, say in tests of an application: there is no engine then, so nothing is reloaded,
and what is asked of it is granted without effect.
"""

try:
    import _apache
except ImportError:
    _apache = None

__all__ = ["children", "depends_on", "exclude", "generation", "graph", "pin", "request"]


def children():
    """What every child of the server serves: a list of dicts, one for each child and application that it has come to.

    pid, application, generation, state (serving, building or failed), error (why newer code could not be built), manifest (equal
    where the same modules with the same contents are served), since (when the state began) and published, as Unix times.
    """
    return [] if _apache is None else _apache.reload_children()


def depends_on(*paths):
    """Run the calling module again when one of these changes: files, directories with all that is below, or glob patterns.

    Paths are relative to the module's own directory. What a body opens or lists while it runs need not be declared.
    """
    if _apache is not None:
        _apache.reload_depends_on(*paths)


def generation():
    """The generation that this thread's request is pinned to; outside a request, 0."""
    return 0 if _apache is None else _apache.reload_generation()


def graph(format="data"):
    """The managed modules and the imports between them, as the generation of this thread knows them.

    As "data" a dict: `application`, `generation`, `failure` (why newer code is not served, or None), `restart_required`
    (names of modules that are not as they are on disk and will not be reloaded, with the reason) and `modules`, a list of
    dicts. As "dot" a text for Graphviz, in which modules that import each other in a circle have a box around them.
    """
    if format == "dot":
        return "digraph {}\n" if _apache is None else _apache.reload_dot(False)
    if format != "data":
        raise ValueError(f'format is "data" or "dot", not {format!r}')
    if _apache is None:
        return {"application": "", "generation": 0, "failure": None, "restart_required": {}, "modules": []}
    return _apache.reload_graph()


def pin(name):
    """Keep the module `name`, and all that lies in it if it is a package, as they are loaded in this child.

    An edit does not reload them, nor what imports them, and `graph()` lists them under `restart_required` then. They keep
    their identity also when something that they use is reloaded. A module can pin itself: `reload.pin(__name__)`. What a
    module's body asks for counts only if the body runs to its end and its generation is published.
    """
    if _apache is not None:
        _apache.reload_pin(name)


def exclude(pattern):
    """Leave the files that match `pattern` to Python's own import, as PythonReloadExclude does.

    What is loaded already stays as it is, as with `pin`.
    """
    if _apache is not None:
        _apache.reload_exclude(pattern)


def request(scope=None):
    """Ask every child of the server to load its managed modules again, even those that have not changed.

    scope is the dotted name of a module or of a package, which stands for all that is in it: only these are loaded again,
    and what depends on them. Each child does it before its next request.
    """
    if _apache is not None:
        _apache.reload_request(scope)
