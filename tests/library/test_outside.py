"""mod_python.apache and mod_python.reload outside httpd, as tests of an application import them."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True  # the sources are embedded as they stand; no caches between them
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "src" / "library"))

from mod_python import apache, reload  # noqa: E402 - the path above leads to it


class OutsideHttpd(unittest.TestCase):
    def test_nothing_is_reloaded(self):
        self.assertEqual(reload.generation(), 0)
        self.assertEqual(reload.children(), [])
        self.assertEqual(reload.graph()["modules"], [])
        self.assertEqual(reload.graph("dot"), "digraph {}\n")
        with self.assertRaises(ValueError):
            reload.graph("png")

    def test_what_is_asked_of_the_engine_is_granted(self):
        self.assertEqual(reload.leaks(), [])
        self.assertIs(reload.on_retire(print), print)
        kept = reload.carry("kept", list)
        self.assertEqual(kept, [])
        self.assertIs(reload.carry("kept", dict), kept)
        self.assertIsNone(reload.pin(__name__))
        self.assertIsNone(reload.exclude("*.pyx"))
        self.assertIsNone(reload.depends_on("data.json"))

    def test_what_needs_no_server_works(self):
        self.assertIs(apache.resolve_object(reload, "pin"), reload.pin)
        self.assertGreater(apache.module_mtime(reload), 0)
        self.assertFalse(hasattr(apache, "main_server"))


if __name__ == "__main__":
    unittest.main()
