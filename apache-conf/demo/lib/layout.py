"""What all pages share: the frame around them, and how they read what a visitor sent."""

import os

from mod_python import apache

import palette
from markup import Markup, link, render, tag, void

try:
    from mod_python import reload
except ImportError:
    # The original mod_python knows no generations; the pages work without.
    reload = None

PAGES = (("index", "Guest book"), ("files", "Files"), ("modules", "Modules"))

# The pages use no script at all, so the browser may refuse every script: a second lock behind the escaping.
SECURITY_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(req, current, *body):
    """The whole HTML document around the body of a page; `current` is that page's name in PAGES.

    Links begin with a slash: the demo is served at the root of its host, and its pages have addresses of several depths.
    """
    req.content_type = "text/html; charset=utf-8"
    req.headers_out["Content-Security-Policy"] = SECURITY_POLICY
    req.headers_out["X-Content-Type-Options"] = "nosniff"
    req.headers_out["Cache-Control"] = "no-cache"
    heading = dict(PAGES)[current]
    return Markup("<!DOCTYPE html>\n") + tag(
        "html",
        tag(
            "head",
            void("meta", charset="utf-8"),
            void("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", heading, " · ", palette.TITLE),
            void("link", rel="stylesheet", href="/style.css"),
            tag("style", Markup(_colours())),
        ),
        tag(
            "body",
            tag(
                "header",
                tag("p", palette.TITLE, class_="title"),
                tag("p", palette.TAGLINE, class_="tagline"),
                _navigation(current),
            ),
            tag("main", tag("h1", heading), *body),
            _footer(req),
        ),
        lang="en",
    )


def source_directory(req):
    """The directory of the demo's source, as its reader knows it (`PythonOption demo.source` when httpd serves a copy)."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return req.get_options().get("demo.source", here)


def text(value, limit):
    """One text field of a form, whatever the client made of it: trimmed, without control characters, cut at the limit."""
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c in "\n\t" or c.isprintable()).strip()[:limit]


def only_post(req):
    """Refuse a request that would change something by a mere link."""
    if req.method != "POST":
        req.err_headers_out["Allow"] = "POST"
        raise apache.SERVER_RETURN(apache.HTTP_METHOD_NOT_ALLOWED)


def notice(words):
    """A line that tells a visitor what was wrong, or nothing at all."""
    return tag("p", words, class_="notice", role="alert") if words else None


def _navigation(current):
    return tag("nav", *(
        tag("a", label, href="/" + name, aria_current="page" if name == current else None)
        for name, label in PAGES
    ))


def _footer(req):
    playground = os.path.join(source_directory(req), "lib", "palette.py")
    return tag(
        "footer",
        _generation(),
        tag(
            "p", "Try it: change a word in ", tag("code", playground), ", save, and reload this page. The page imports ",
            tag("code", "layout"), ", and only ", tag("code", "layout"), " imports ", tag("code", "palette"), ". ",
            link("/modules", "Who imports whom"),
        ),
    )


def _generation():
    if reload is None:
        return None
    failed = reload.graph()["failure"] is not None
    return tag(
        "p",
        tag("strong", "Generation ", reload.generation()),
        render(", which goes on serving: ", link("/modules", "the last edit could not be built")) if failed else None,
    )


def _colours():
    return (
        ":root { --accent: %s } @media (prefers-color-scheme: dark) { :root { --accent: %s } }"
        % (palette.ACCENT, palette.ACCENT_DARK)
    )
