"""Which modules this application is made of, in which generation each one last ran, and who imports whom."""

import os

import layout
from markup import link as _link
from markup import render as _render
from markup import tag as _tag


def index(req):
    """The table of managed modules, and the traceback of the last build if it failed."""
    if layout.reload is None:
        return layout.page(req, "modules", _tag("p", "This page needs mod_python_rs: the original mod_python keeps no such table."))
    graph = layout.reload.graph()
    modules = graph["modules"]
    names = {module["name"] for module in modules}
    return layout.page(
        req,
        "modules",
        _failure(graph["failure"]),
        _tag(
            "p", "This request runs generation ", _tag("strong", graph["generation"]), " of ", _tag("code", graph["application"]),
            ". After an edit, the modules that it concerns run again and carry the new number; all others stay as they are.",
        ),
        _tag(
            "div",
            _tag(
                "table",
                _tag("thead", _tag("tr", *(_tag("th", heading, scope="col") for heading in ("Module", "Generation", "Imports", "Imported by")))),
                _tag("tbody", *(_row(req, module, graph["generation"], names) for module in modules)),
            ),
            class_="scroll",
        ),
    )


def _failure(failure):
    if failure is None:
        return None
    return _render(
        layout.notice("The last edit could not be built. The generation before it goes on serving until the edit is mended:"),
        _tag("pre", failure),
    )


def _row(req, module, generation, names):
    return _tag(
        "tr",
        _tag("th", _tag("code", module["name"]), _tag("span", _short(req, module["file"]), class_="file"), scope="row"),
        _tag("td", module["generation"], class_="number fresh" if module["generation"] == generation else "number"),
        _tag("td", _links(module["imports"], names)),
        _tag("td", _links(module["imported_by"], names)),
        id=module["name"],
    )


def _links(imports, names):
    """The names one after another; those of the table lead to their rows."""
    parts = []
    for name in imports:
        parts += [", " if parts else None, _link("#" + name, name) if name in names else name]
    return _render(*parts) or "–"


def _short(req, file):
    """The path below the demo's directory, where the module lies there; else the path as it is."""
    for base in (layout.source_directory(req), os.path.dirname(os.path.dirname(os.path.abspath(layout.__file__)))):
        if file and file.startswith(base + os.sep):
            return os.path.relpath(file, base)
    return file
