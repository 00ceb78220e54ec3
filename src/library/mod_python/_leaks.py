"""Finds out what keeps the namespace of a retired module alive. Called by the reload engine when one has not gone."""

import atexit
import gc
import logging
import signal
import sys
import threading
import time
import types

# The search goes this far, looks at this many objects, and names this many holders.
_DEPTH = 16
_OBJECTS = 5000
_HOLDERS = 5

_UNKNOWN = "something that Python does not show: a variable of a running function, or C code"


def holders(searched, retired, carried):
    """Answer for each weak reference in searched what keeps the module that its loader stands for: a list of texts.

    retired are the references of all retired modules, which do not count as holders of each other; carried maps the id of each
    object that carry() keeps to a text. None stands for a module whose namespace has gone.
    """
    spaces = _namespaces([reference() for reference in retired])
    dead = {id(space): space["__name__"] for found in spaces.values() for space in found}
    running, frames = _running(dead)
    known = {**frames, **_registered(), **carried}
    ours = {id(spaces), *map(id, spaces.values())}
    answer = []
    for reference in searched:
        found = spaces.pop(id(reference()), None)
        answer.append(None if found is None else _Search(dead, running, known, ours).run(found))
    return answer


def _namespaces(loaders):
    """Map the id of each loader to the namespaces that name it."""
    loaders = [loader for loader in loaders if loader is not None]
    known = set(map(id, loaders))
    spaces = {}
    for found in gc.get_referrers(*loaders) if loaders else ():
        if type(found) is dict and "__name__" in found:
            loader = id(found.get("__loader__"))
            if loader in known:
                spaces.setdefault(loader, []).append(found)
    return spaces


class _Probe:
    """Equal to nothing; remembers what it was compared with."""

    __hash__ = None

    def __init__(self):
        self.met = []

    def __eq__(self, other):
        self.met.append(other)
        return False


def _registered():
    """Map the ids of functions that C code keeps to texts."""
    # atexit does not list its functions, but compares them all with one that is to be taken out.
    probe = _Probe()
    atexit.unregister(probe)
    found = {id(function): "a function registered with atexit" for function in probe.met}
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler):
            found[id(handler)] = f"the handler of signal {number}"
    return found


def _running(dead):
    """Map the id of each retired namespace that threads run in to texts, and the id of each running frame to one."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found, frames = {}, {}
    for ident, frame in sys._current_frames().items():
        while frame is not None:
            namespace = id(frame.f_globals)
            module = dead.get(namespace) or frame.f_globals.get("__name__")
            text = f"thread {names.get(ident, ident)!r}, which runs {module}.{frame.f_code.co_name}"
            frames[id(frame)] = text
            if namespace in dead:
                found.setdefault(namespace, set()).add(text)
            frame = frame.f_back
    return found, frames


def _is(found, kind):
    """Like isinstance, but without asking the object, which may be a proxy that raises."""
    return issubclass(type(found), kind)


class _Search:
    """Walks from the namespaces of one module to what refers to them, breadth first."""

    def __init__(self, dead, running, known, ours):
        self._dead = dead
        self._running = running
        self._known = known
        self._seen = set(ours)
        self._found = {}

    def run(self, level):
        """Answer the texts."""
        self._seen.update(map(id, level))
        for namespace in level:
            self._add(*self._running.get(id(namespace), ()))
        for _ in range(_DEPTH):
            # A thread that runs the code is explanation enough.
            if not level or len(self._found) >= _HOLDERS or any(text.startswith("thread ") for text in self._found):
                break
            level = self._above(level)
            # Requests may run in between.
            time.sleep(0)
        return list(self._found)[:_HOLDERS] or [_UNKNOWN]

    def _add(self, *texts):
        self._found.update(dict.fromkeys(texts))

    def _above(self, level):
        above = []
        referrers = gc.get_referrers(*level)
        for found in referrers:
            if id(found) in self._seen or found is level or self._is_ours(found):
                continue
            if len(self._seen) >= _OBJECTS:
                break
            self._seen.add(id(found))
            if id(found) in self._dead:
                self._add(*self._running.get(id(found), ()))
                above.append(found)
                continue
            text = self._describe(found)
            if text is None:
                above.append(found)
            else:
                self._add(text)
        return above

    def _is_ours(self, found):
        if _is(found, types.FrameType):
            return found.f_globals is globals()
        return found is self.__dict__

    def _describe(self, found):
        """Answer a text for an object that holds others by itself; None where its own holders are to be looked for."""
        if id(found) in self._known:
            return self._known[id(found)]
        if found is sys.modules:
            return self._entry("sys.modules", found)
        if type(found) is dict:
            if "__name__" in found and "__spec__" in found and "__loader__" in found:
                return self._entry(f"module {found['__name__']!r}", found)
            return None
        if _is(found, types.ModuleType):
            # A namespace would have been met as a dict: what refers to the module is its part in C.
            namespace = object.__getattribute__(found, "__dict__")
            name = namespace.get("__name__")
            return None if id(namespace) in self._dead else f"something registered with module {name!r}"
        if _is(found, threading.Thread):
            # One that has not been started or has ended is kept by something else.
            return next((f"thread {one.name!r}" for one in threading.enumerate() if one is found), None)
        if _is(found, logging.Logger):
            return f"a handler or filter of the logger {found.name!r}"
        if _is(found, types.FunctionType):
            return self._describe_function(found)
        return None

    def _describe_function(self, function):
        if not (hasattr(function, "registry") and hasattr(function, "dispatch")):
            return None
        original = getattr(function, "__wrapped__", None)
        if original is None or id(getattr(original, "__globals__", None)) in self._dead:
            return None
        return f"an implementation registered with {function.__module__}.{function.__qualname__} (singledispatch)"

    def _entry(self, owner, namespace):
        for key, value in list(namespace.items()):
            if id(value) in self._seen:
                return f"{owner}: {key} ({type(value).__name__})"
        return owner
