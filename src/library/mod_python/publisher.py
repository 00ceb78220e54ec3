"""The publisher: maps URLs to the objects of a module and sends what they return.

    SetHandler mod_python
    PythonHandler mod_python.publisher

`/dir/module/name?field=value` calls `name(field="value")` of `dir/module.py`, with the request as `req` if the
function takes it, and answers with the result. Finding, checking and calling the object is part of the httpd module.
"""

import dis
from types import CodeType, FunctionType

from _apache import publisher_handler as handler

__all__ = ["handler"]

_NAMES = ("__auth__", "__access__", "__auth_realm__")


def nested_rules(function):
    """Answer what a function says about its protection inside itself, as a dict of the three names.

    A nested `def` becomes a function of the module's globals; an assigned constant is that constant. Protection that cannot be
    told without running the function raises TypeError: it must not be passed over.
    """
    rules = {}
    code = function.__code__
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and constant.co_name in _NAMES:
            if constant.co_freevars:
                raise TypeError(f"{constant.co_name} inside {function.__name__} uses variables of the function")
            rules[constant.co_name] = FunctionType(constant, function.__globals__, constant.co_name)
    previous = None
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname == "STORE_FAST" and name in _NAMES and name not in rules:
            if previous is None or previous.opname not in ("LOAD_CONST", "LOAD_SMALL_INT"):
                raise TypeError(f"{name} inside {function.__name__} is neither a function nor a constant")
            rules[name] = previous.argval
        previous = instruction
    missing = [name for name in _NAMES if name in code.co_varnames[_parameters(code) :] and name not in rules]
    if missing:
        raise TypeError(f"{missing[0]} inside {function.__name__} is neither a function nor a constant")
    return rules


def _parameters(code):
    return code.co_argcount + code.co_kwonlyargcount
