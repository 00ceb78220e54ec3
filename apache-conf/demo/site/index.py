"""The guest book: /index shows it, /sign adds to it.

The publisher gives an address to every function of this module whose name does not begin with an underscore, those
that it imported from elsewhere included. Modules have no address, and neither has anything in the directory lib.
"""

from mod_python import util

import layout
import store
from markup import paragraphs as _paragraphs
from markup import tag as _tag
from markup import void as _void

_SHOWN = 50
_NAME_LIMIT = 60
_MESSAGE_LIMIT = 2000


def index(req):
    """The form and the newest entries."""
    return _page(req)


def sign(req, name="", message=""):
    """Keep one entry, then send the browser back to the book, so that reloading the page does not sign twice."""
    layout.only_post(req)
    name = layout.text(name, _NAME_LIMIT).replace("\n", " ")
    message = layout.text(message, _MESSAGE_LIMIT)
    if not message:
        return _page(req, name, "An entry needs a message.")
    store.add_entry(store.directory(req), name or "Somebody", message)
    util.redirect(req, "/index")


def _page(req, name="", problem=None):
    entries = store.latest_entries(store.directory(req), _SHOWN)
    return layout.page(
        req,
        "index",
        layout.notice(problem),
        _form(name),
        _tag("section", *(_entry(entry) for entry in entries), class_="entries")
        if entries
        else _tag("p", "Nobody has signed yet.", class_="empty"),
    )


def _form(name):
    return _tag(
        "form",
        _tag("label", "Your name", _void("input", name="name", value=name, maxlength=_NAME_LIMIT, autocomplete="name")),
        _tag("label", "Message", _tag("textarea", name="message", rows=4, maxlength=_MESSAGE_LIMIT, required=True)),
        _tag("button", "Sign the book"),
        method="post",
        action="/sign",
        # The encoding that the original mod_python reads correctly too.
        enctype="multipart/form-data",
    )


def _entry(entry):
    return _tag(
        "article",
        _tag("h2", entry.name, " ", _tag("time", entry.written)),
        _paragraphs(entry.message),
    )
