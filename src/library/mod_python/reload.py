"""What an application can see of the reload engine that keeps its code fresh, and what it can ask of it.

The module can be imported outside httpd, say in tests of an application: there is no engine then, so nothing is reloaded,
and what is asked of it is granted without effect.
"""

import sys

try:
    import _apache
except ImportError:
    _apache = None

__all__ = ["carry", "children", "depends_on", "exclude", "generation", "graph", "leaks", "on_retire", "pin", "request"]

# What carry keeps outside httpd.
_kept = {}


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


def carry(name, factory):
    """Answer the state that is kept under this name for the calling module; factory() makes it where there is none.

    The state outlives the module's code: after an edit the new code gets the same object. State that is made while edited code
    is built is kept only if that code comes to be served.
    """
    namespace = sys._getframe(1).f_globals
    if _apache is None:
        key = namespace.get("__name__"), name
        if key not in _kept:
            _kept[key] = factory()
        return _kept[key]
    while True:
        found = _apache.reload_carry(namespace, name, factory)
        if found is not None:
            return found[0]
        # Another thread makes it. Between two turns a time limit can end the wait.


def on_retire(fn):
    """Have fn() called, once, when this execution of the calling module has gone; answers fn.

    That is when newer code has taken its place and no request uses it any more, at once when the code was built but not taken
    into service, and for the rest when the child ends.
    """
    if _apache is not None:
        _apache.reload_on_retire(sys._getframe(1).f_globals, fn)
    return fn


def leaks():
    """Retired modules that something keeps in memory: a list of dicts with module, generation and holders, a list of texts."""
    return [] if _apache is None else _apache.reload_leaks()


def generation():
    """The generation that this thread's request is pinned to; outside a request, 0."""
    return 0 if _apache is None else _apache.reload_generation()


def graph(format="data"):
    """The managed modules and the imports between them, as the generation of this thread knows them.

    As "data" a dict: `application`, `generation`, `failure` (why newer code is not served, or None), `restart_required`
    (modules that are not as they are on disk and will not be reloaded: dicts of name, file and reason), `followed` (how many
    paths are looked at when something happens to them) and `modules`, a list of dicts: `name`, `file`, `generation`, `imports`,
    `may_import` (by statements that have not run yet) and `imported_by`.

    As "dot" a text for Graphviz, in which modules that import each other in a circle have a box around them.
    """
    if format == "dot":
        return "digraph {}\n" if _apache is None else _apache.reload_dot(False)
    if format != "data":
        raise ValueError(f'format is "data" or "dot", not {format!r}')
    if _apache is None:
        nothing = {"application": "", "generation": 0, "failure": None}
        return {**nothing, "restart_required": [], "followed": 0, "modules": []}
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
