"""mod_python._leaks outside httpd: what keeps a namespace alive is named, and the search itself keeps nothing."""

import gc
import pathlib
import sys
import threading
import types
import unittest
import weakref

sys.dont_write_bytecode = True  # the sources are embedded as they stand; no caches between them
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "src" / "library"))

from mod_python import _leaks  # noqa: E402 - the path above leads to it

KEPT = []


class Loader:
    """Stands for the engine's loader."""


def retire(source, **names):
    """Run a body, let go of it, and answer the weak reference that dies with it."""
    module = types.ModuleType("retired")
    module.__loader__ = Loader()
    module.__dict__.update(names)
    exec(source, module.__dict__)
    return weakref.ref(module.__loader__)


def holders(*references, carried=None):
    """What the search finds for each."""
    gc.collect()
    return _leaks.holders(list(references), list(references), carried or {})


class Proxy:
    """An object that does not want to be asked for its class."""

    def __init__(self, kept):
        self.kept = kept

    @property
    def __class__(self):
        raise RuntimeError("nothing behind this proxy")


class Search(unittest.TestCase):
    def tearDown(self):
        KEPT.clear()

    def test_gone(self):
        reference = retire("def f(): pass")
        self.assertEqual(holders(reference), [None])

    def test_variable_of_a_module(self):
        reference = retire("def f(): pass\nkept.append(f)", kept=KEPT)
        self.assertEqual(holders(reference), [[f"module {__name__!r}: KEPT (list)"]])
        KEPT.clear()
        self.assertEqual(holders(reference), [None])

    def test_instance_of_a_class(self):
        reference = retire("class C:\n    def f(self): pass\nkept.append([{'key': C()}])", kept=KEPT)
        self.assertEqual(holders(reference), [[f"module {__name__!r}: KEPT (list)"]])

    def test_carried_object(self):
        reference = retire("class C:\n    def f(self): pass\nmade = C()\nkept.append(made)", kept=KEPT)
        text = "what is carried"
        self.assertEqual(holders(reference, carried={id(KEPT[0]): text})[0], [text])

    def test_other_retired_modules_are_no_holders(self):
        inner = retire("def f(): pass\nkept.append(f)", kept=KEPT)
        outer = retire("def g(): return f\nkept.append(g)", kept=KEPT, f=KEPT.pop())
        expected = [f"module {__name__!r}: KEPT (list)"]
        self.assertEqual(holders(inner, outer), [expected, expected])

    def test_thread(self):
        event, started = threading.Event(), threading.Event()
        body = "def f():\n    started.set()\n    event.wait()\nthread = thread(target=f, name='worker')\nthread.start()"
        reference = retire(body, event=event, started=started, thread=threading.Thread)
        started.wait()
        self.assertEqual(holders(reference), [["thread 'worker', which runs retired.f"]])
        event.set()
        for thread in threading.enumerate():
            if thread.name == "worker":
                thread.join()
        del thread
        self.assertEqual(holders(reference), [None])

    def test_object_that_raises_when_asked(self):
        reference = retire("def f(): pass\nkept.append(proxy(f))", kept=KEPT, proxy=Proxy)
        self.assertEqual(holders(reference), [[f"module {__name__!r}: KEPT (list)"]])


if __name__ == "__main__":
    unittest.main()
