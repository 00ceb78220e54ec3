"""Forms, header values and redirects.

Names and values of form fields are text. Bytes that are not what their charset (UTF-8 unless the client says
otherwise) allows become U+FFFD: a client cannot make a request fail by what it writes into a field.

`mod_python.apache` is imported where it is needed, so that everything else here works outside httpd too.
"""

import functools
import html
import io
import re
import tempfile
import types
from urllib.parse import quote, unquote_to_bytes

from mod_python._arguments import accepted
from mod_python._multipart import MultipartReader

__all__ = [
    "Field",
    "FieldList",
    "FieldStorage",
    "StringField",
    "apply_fs_data",
    "parse_header",
    "parse_qs",
    "parse_qsl",
    "readBlockSize",
    "redirect",
]

# The longest piece of a multipart body that is held at once, except for the text of a field.
readBlockSize = 65368

_NOTHING = types.MappingProxyType({})


# Text


# Python knows codecs that take quadratic time or raise whatever the error handler. A client may name only these.
_CLIENT_CHARSETS = re.compile(
    r"iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5",
    re.ASCII | re.IGNORECASE,
)


def _decode(data, charset=None):
    """`data` as text in `charset`, or in UTF-8 if that is not given or not one to be trusted; never raises."""
    if charset and _CLIENT_CHARSETS.fullmatch(charset):
        try:
            return data.decode(charset, "replace")
        except LookupError:
            pass
    return data.decode("utf-8", "replace")


