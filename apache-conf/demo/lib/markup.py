"""Helpers that make HTML. Every one of them escapes the text it is given, so that a page cannot forget to."""

import html
import urllib.parse


class Markup(str):
    """Text that is HTML already. Everything else is plain text and is escaped before it is sent."""


def render(*parts):
    """Join parts to HTML: Markup as it stands, None as nothing, anything else escaped as text."""
    return Markup("".join(
        part if isinstance(part, Markup) else html.escape(str(part))
        for part in parts if part is not None
    ))


def tag(name, /, *parts, **attributes):
    """One element: tag("a", "text", href="/x"). A trailing underscore (class_, for_) keeps off Python's keywords."""
    return render(_start(name, attributes), *parts, Markup("</%s>" % name))


def void(name, /, **attributes):
    """One element that has no content and no end tag, such as input or br."""
    return _start(name, attributes)


def paragraphs(text):
    """Plain text of a visitor, as HTML: an empty line starts a paragraph, a line end stays a line end."""
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n")]
    return render(*(tag("p", *_lines(block)) for block in blocks if block))


def link(target, /, *parts, **query):
    """A link to a page of this site, with its query string."""
    if query:
        target += "?" + urllib.parse.urlencode(query)
    return tag("a", *parts, href=target)


def _start(name, attributes):
    """A start tag. True is written as a bare attribute (required), None and False leave the attribute out."""
    words = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(key)
        elif value is not None and value is not False:
            words.append('%s="%s"' % (key, html.escape(str(value))))
    return Markup("<%s>" % " ".join(words))


def _lines(block):
    for number, line in enumerate(block.split("\n")):
        if number:
            yield void("br")
        yield line
