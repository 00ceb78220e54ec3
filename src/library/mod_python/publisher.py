"""The publisher: maps URLs to the objects of a module and sends what they return.

    SetHandler mod_python
    PythonHandler mod_python.publisher

`/dir/module/name?field=value` calls `name(field="value")` of `dir/module.py`, with the request as `req` if the
function takes it, and answers with the result. Finding, checking and calling the object is part of the httpd module.
"""

from _apache import publisher_handler as handler

__all__ = ["handler"]