def _encode(text):
    """The UTF-8 of `text`; surrogates that stand for bytes become these bytes, others question marks."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


# Query strings


def parse_qsl(qs, keep_blank_values=0, strict_parsing=0):
    """The (name, value) pairs of a query string, in order: text for text, bytes for bytes.

    Pairs are separated by "&" or ";". Wrong escapes stay as they are; "%00" ends the name or value it stands in.
    Pairs with an empty value are left out unless `keep_blank_values`. With `strict_parsing` a pair without "="
    raises ValueError. What is neither text nor bytes raises TypeError.
    """
    if isinstance(qs, str):
        pairs = _split_query(_encode(qs), keep_blank_values, strict_parsing)
        return [(_decode(name), _decode(value)) for name, value in pairs]
    if isinstance(qs, bytes):
        return list(_split_query(qs, keep_blank_values, strict_parsing))
    raise TypeError(f"a query string is str or bytes, not {type(qs).__name__}")


def parse_qs(qs, keep_blank_values=0, strict_parsing=0):
    """A dict of the names in a query string to the lists of their values; the rules are those of `parse_qsl`."""
    found = {}
    for name, value in parse_qsl(qs, keep_blank_values, strict_parsing):
        found.setdefault(name, []).append(value)
    return found


def _split_query(qs, keep_blank_values, strict_parsing):
    for pair in qs.replace(b";", b"&").split(b"&"):
        if not pair:
            continue
        name, equals, value = pair.partition(b"=")
        if strict_parsing and not equals:
            raise ValueError(f"no '=' in the query string's field {pair!r}")
        if value or keep_blank_values:
            yield _unescape(name), _unescape(value)


def _unescape(data):
    data = data.replace(b"+", b" ")
    if b"%" in data:
        # An escape holds no other "%", so "%00" is always the escape that it looks like.
        data = unquote_to_bytes(data.partition(b"%00")[0])
    return data


# Header values


# What counts as blank in a header; `\s` and `strip()` would take bytes of UTF-8 that look like other blanks.
_BLANKS = " \t\r\n"

# A parameter and all that follows it up to the next semicolon. Nothing here can fail after a quantifier, so that
# matching never goes back and takes linear time.
_PARAMETER = re.compile(
    r"""
    ; [ \t\r\n]* ([^=; \t\r\n]*) [ \t\r\n]*
    (?: = [ \t\r\n]* (?: "( [^"\\]* (?: \\. [^"\\]* )* )"? | ([^;]*) ) )?
    [^;]*
    """,
    re.DOTALL | re.VERBOSE,
)
_QUOTED_PAIR = re.compile(r'\\(["\\])')


def parse_header(line):
    """The main value of a header like Content-Type, in lower case, and a dict of its parameters.

    The names of parameters are in lower case, their values are as given but for quotes and escapes. Bytes are
    answered with bytes, text with text.
    """
    if isinstance(line, bytes):
        value, parameters = parse_header(line.decode("latin-1"))
        # Lower case never leads out of Latin-1.
        return value.encode("latin-1"), {
            name.encode("latin-1"): text.encode("latin-1") for name, text in parameters.items()
        }
    value, semicolon, rest = line.partition(";")
    return value.strip(_BLANKS).lower(), dict(_parameters_of(semicolon + rest))


def _parameters_of(text):
    for match in _PARAMETER.finditer(text):
        name, quoted, plain = match.groups()
        if not name:
            continue
        if quoted is not None:
            # Only quotes and backslashes are unescaped: old clients send Windows paths with bare backslashes.
            yield name.lower(), _QUOTED_PAIR.sub(r"\1", quoted)
        else:
            yield name.lower(), (plain or "").strip(_BLANKS)


def _parse_disposition(text):
    """A Content-Disposition and its parameters, where `name*` and `filename*` (RFC 8187) go before the plain ones."""
    if text is None:
        return None, {}
    disposition, options = parse_header(text)
    for key in ("name", "filename"):
        extended = options.get(key + "*", "").split("'", 2)
        if len(extended) == 3:
            charset, _language, value = extended
            options[key] = _decode(unquote_to_bytes(value), charset)
    return disposition, options


def _parse_type(text):
    """A part's Content-Type and its parameters."""
    if text is None:
        return "text/plain", {}
    kind, options = parse_header(text)
    return (kind if "/" in kind else "application/octet-stream"), options


# Fields


class Field:
    """An uploaded file.

    `file` is the storage, positioned at its beginning; `filename` is the client's word and may be anything, a path
    for example. The storage is closed when the field goes, so keep the field as long as the file.
    """

    def __init__(
        self, name, file=None, ctype=None, type_options=None, disp=None, disp_options=None, headers=_NOTHING
    ):
        self.name = name
        self.file = file
        self.type = ctype
        self.type_options = {} if type_options is None else type_options
        self.disposition = disp
        self.disposition_options = {} if disp_options is None else disp_options
        self.filename = self.disposition_options.get("filename")
        self.headers = headers

    @property
    def value(self):
        """The whole file as bytes; the file is at its beginning afterwards. TypeError if the file holds text."""
        return self._read(-1)

    def _read(self, size):
        if self.file is None:
            return b""
        self.file.seek(0)
        data = self.file.read(size)
        self.file.seek(0)
        if isinstance(data, str):
            raise TypeError(f"the storage of the field {self.name!r} yields text, not bytes")
        return data

    def __repr__(self):
        # A log line must not hold a whole upload.
        shown = self._read(_REPR_SIZE + 1)
        ellipsis = "..." if len(shown) > _REPR_SIZE else ""
        return f"Field({self.name!r}, {shown[:_REPR_SIZE]!r}{ellipsis})"

    def __del__(self):
        close = getattr(getattr(self, "file", None), "close", None)
        if close is not None:
            close()


_REPR_SIZE = 64


class StringField(str):
    """The text of a form field: a str that knows its field's name.

    `type`, `type_options`, `disposition`, `disposition_options` and `headers` are of interest for multipart forms.
    """

    filename = None
    ctype = type = "text/plain"
    type_options = _NOTHING
    disposition = None
    disposition_options = disp_options = _NOTHING
    headers = _NOTHING
    _file = None

    def __new__(cls, value="", name=None):
        self = str.__new__(cls, _decode(value) if isinstance(value, bytes) else value)
        self.name = name
        return self

    @property
    def value(self):
        """The text as a plain str."""
        return str.__str__(self)

    @property
    def file(self):
        """The field's bytes as a file: as they were sent by a multipart form, else the UTF-8 of the text."""
        if self._file is None:
            self._file = io.BytesIO(_encode(self))
        return self._file

    def __repr__(self):
        return f"Field({self.name!r}, {self.value!r})"

    def __reduce_ex__(self, protocol):
        # Sessions pickle what handlers took from a form. That is the text; headers and files cannot be pickled.
        return str, (self.value,)


class FieldList(list):
    """The fields of a form, in order of submission."""

    _index = None

    def table(self):
        """A new dict of the names to the lists of their fields."""
        return {name: list(fields) for name, fields in self._by_name().items()}

    def append(self, field):
        """Add a field at the end."""
        super().append(field)
        if self._index is not None:
            self._index.setdefault(field.name, []).append(field)

    def _by_name(self):
        """The dict of `table` itself, kept until the list changes."""
        if self._index is None:
            self._index = {}
            for field in self:
                self._index.setdefault(field.name, []).append(field)
        return self._index


def _forgetting_index(method):
    """`method` of list for a FieldList, which has to look at its fields anew afterwards."""

    @functools.wraps(method)
    def change(self, *args, **kwargs):
        self._index = None
        return method(self, *args, **kwargs)

    return change


for _method in (
    "__setitem__", "__delitem__", "__iadd__", "__imul__",
    "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
):  # fmt: skip
    setattr(FieldList, _method, _forgetting_index(getattr(list, _method)))
del _method


class FieldStorage:
    """The fields of a request's query string and, after these, of its body.

    Bodies are read for POST, and for PUT and PATCH if they have a form's Content-Type. `file_callback(filename)`
    answers a binary file, opened for reading and writing, that takes an upload, instead of a temporary one;
    `field_callback()` does so for the other fields of multipart forms. `strict_parsing` has no effect.

    Raises SERVER_RETURN with 411 if the length of the body cannot be known, 400 if a multipart body has no boundary,
    501 for a POST of any other type, and OSError if the client goes away while it sends.
    """

    def __init__(self, req, keep_blank_values=0, strict_parsing=0, file_callback=None, field_callback=None):
        # Fields are made of the pairs when they are first asked for; from then on `_fields` counts.
        self._pairs = parse_qsl(req.args or "", keep_blank_values)
        self._fields = None
        kind, options = _body_type(req)
        if kind == _URLENCODED:
            body = parse_qsl(req.read(_body_length(req)), keep_blank_values)
            charset = options.get("charset")
            self._pairs += [(_decode(name, charset), _decode(value, charset)) for name, value in body]
        elif kind is not None:
            self.list.extend(_read_multipart(req, options, file_callback, field_callback))

    @classmethod
    def _of(cls, req, pairs):
        """The storage of a request whose query string and body were parsed already, by the rules of `parse_qsl`.

        The request is not kept: it holds its form, and would never be collected if the form held it too.
        """
        self = cls.__new__(cls)
        self._pairs = pairs
        self._fields = None
        return self

    @property
    def list(self):
        """All fields in order of submission, as a FieldList; changing it changes the form."""
        if self._fields is None:
            self._fields = FieldList([StringField(value, name) for name, value in self._pairs])
        return self._fields

    @list.setter
    def list(self, fields):
        self._fields = fields if isinstance(fields, FieldList) else FieldList(fields)

    def __getitem__(self, name):
        """The field of this name, or a list of them if there are several; raises KeyError if there is none."""
        fields = self.list._by_name()[name]
        return fields[0] if len(fields) == 1 else fields[:]

    def __setitem__(self, name, value):
        """Replace all fields of this name by one."""
        field = _text_field(name, value)
        self.list[:] = [other for other in self.list if other.name != field.name]
        self.list.append(field)

    def __delitem__(self, name):
        """Remove all fields of this name; raises KeyError if there is none."""
        if name not in self:
            raise KeyError(name)
        self.list[:] = [field for field in self.list if field.name != name]

    def __contains__(self, name):
        return name in self.list._by_name()

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        """The number of different names."""
        return len(self.list._by_name())

    def __repr__(self):
        return repr(self.list._by_name())

    def get(self, name, default=None):
        """The field of this name, a list of them if there are several, or `default`."""
        return self[name] if name in self else default

    def getfirst(self, name, default=None):
        """The first field of this name, or `default`."""
        fields = self.list._by_name().get(name)
        return fields[0] if fields else default

    def getlist(self, name):
        """A list of the fields of this name."""
        return self.list._by_name().get(name, [])[:]

    def has_key(self, name):
        """Whether there is a field of this name."""
        return name in self

    def keys(self):
        """The different names, in the order of their first fields."""
        return [*self.list._by_name()]

    def items(self):
        """A (name, field) pair for every field, in order of submission."""
        return [(field.name, field) for field in self.list]

    def add_field(self, name, value):
        """Append a field. Name and value are text, or bytes in UTF-8; anything else raises TypeError."""
        self.list.append(_text_field(name, value))

    def clear(self):
        """Remove all fields."""
        self.list.clear()

    def _arguments(self):
        """A dict of the names to what a function gets for them: text, a Field, or a list of these."""
        if self._fields is None:
            pairs = self._pairs
        else:
            pairs = [(field.name, field.value if isinstance(field, str) else field) for field in self._fields]
        found = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        # The part of a multipart body that has no name cannot be an argument.
        found.pop(None, None)
        return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _text_field(name, value):
    for given in (name, value):
        if not isinstance(given, (str, bytes)):
            raise TypeError(f"names and values of fields are str or bytes, not {type(given).__name__}")
    return StringField(value, _decode(name) if isinstance(name, bytes) else name)


# Bodies


_URLENCODED = "application/x-www-form-urlencoded"
_FORM_DATA = "multipart/form-data"

# Longer numbers are no lengths of anything.
_LENGTH = re.compile(r"[0-9]{1,18}")


def _body_type(req):
    """The form type of the request's body and the parameters of that type; None if the body is not to be read."""
    if req.method not in ("POST", "PUT", "PATCH"):
        return None, {}
    kind, options = parse_header(req.headers_in.get("Content-Type") or "")
    if req.method != "POST":
        # Any other body of a PUT is a resource, not a form, and the handler's to read.
        return (kind if kind in (_URLENCODED, _FORM_DATA) else None), options
    kind = kind or _URLENCODED
    _body_length(req)
    if kind == _URLENCODED or kind.startswith("multipart/"):
        return kind, options
    from mod_python import apache

    raise apache.SERVER_RETURN(apache.HTTP_NOT_IMPLEMENTED)


def _body_length(req):
    """How many bytes `req.read` has to be asked for; -1, all of them, for a chunked body.

    Raises SERVER_RETURN(411) if the client gave no length.
    """
    if req.headers_in.get("Transfer-Encoding"):
        return -1
    length = req.headers_in.get("Content-Length") or ""
    if _LENGTH.fullmatch(length):
        return int(length)
    from mod_python import apache

    raise apache.SERVER_RETURN(apache.HTTP_LENGTH_REQUIRED)


def _read_multipart(req, options, file_callback, field_callback):
    from mod_python import apache

    _body_length(req)
    boundary = _encode(options.get("boundary", "")).rstrip()
    if not boundary:
        raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
    for head, content in MultipartReader(req.readline, boundary, readBlockSize):
        yield _part_field(head, content, apache.table, file_callback, field_callback)


def _part_field(head, content, make_headers, file_callback=None, field_callback=None):
    """The field of a multipart body's part: a Field if it has a file name, else a StringField."""
    named = {name.lower(): value for name, value in head}
    disposition, options = _parse_disposition(named.get("content-disposition"))
    kind, kind_options = _parse_type(named.get("content-type"))
    name, filename = options.get("name"), options.get("filename")
    storage = _storage(filename, file_callback, field_callback)
    for block in content:
        storage.write(block)
    storage.seek(0)
    if filename:
        return Field(name, storage, kind, kind_options, disposition, options, make_headers(head))
    field = StringField(_text_of(storage, kind_options.get("charset")), name)
    field._file = storage
    field.type, field.type_options = kind, kind_options
    field.disposition, field.disposition_options = disposition, options
    field.headers = make_headers(head)
    return field


def _storage(filename, file_callback, field_callback):
    """Where the content of a part goes. An empty name is what browsers send if no file was chosen."""
    if filename is None:
        return field_callback() if callable(field_callback) else io.BytesIO()
    if callable(file_callback):
        return file_callback(filename)
    return tempfile.TemporaryFile("w+b") if filename else io.BytesIO()


def _text_of(storage, charset):
    data = storage.read()
    storage.seek(0)
    return data if isinstance(data, str) else _decode(data, charset)


# Calling functions with fields


def apply_fs_data(obj, fs, **args):
    """Call `obj` with `args` and the fields of `fs` that it takes by name, and answer its result.

    Text is passed as str, an upload as Field, several fields of one name as list. A field never takes the place of
    one of `args`, nor of what is bound already (`self`, the arguments of a partial). What `obj` has no parameter for
    is left out, unless it takes `**kw`. A decorator's `**kw` takes what the decorated function takes. Callables that
    do not tell their parameters, such as built-in functions, are called without arguments.

    Raises what `obj` raises, and TypeError if it lacks an argument.
    """
    positional, keywords = accepted(obj).select({**fs._arguments(), **args})
    return obj(*positional, **keywords)


# Redirects


_UNSAFE_LOCATION = re.compile(r"[\r\n\0]")
_ASCII = "".join(map(chr, range(128)))
_REDIRECTS = (301, 302, 303, 307, 308)


def redirect(req, location, permanent=0, text=None, status=None):
    """Send the client to `location` and end the request; never returns.

    The status is 302, or 301 if `permanent`, or `status`, which may also be 303, 307 or 308. The body is `text`, or
    a link.

    Raises SERVER_RETURN(DONE) when done. Raises TypeError if the location is no str, ValueError if it holds a line
    break or NUL or if the status is none of the above, and OSError if output was sent already.
    """
    location = _checked_location(location)
    if status is None:
        status = 301 if permanent else 302
    if status not in _REDIRECTS:
        raise ValueError(f"{status!r} is not the status of a redirect")
    if req.sent_bodyct:
        raise OSError("cannot redirect: output was sent already")
    from mod_python import apache

    req.err_headers_out["Location"] = location
    req.status = status
    if text is None:
        req.content_type = "text/html; charset=utf-8"
        text = f'<p>The document has moved <a href="{html.escape(location)}">here</a>.</p>\n'
    req.write(text)
    raise apache.SERVER_RETURN(apache.DONE)


def _checked_location(location):
    if not isinstance(location, str):
        raise TypeError(f"a location is str, not {type(location).__name__}")
    if _UNSAFE_LOCATION.search(location):
        raise ValueError("a location cannot hold line breaks or NUL")
    # A header holds ASCII. Everything that is ASCII stays as the caller wrote it.
    return quote(location, safe=_ASCII, errors="surrogateescape")
