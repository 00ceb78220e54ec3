"""Uploads: /files lists them, /files/upload takes one, /files/get sends one."""

from mod_python import apache, util

import layout
import store
from markup import link as _link
from markup import tag as _tag
from markup import void as _void


def index(req):
    """The upload form and the list of files."""
    return _page(req)


def upload(req, file=None):
    """Keep one file, then send the browser back to the list."""
    layout.only_post(req)
    if isinstance(file, list):
        file = file[0]
    filename = getattr(file, "filename", None)
    if not filename:
        return _page(req, "Choose a file first.")
    try:
        store.add_upload(store.directory(req), filename, file.file)
    except store.Refused as refused:
        return _page(req, str(refused))
    util.redirect(req, "/files")


def get(req, number=""):
    """Send one file for saving. It is never shown inside the site: a visitor's file must not act as one of its pages."""
    number = layout.text(number, 18)
    found = store.find_upload(store.directory(req), int(number)) if number.isdecimal() else None
    if found is None:
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    req.content_type = "application/octet-stream"
    req.headers_out["X-Content-Type-Options"] = "nosniff"
    req.headers_out["Content-Disposition"] = 'attachment; filename="%s"' % found.name
    req.headers_out["Content-Length"] = str(found.size)
    req.sendfile(found.path)


def _page(req, problem=None):
    uploads = store.latest_uploads(store.directory(req))
    return layout.page(
        req,
        "files",
        layout.notice(problem),
        _form(),
        _table(uploads) if uploads else _tag("p", "No files yet.", class_="empty"),
    )


def _form():
    return _tag(
        "form",
        _tag("label", "A file of up to %d KiB" % (store.MAX_SIZE // 1024), _void("input", type="file", name="file", required=True)),
        _tag("button", "Upload"),
        method="post",
        action="/files/upload",
        enctype="multipart/form-data",
    )


def _table(uploads):
    return _tag(
        "div",
        _tag(
            "table",
            _tag("thead", _tag("tr", *(_tag("th", heading, scope="col") for heading in ("File", "Size", "Uploaded")))),
            _tag("tbody", *(
                _tag(
                    "tr",
                    _tag("td", _link("/files/get", upload.name, number=upload.id)),
                    _tag("td", "%.1f KiB" % (upload.size / 1024), class_="number"),
                    _tag("td", _tag("time", upload.written)),
                )
                for upload in uploads
            )),
        ),
        class_="scroll",
    )
