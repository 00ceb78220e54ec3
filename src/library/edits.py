"""What an edit means, told from source texts and code objects alone."""

import ast
import types

_PARTS = (
    "co_code co_names co_varnames co_freevars co_cellvars co_flags co_argcount co_posonlyargcount co_kwonlyargcount "
    "co_nlocals co_stacksize co_name co_qualname co_exceptiontable"
).split()

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# except* is new in Python 3.11.
_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))

# What stops an ImportError, and what stops a SyntaxError.
_STOPS_ABSENCE = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_STOPS_BREAKAGE = {"SyntaxError", "Exception", "BaseException"}


def requires(source, package, name, is_absent, has_run):
    """Tell whether some import of the module `name` in this source would fail the code around it.

    Where the body has run already, only its functions count. It would not if it stands in a try statement that catches what is
    raised for a module that is absent, or else broken, or below `if TYPE_CHECKING`.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return _requires(tree, package, name, _STOPS_ABSENCE if is_absent else _STOPS_BREAKAGE, not has_run)


def _requires(tree, package, name, stops, counts):
    pending = [(tree, counts)]
    while pending:
        node, counts = pending.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if counts and any(n == name or n.startswith(name + ".") for n in _imported(node, package)):
                return True
            continue
        children = list(ast.iter_child_nodes(node))
        if counts and _is_guarded(node, stops):
            children = [child for child in children if child not in node.body]
        counts = counts or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        pending += [(child, counts) for child in children]
    return False


def _imported(node, package):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        parts = parts[: len(parts) - node.level + 1]
        base = ".".join(parts + ([base] if base else []))
    return [base] + [f"{base}.{alias.name}" for alias in node.names]


def _is_guarded(node, stops):
    if isinstance(node, _TRIES):
        return any(handler.type is None or _names(handler.type) & stops for handler in node.handlers)
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in _names(node.test)
    if isinstance(node, ast.With):
        return any(_suppresses(item.context_expr, stops) for item in node.items)
    return False


def _suppresses(expression, stops):
    if not isinstance(expression, ast.Call) or "suppress" not in _names(expression.func):
        return False
    return any(_names(argument) & stops for argument in expression.args)


def _names(expression):
    if isinstance(expression, ast.Tuple):
        return set().union(*map(_names, expression.elts))
    if isinstance(expression, ast.Attribute):
        return {expression.attr}
    return {expression.id} if isinstance(expression, ast.Name) else set()


class Relabelling:
    """An edit that changes where things stand, and perhaps docstrings, and nothing else."""

    def __init__(self, codes, attributes):
        self.codes = codes
        self.changes_texts = any(name == "__doc__" for _, name, _ in attributes)
        self._attributes = attributes

    def apply(self):
        """Give the functions and classes of the module their new docstrings and, where they have one, first lines."""
        for owner, name, value in self._attributes:
            setattr(owner, name, value)


def relabelling(module, old, new, old_source, new_source):
    """The Relabelling that makes a module, which ran the code `old`, the same as if it had run `new`.

    None if that takes more than a relabelling.
    """
    codes, changed = [], []
    try:
        if not _differ_in_lines(old, new, (), codes, changed):
            return None
        attributes = []
        if changed:
            texts = _texts(old_source, new_source)
            if texts is None:
                return None
            attributes = _attributes(module, changed, texts)
    except (RecursionError, SyntaxError, ValueError):
        return None
    return None if attributes is None else Relabelling(codes, attributes)


def _differ_in_lines(old, new, path, codes, changed):
    """Collect pairs of code objects; those with constants that may be docstrings or line numbers also in `changed`."""
    if any(getattr(old, part, None) != getattr(new, part, None) for part in _PARTS):
        return False
    if len(old.co_consts) != len(new.co_consts):
        return False
    is_changed = False
    for before, after in zip(old.co_consts, new.co_consts):
        if isinstance(before, types.CodeType) and isinstance(after, types.CodeType):
            if not _differ_in_lines(before, after, (*path, before.co_name), codes, changed):
                return False
        elif not _same(before, after):
            if type(before) is not type(after) or not isinstance(before, (str, int)):
                return False
            is_changed = True
    codes.append((old, new))
    if is_changed:
        changed.append((path, old, new))
    return True


def _same(before, after):
    if type(before) is not type(after):
        return False
    if isinstance(before, tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, frozenset):
        return sorted(map(repr, before)) == sorted(map(repr, after))
    # 0.0 equals -0.0, and a complex number may have either; their texts tell.
    return repr(before) == repr(after)


def _texts(old_source, new_source):
    """The docstrings that differ, by path; None if more than comments and docstrings does, or the module reads its own."""
    old, new = ast.parse(old_source), ast.parse(new_source)
    if any(isinstance(node, ast.Name) and node.id == "__doc__" for node in ast.walk(new)):
        return None
    before, after = {}, {}
    _take_texts(old, (), before)
    _take_texts(new, (), after)
    if before.keys() != after.keys() or ast.dump(old) != ast.dump(new):
        return None
    return {path: text for path, text in after.items() if before[path] != text}


def _take_texts(node, path, texts):
    """Take the docstrings out of the tree, so that the rest can be compared. One that may have been put to use stays."""
    for child in ast.iter_child_nodes(node):
        name = (child.name,) if isinstance(child, (*_FUNCTIONS, ast.ClassDef)) else ()
        _take_texts(child, path + name, texts)
    if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Module)) or ast.get_docstring(node, False) is None:
        return
    if path in texts or _may_have_been_used(node):
        return
    texts[path] = node.body.pop(0).value.value


def _may_have_been_used(node):
    if isinstance(node, ast.Module):
        return False
    decorators = [d for d in node.decorator_list if not _names(d) & {"staticmethod", "classmethod"}]
    return bool(decorators or getattr(node, "bases", None) or getattr(node, "keywords", None))


def _attributes(module, changed, texts):
    """What to set where; None if something that has changed cannot be found in the module."""
    attributes = []
    for path, old, new in changed:
        owner = _owner(module, path, old)
        if owner is None:
            return None
        if path in texts:
            attributes.append((owner, "__doc__", _compiled(texts[path])))
        if isinstance(owner, type) and "__firstlineno__" in old.co_names:
            attributes.append((owner, "__firstlineno__", new.co_firstlineno))
    return attributes


def _compiled(text):
    """The docstring as the compiler makes it, which takes the indentation away from Python 3.13 on."""
    tree = ast.fix_missing_locations(ast.Module([ast.Expr(ast.Constant(text))], []))
    namespace = {}
    exec(compile(tree, "<docstring>", "exec", dont_inherit=True, optimize=0), namespace)
    return namespace["__doc__"]


def _owner(module, path, code):
    """The module, class or function that was made by this code."""
    owner = module
    for name in path:
        owner = vars(owner).get(name) if isinstance(owner, (type, types.ModuleType)) else None
    owner = getattr(owner, "__func__", owner) if isinstance(owner, (staticmethod, classmethod)) else owner
    if isinstance(owner, types.FunctionType):
        return owner if owner.__code__ is code else None
    if isinstance(owner, type):
        is_own = owner.__module__ == module.__name__ and owner.__qualname__ == ".".join(path)
        return owner if is_own else None
    return owner if owner is module else None
