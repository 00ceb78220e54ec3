"""What is reachable from an entry module, as lines of text. It runs in httpd and in a fresh interpreter alike."""

import os
import sys
import types

# The bodies that have run to their end since the last answer, with their generations.
_runs = []


def end(name):
    """Take note that a body has come to its end, and for which generation it ran."""
    info = sys._getframe(1).f_globals.get("__mp_info__")
    _runs.append("%s=%s" % (name, getattr(info, "generation", 0)))


def answer(entry):
    """The process, the bodies that ran, where the namespaces lie, and the dump: one line each, then many."""
    global _runs
    modules, called = reach(entry)
    runs, _runs = _runs, []
    places = ("%s=%d" % (name, id(vars(module))) for name, module in modules.items())
    return "%d\n%s\n%s\n%s" % (os.getpid(), " ".join(runs), " ".join(places), dump(modules, called))


def result_of(function):
    """What a call answers, or how it fails."""
    try:
        return repr(function())
    except Exception as error:
        return "!fails " + type(error).__name__


def unveiled(text):
    """A dotted name from what a module's text spells with bars."""
    return text[1:].replace("|", ".")


def reach(entry):
    """All modules that imports lead to, and what calling their functions answers: those may import more."""
    modules, called, queue = {}, {}, [entry]
    while queue:
        name = queue.pop()
        if name in modules:
            continue
        module = modules[name] = sys.modules.get(name)
        if name.rpartition(".")[0]:
            queue.append(name.rpartition(".")[0])
        space = vars(module) if module is not None else {}
        queue += (unveiled(used) for used, _ in space.get("_uses", ()))
        if "f" in space:
            try:
                called[name], late = space["f"]()
                queue += map(unveiled, late)
            except (Exception, SystemExit) as error:
                is_circular = "circular import" in str(error)
                called[name] = "!raises " + ("in a circular import" if is_circular else type(error).__name__)
    return {name: module for name, module in modules.items() if module is not None}, called


def dump(modules, called):
    """One line for each attribute. An object is called after the first place where it is found, so `is` shows."""
    places, lines = {}, []
    for name in sorted(modules):
        for attribute in sorted(vars(modules[name])):
            value = vars(modules[name])[attribute]
            if isinstance(value, (type, types.FunctionType)):
                places.setdefault(id(value), "%s.%s" % (name, attribute))
    for name in sorted(modules):
        module = modules[name]
        space = vars(module)
        bound = {attribute for _, attribute in space.get("_uses", ())}
        for attribute in sorted(space):
            value = space[attribute]
            # Submodules that were loaded for somebody else stand in a package's namespace too.
            is_own = not isinstance(value, types.ModuleType) or attribute in bound
            if is_own and not attribute.startswith("_"):
                lines.append("%s %s %s" % (name, attribute, show(value, places)))
                if isinstance(value, type) and value.__module__ == name:
                    lines += of_class(name, attribute, value, places)
        for special in ("__name__", "__package__", "__file__", "__doc__", "__all__"):
            lines.append("%s %s %r" % (name, special, space.get(special)))
        lines.append("%s __path__ %r" % (name, sorted(space.get("__path__", ()))))
        lines.append("%s __spec__ %s" % (name, module.__spec__.name))
        lines.append("%s f() %r" % (name, called.get(name)))
        if "g" in space:
            lines.append("%s g() %s" % (name, result_of(space["g"])))
        package, _, tail = name.rpartition(".")
        if package:
            lines.append("%s is bound: %s" % (name, vars(modules[package]).get(tail) is module))
    return "\n".join(lines)


def of_class(name, attribute, value, places):
    """The lines of a class where it is defined."""
    bases = " ".join(places.get(id(base), base.__module__ + "?") for base in value.__bases__)
    yield "%s %s bases %s" % (name, attribute, bases)
    yield "%s %s m() %s" % (name, attribute, result_of(lambda: value().m()))
    yield "%s %s found by name: %s" % (name, attribute, getattr(sys.modules.get(name), attribute, None) is value)


def show(value, places):
    """A value's text; of what has an identity, the place where it was found first."""
    if hasattr(value, "__path__"):
        # A package whose submodule was replaced is another object, and who does not use that submodule may keep the old one.
        return "package %s" % value.__name__
    if isinstance(value, types.ModuleType):
        return "module %s %s" % (value.__name__, sys.modules.get(value.__name__) is value)
    if isinstance(value, (type, types.FunctionType)):
        return "object %s" % places[id(value)]
    return repr(value)
