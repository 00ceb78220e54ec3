"""What an application can see of the reload engine that keeps its code fresh."""

import _apache

__all__ = ["generation", "graph"]


def generation():
    """The generation that this thread's request is pinned to; outside a request, the current one."""
    return _apache.reload_generation()


def graph():
    """The managed modules and the imports between them, as the generation of this thread knows them."""
    return _apache.reload_graph()
