"""What an application can see of the reload engine that keeps its code fresh."""

import _apache

__all__ = ["children", "generation", "graph"]


def children():
    """What every child of the server serves: a list of dicts, one for each child and application that it has come to.

    pid, application, generation, state (serving, building or failed), error (why newer code could not be built), manifest (equal
    where the same modules with the same contents are served), since (when the state began) and published, as Unix times.
    """
    return _apache.reload_children()


def generation():
    """The generation that this thread's request is pinned to; outside a request, the current one."""
    return _apache.reload_generation()


def graph():
    """The managed modules and the imports between them, as the generation of this thread knows them."""
    return _apache.reload_graph()
