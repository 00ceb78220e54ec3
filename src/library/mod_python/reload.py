"""What an application can see of the reload engine that keeps its code fresh."""

import _apache

__all__ = ["children", "depends_on", "generation", "graph"]


def children():
    """What every child of the server serves: a list of dicts, one for each child and application that it has come to.

    pid, application, generation, state (serving, building or failed), error (why newer code could not be built), manifest (equal
    where the same modules with the same contents are served), since (when the state began) and published, as Unix times.
    """
    return _apache.reload_children()


def depends_on(*paths):
    """Run the calling module again when one of these changes: files, directories with all that is below, or glob patterns.

    Paths are relative to the module's own directory. What a body opens or lists while it runs need not be declared.
    """
    _apache.reload_depends_on(*paths)


def generation():
    """The generation that this thread's request is pinned to; outside a request, the current one."""
    return _apache.reload_generation()


def graph():
    """The managed modules and the imports between them, as the generation of this thread knows them."""
    return _apache.reload_graph()
