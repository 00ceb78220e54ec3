"""mod_python: Python inside Apache httpd.

`mp_version` is the version of the httpd module that carries this package, and None outside httpd, where only
the parts that need no server (such as the parsers of `mod_python.util`) can be used.
"""

__all__ = ["apache", "publisher", "reload", "util"]

try:
    from _apache import mp_version
except ImportError:
    # `_apache` is built into httpd's children; a command line has none, and tools and tests still import us.
    mp_version = None
else:
    from mod_python import apache
