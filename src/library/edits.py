"""What an edit means, told from source texts and code objects alone."""

import ast

# What stops an ImportError, and what stops a SyntaxError.
_STOPS_ABSENCE = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_STOPS_BREAKAGE = {"SyntaxError", "Exception", "BaseException"}


def requires(source, package, name, is_absent):
    """Tell whether some import of the module `name` in this source would fail the code around it.

    It would not if it stands in a try statement that catches what is raised for a module that is absent, or else broken,
    or below `if TYPE_CHECKING`.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return _requires(tree, package, name, _STOPS_ABSENCE if is_absent else _STOPS_BREAKAGE)


def _requires(tree, package, name, stops):
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if any(n == name or n.startswith(name + ".") for n in _imported(node, package)):
                return True
            continue
        children = list(ast.iter_child_nodes(node))
        if _is_guarded(node, stops):
            children = [child for child in children if child not in node.body]
        pending += children
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
    if isinstance(node, ast.Try):
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
