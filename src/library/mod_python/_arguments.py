"""What a callable takes, so that the fields of a form can be its arguments."""

import functools
import inspect
import types
from typing import NamedTuple


class Accepted(NamedTuple):
    """What a callable takes."""

    positional_only: tuple = ()
    by_name: frozenset = frozenset()
    everything: bool = False
    taken: frozenset = frozenset()

    def select(self, data):
        """The positional and the keyword arguments that are in `data`."""
        positional = []
        for name in self.positional_only:
            if name not in data:
                break
            positional.append(data[name])
        if not self.everything:
            return positional, {name: data[name] for name in self.by_name if name in data}
        kept_out = self.taken.union(self.positional_only)
        return positional, {name: value for name, value in data.items() if name not in kept_out}

    def without(self, names):
        """The same, but that `names` are taken already."""
        return self._replace(by_name=self.by_name.difference(names), taken=self.taken.union(names))

    def through(self, inner):
        """The same for a decorator that passes its `**kw` on to `inner`."""
        return self._replace(
            by_name=(self.by_name | inner.by_name) - self.taken,
            everything=inner.everything,
            taken=self.taken | (inner.taken - self.by_name),
        )


def accepted(obj, filled=0):
    """What `obj` takes, if its first `filled` positional parameters are given already."""
    if isinstance(obj, types.MethodType):
        return accepted(obj.__func__, filled + 1)
    if isinstance(obj, functools.partial):
        return accepted(obj.func, filled + len(obj.args)).without(obj.keywords)
    function, hidden = _implementation(obj)
    own = _accepted_by(_parameters(function), filled + hidden)
    # Read from the object itself: a proxy could invent a `__wrapped__` for ever.
    wrapped = getattr(obj, "__dict__", {}).get("__wrapped__")
    if own.everything and wrapped is not None:
        return own.through(accepted(wrapped, filled))
    return own


def _implementation(obj):
    """The function that runs when `obj` is called, and how many parameters of it Python fills in by itself."""
    if isinstance(obj, type):
        candidates = (obj.__init__, obj.__new__)
    else:
        candidates = (type(obj).__call__,)
    for function in candidates:
        if isinstance(function, types.FunctionType):
            return function, 1
    return obj, 0


def _parameters(function):
    """The (name, kind) pairs of a function's parameters; none if the function does not tell."""
    if isinstance(function, types.FunctionType):
        return _parameters_of_code(function.__code__)
    if not any(hasattr(function, mark) for mark in ("__code__", "__signature__", "__wrapped__")):
        return []
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []
    return [(parameter.name, parameter.kind) for parameter in signature.parameters.values()]


def _parameters_of_code(code):
    """As `inspect.signature` has it, in a tenth of its time."""
    names = iter(code.co_varnames)
    by_position = code.co_argcount - code.co_posonlyargcount
    parameters = [(next(names), inspect.Parameter.POSITIONAL_ONLY) for _ in range(code.co_posonlyargcount)]
    parameters += [(next(names), inspect.Parameter.POSITIONAL_OR_KEYWORD) for _ in range(by_position)]
    parameters += [(next(names), inspect.Parameter.KEYWORD_ONLY) for _ in range(code.co_kwonlyargcount)]
    if code.co_flags & inspect.CO_VARARGS:
        parameters.append((next(names), inspect.Parameter.VAR_POSITIONAL))
    if code.co_flags & inspect.CO_VARKEYWORDS:
        parameters.append((next(names), inspect.Parameter.VAR_KEYWORD))
    return parameters


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _accepted_by(parameters, filled):
    by_position = [name for name, kind in parameters if kind in _POSITIONAL]
    taken = frozenset(by_position[:filled])
    by_name = frozenset(name for name, kind in parameters if kind in _NAMED) - taken
    return Accepted(
        tuple(name for name in by_position[filled:] if name not in by_name),
        by_name,
        any(kind is inspect.Parameter.VAR_KEYWORD for _name, kind in parameters),
        taken,
    )
