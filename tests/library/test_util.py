"""mod_python.util outside httpd: the parsers, the fields and the choice of arguments.

Whatever needs a request is tested in a real httpd. Run with `python3 -m unittest` on any Python from 3.9 on.
"""

import functools
import io
import itertools
import pathlib
import pickle
import random
import sys
import time
import tracemalloc
import unittest

sys.dont_write_bytecode = True  # the sources are embedded as they stand; no caches between them
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "src" / "library"))

from mod_python import util  # noqa: E402 - the path above leads to it
from mod_python._multipart import MultipartReader  # noqa: E402


def form(*pairs):
    return util.FieldStorage._of(None, list(pairs))


def parts(body, boundary=b"B", block_size=util.readBlockSize):
    """Every part of a multipart body as (header, content)."""
    reader = MultipartReader(io.BytesIO(body).readline, boundary, block_size)
    return [(head, b"".join(content)) for head, content in reader]


def fields(body, boundary=b"B", **callbacks):
    """Every field of a multipart body."""
    reader = MultipartReader(io.BytesIO(body).readline, boundary, util.readBlockSize)
    return [util._part_field(head, content, dict, **callbacks) for head, content in reader]


def part(header, content=b""):
    return b"--B\r\n" + header + b"\r\n\r\n" + content + b"\r\n"


def named(parameters, content=b"", more=b""):
    return part(b"Content-Disposition: form-data; " + parameters + more, content)


END = b"--B--\r\n"


class QueryStrings(unittest.TestCase):
    def test_short_names_keep_their_values(self):
        self.assertEqual(util.parse_qsl("a=1&b=2"), [("a", "1"), ("b", "2")])

    def test_rules(self):
        for qs, expected in [
            ("a=1;b=2", [("a", "1"), ("b", "2")]),
            ("a=b=c", [("a", "b=c")]),
            ("=v", [("", "v")]),
            ("a", []),
            ("a=&&;&b=x", [("b", "x")]),
            ("a=x+y%20z", [("a", "x y z")]),
            ("a=%zz%4&b=%41%", [("a", "%zz%4"), ("b", "A%")]),
            ("a=x%00y&b=1", [("a", "x"), ("b", "1")]),
            ("a=%2500", [("a", "%00")]),
            ("%61=%26%3b%3D", [("a", "&;=")]),
            ("n%C3%A9=%E2%82%AC", [("né", "€")]),
            ("é=ü", [("é", "ü")]),
            ("", []),
        ]:
            with self.subTest(qs):
                self.assertEqual(util.parse_qsl(qs), expected)

    def test_blank_values_are_kept_on_demand(self):
        self.assertEqual(util.parse_qsl("a&b=&c=1", 1), [("a", ""), ("b", ""), ("c", "1")])
        self.assertEqual(util.parse_qsl("a&c=1", keep_blank_values=True), [("a", ""), ("c", "1")])

    def test_strict_parsing_refuses_a_field_without_equals(self):
        with self.assertRaises(ValueError):
            util.parse_qsl("a=1&b", 0, 1)

    def test_what_is_not_utf8_becomes_the_replacement_character(self):
        self.assertEqual(util.parse_qsl("a=%ff%fe&b=%C3"), [("a", "\ufffd\ufffd"), ("b", "\ufffd")])
        self.assertEqual(util.parse_qs("%ff=1"), {"\ufffd": ["1"]})

    def test_surrogates_are_no_error(self):
        self.assertEqual(util.parse_qsl("a=\udcc3\udca9"), [("a", "é")])
        self.assertEqual(util.parse_qsl("a=\udcff&b=\ud800"), [("a", "?"), ("b", "?")])
        self.assertEqual(util.parse_qsl("a=\udcff"), [("a", "\ufffd")])

    def test_bytes_give_bytes(self):
        self.assertEqual(util.parse_qsl(b"a=%ff&b=1+2"), [(b"a", b"\xff"), (b"b", b"1 2")])
        self.assertEqual(util.parse_qs(b"a=1&a=2"), {b"a": [b"1", b"2"]})

    def test_dict_collects_in_order(self):
        self.assertEqual(util.parse_qs("a=1&b=2;a=3"), {"a": ["1", "3"], "b": ["2"]})

    def test_other_types_are_refused(self):
        for wrong in (None, 5, bytearray(b"a=1")):
            with self.assertRaises(TypeError):
                util.parse_qsl(wrong)

    def test_any_bytes_parse(self):
        choice = random.Random(1)
        for _ in range(2000):
            data = bytes(choice.choices(b"ab=&;%+012fF\x00\xff\xc3\xa9", k=choice.randrange(40)))
            raw = util.parse_qsl(data, 1)
            text = util.parse_qsl(data.decode("utf-8", "surrogateescape"), 1)
            self.assertEqual(text, [tuple(item.decode("utf-8", "replace") for item in pair) for pair in raw])


class HeaderValues(unittest.TestCase):
    def test_rules(self):
        for line, expected in [
            ("text/plain", ("text/plain", {})),
            ("", ("", {})),
            ("Text/HTML; Charset=UTF-8", ("text/html", {"charset": "UTF-8"})),
            ('form-data; name="a;b"; filename="c\\"d\\\\e"', ("form-data", {"name": "a;b", "filename": 'c"d\\e'})),
            ('a; f="C:\\tmp\\new.txt"', ("a", {"f": "C:\\tmp\\new.txt"})),
            ("a;b = c d ;e", ("a", {"b": "c d", "e": ""})),
            ('a; b="open; c=d', ("a", {"b": "open; c=d"})),
            ('a; b="x" junk; c=d', ("a", {"b": "x", "c": "d"})),
            ("a;;; =x; b=1; B=2", ("a", {"b": "2"})),
            ('multipart/form-data; boundary="x y"', ("multipart/form-data", {"boundary": "x y"})),
        ]:
            with self.subTest(line):
                self.assertEqual(util.parse_header(line), expected)

    def test_bytes_give_bytes(self):
        line = b'A/B; N="\xff"; M=voil\xc3\xa0'
        self.assertEqual(util.parse_header(line), (b"a/b", {b"n": b"\xff", b"m": b"voil\xc3\xa0"}))


class StringFields(unittest.TestCase):
    def test_is_text_that_knows_its_name(self):
        field = util.StringField("é", "n")
        self.assertEqual(field, "é")
        self.assertEqual(f"{field}!", "é!")
        self.assertEqual({"é": 1}[field], 1)
        self.assertEqual((field.name, field.filename, field.type), ("n", None, "text/plain"))
        self.assertIs(type(field.value), str)
        self.assertIs(type(str(field)), str)
        self.assertEqual(repr(field), "Field('n', 'é')")

    def test_defaults_are_empty_and_cannot_be_shared_by_accident(self):
        field = util.StringField("v")
        for default in (field.type_options, field.disposition_options, field.headers):
            self.assertEqual(default, {})
            with self.assertRaises(TypeError):
                default["k"] = "v"
        self.assertIsNone(field.disposition)

    def test_file_is_made_once_and_holds_the_bytes(self):
        field = util.StringField("é", "n")
        self.assertEqual(field.file.read(), b"\xc3\xa9")
        self.assertEqual(field.file.read(), b"")

    def test_bytes_are_decoded(self):
        self.assertEqual(util.StringField(b"\xff\xc3\xa9"), "\ufffdé")

    def test_pickles_as_text(self):
        restored = pickle.loads(pickle.dumps(util.StringField("v", "n")))
        self.assertEqual(restored, "v")
        self.assertIs(type(restored), str)


class Fields(unittest.TestCase):
    def test_legacy_constructor(self):
        file = io.BytesIO(b"data")
        field = util.Field("n", file, "a/b", {"c": "d"}, "form-data", {"filename": "f"}, {"H": "v"})
        self.assertEqual((field.name, field.file, field.filename, field.type), ("n", file, "f", "a/b"))
        self.assertEqual((field.type_options, field.disposition), ({"c": "d"}, "form-data"))
        self.assertEqual(field.headers, {"H": "v"})
        self.assertEqual(util.Field("n").value, b"")

    def test_value_is_the_whole_file_and_rewinds(self):
        field = util.Field("n", io.BytesIO(b"data"))
        field.file.read(2)
        self.assertEqual(field.value, b"data")
        self.assertEqual(field.file.read(), b"data")

    def test_text_storage_has_no_value(self):
        with self.assertRaises(TypeError):
            util.Field("n", io.StringIO("text")).value

    def test_repr_is_short(self):
        self.assertEqual(repr(util.Field("n", io.BytesIO(b"data"))), "Field('n', b'data')")
        self.assertLess(len(repr(util.Field("n", io.BytesIO(b"x" * 10**6)))), 100)

    def test_storage_is_closed_with_the_field(self):
        file = io.BytesIO(b"data")
        field = util.Field("n", file)
        del field
        self.assertTrue(file.closed)


class Storages(unittest.TestCase):
    def test_access(self):
        fs = form(("a", "1"), ("b", "2"), ("a", "3"))
        self.assertEqual(fs["a"], ["1", "3"])
        self.assertEqual(fs["b"], "2")
        self.assertEqual(fs["b"].name, "b")
        self.assertEqual(fs.get("a"), ["1", "3"])
        self.assertEqual((fs.get("x"), fs.get("x", 5)), (None, 5))
        self.assertEqual((fs.getfirst("a"), fs.getfirst("x"), fs.getfirst("x", "d")), ("1", None, "d"))
        self.assertEqual((fs.getlist("a"), fs.getlist("x")), (["1", "3"], []))
        self.assertEqual((fs.keys(), list(fs), len(fs)), (["a", "b"], ["a", "b"], 2))
        self.assertEqual(fs.items(), [("a", "1"), ("b", "2"), ("a", "3")])
        self.assertTrue(fs.has_key("a") and "b" in fs and "c" not in fs)
        self.assertEqual(repr(fs), "{'a': [Field('a', '1'), Field('a', '3')], 'b': [Field('b', '2')]}")
        self.assertIsInstance(fs.list, util.FieldList)
        with self.assertRaises(KeyError):
            fs["x"]

    def test_answers_are_copies(self):
        fs = form(("a", "1"), ("a", "2"))
        fs["a"].clear()
        fs.getlist("a").clear()
        fs.list.table()["a"].clear()
        self.assertEqual(fs["a"], ["1", "2"])

    def test_changes(self):
        fs = form(("a", "1"), ("b", "2"), ("a", "3"))
        fs["a"] = "4"
        self.assertEqual(fs.items(), [("b", "2"), ("a", "4")])
        fs.add_field("b", b"\xc3\xa9")
        self.assertEqual(fs["b"], ["2", "é"])
        del fs["b"]
        self.assertEqual(fs.keys(), ["a"])
        with self.assertRaises(KeyError):
            del fs["b"]
        with self.assertRaises(TypeError):
            fs["n"] = 5
        with self.assertRaises(TypeError):
            fs.add_field(5, "v")
        fs.clear()
        self.assertFalse(fs)
        self.assertEqual(fs.items(), [])

    def test_changes_of_the_list_are_seen(self):
        fs = form(("a", "1"))
        self.assertEqual(fs["a"], "1")
        fs.list.append(util.StringField("2", "a"))
        self.assertEqual(fs["a"], ["1", "2"])
        fs.list.pop(0)
        self.assertEqual(fs["a"], "2")
        fs.list += [util.StringField("3", "b")]
        fs.list.insert(0, util.StringField("4", "c"))
        self.assertEqual(fs.keys(), ["c", "a", "b"])
        del fs.list[0]
        self.assertEqual(fs.list.table(), {"a": ["2"], "b": ["3"]})
        fs.list = [util.StringField("5", "d")]
        self.assertEqual(fs["d"], "5")

    def test_is_quick_to_make(self):
        pairs = [("name", "value")] * 1000
        begin = time.perf_counter()
        for _ in range(1000):
            util.FieldStorage._of(None, pairs)
        self.assertLess(time.perf_counter() - begin, 0.1)


class MultipartBodies(unittest.TestCase):
    def test_content_is_exact(self):
        contents = b"", b"x", b"\r\n", b"\n", b"a\n\r\n", b"a\r", b"--B x", b"x--B\r\n", b"\r\n\r\n", b"\0\xff\n\n\r"
        for content in contents:
            with self.subTest(content):
                self.assertEqual(parts(part(b"H: v", content) + END), [([("H", "v")], content)])

    def test_content_is_exact_whatever_the_block_size(self):
        choice = random.Random(2)
        for _ in range(500):
            contents = [bytes(choice.choices(b"\r\n-Bx", k=choice.randrange(30))) for _ in range(3)]
            contents = [content for content in contents if b"\n--B" not in b"\n" + content]
            body = b"".join(part(b"H: v", content) for content in contents) + END
            found = parts(body, block_size=choice.choice((6, 7, 8, 9, 50)))
            self.assertEqual([content for _head, content in found], contents)

    def test_preamble_epilogue_and_bare_line_feeds(self):
        body = b"before\r\n--B\nH: v\n\none\n--B \t\r\n\r\ntwo\r\n--B--\r\nafter\r\n--B\r\n\r\nx"
        self.assertEqual(parts(body), [([("H", "v")], b"one"), ([], b"two")])

    def test_truncated_bodies_end_their_last_part(self):
        body = part(b"H: v", b"one") + part(b"H: w", b"two")
        self.assertEqual(parts(body), [([("H", "v")], b"one"), ([("H", "w")], b"two\r\n")])
        self.assertEqual(parts(b"--B\r\nH: v\r\n\r\nda"), [([("H", "v")], b"da")])
        for cut in (b"", b"--", b"--B", b"--B\r\n", b"--B\r\nH: v", b"--B\r\nH: v\r\n", b"no delimiter at all"):
            with self.subTest(cut):
                self.assertEqual(parts(cut), [])

    def test_any_cut_is_tolerated(self):
        body = named(b'name="a"', b"1\r\n2") + named(b'name="f"; filename="x"', b"\r\n" * 5) + END
        for length in range(len(body)):
            fields(body[:length])

    def test_a_part_without_a_blank_line_is_empty(self):
        self.assertEqual(parts(b"--B\r\nH: v\r\n--B\r\nH: w\r\n--B--"), [([("H", "v")], b""), ([("H", "w")], b"")])

    def test_content_that_is_not_asked_for_is_read_over(self):
        reader = MultipartReader(io.BytesIO(part(b"H: 1", b"x\r\ny") + part(b"H: 2") + END).readline, b"B", 100)
        self.assertEqual([head for head, _content in reader], [[("H", "1")], [("H", "2")]])

    def test_folded_headers_are_joined(self):
        body = part(b"A: 1;\r\n  b=2\r\nnonsense\r\nC:3") + END
        self.assertEqual(parts(body), [([("A", "1; b=2"), ("C", "3")], b"")])

    def test_endless_headers_do_not_fill_the_memory(self):
        body = b"--B\r\nH: v\r\nL: " + b"x" * 300 + b"\r\n" + b"M: v\r\n" * 100 + b"\r\ncontent\r\n" + END
        [(head, content)] = parts(body, block_size=100)
        self.assertLess(sum(len(name) + len(value) for name, value in head), 200)
        self.assertEqual(content, b"content")

    def test_text_fields(self):
        [field] = fields(named(b'name="n\xc3\xa9"', b"v\xc3\xa9\xff") + END)
        self.assertIsInstance(field, util.StringField)
        self.assertEqual((field.name, field.value, field.filename), ("né", "vé\ufffd", None))
        self.assertEqual(field.file.read(), b"v\xc3\xa9\xff")
        self.assertEqual((field.type, field.disposition), ("text/plain", "form-data"))
        self.assertEqual(field.disposition_options, {"name": "né"})
        self.assertEqual(field.headers, {"Content-Disposition": 'form-data; name="né"'})

    def test_charset_of_a_part(self):
        unknown = "\ufffd\ufffd"
        for charset, expected in [(b"ISO-8859-1", "é\xff"), (b"unicode_escape", unknown), (b"iso-8859-99", unknown)]:
            with self.subTest(charset):
                more = b"\r\nContent-Type: text/plain; charset=" + charset
                [field] = fields(named(b"name=n", b"\xe9\xff", more) + END)
                self.assertEqual(field, expected)

    def test_uploads(self):
        more = b"\r\nContent-Type: Image/PNG; x=y"
        [field] = fields(named(b'name="f"; filename="a;\\"b\\".png"', b"\x89PNG\r\n", more) + END)
        self.assertIsInstance(field, util.Field)
        self.assertEqual((field.name, field.filename, field.value), ("f", 'a;"b".png', b"\x89PNG\r\n"))
        self.assertEqual((field.type, field.type_options), ("image/png", {"x": "y"}))
        self.assertEqual(field.file.read(), b"\x89PNG\r\n")

    def test_extended_file_names(self):
        for parameters, expected in [
            (b"name=f; filename=plain; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt", "naïve €.txt"),
            (b"name=f; filename*=iso-8859-1'en'%A3", "£"),
            (b"name=f; filename=plain; filename*=broken", "plain"),
            (b"name=f; filename*=utf-8''%FF", "\ufffd"),
        ]:
            with self.subTest(parameters):
                [field] = fields(named(parameters) + END)
                self.assertEqual(field.filename, expected)

    def test_an_empty_file_name_is_no_upload(self):
        [field] = fields(named(b'name="f"; filename=""') + END)
        self.assertEqual((type(field), field.value), (util.StringField, ""))

    def test_a_part_without_disposition_has_no_name(self):
        [field] = fields(part(b"X: y", b"v") + END)
        self.assertEqual((field.name, field.value, field.disposition), (None, "v", None))

    def test_a_type_without_a_slash_is_unknown(self):
        [field] = fields(named(b"name=n; filename=f", b"", b"\r\nContent-Type: odd") + END)
        self.assertEqual(field.type, "application/octet-stream")

    def test_callbacks_give_the_storage(self):
        files, texts = {}, []

        def file_callback(filename):
            return files.setdefault(filename, io.BytesIO())

        def field_callback():
            texts.append(io.BytesIO())
            return texts[-1]

        body = named(b"name=t", b"text") + named(b"name=f; filename=x", b"data") + END
        text, upload = fields(body, file_callback=file_callback, field_callback=field_callback)
        self.assertIs(upload.file, files["x"])
        self.assertIs(text.file, texts[0])
        self.assertEqual((upload.value, text.value, text.file.read()), (b"data", "text", b"text"))

    def test_a_large_upload_is_not_held_in_memory(self):
        lines = [b"--B\r\n", b"Content-Disposition: form-data; name=f; filename=x\r\n", b"\r\n"]
        body = itertools.chain(lines, itertools.repeat(b"x" * util.readBlockSize, 512), [b"\r\n", END, b""])
        tracemalloc.start()
        reader = MultipartReader(lambda size: next(body), b"B", util.readBlockSize)
        [field] = [util._part_field(head, content, dict) for head, content in reader]
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertLess(peak, 2 * 1024 * 1024)
        self.assertEqual(field.file.seek(0, io.SEEK_END), 512 * util.readBlockSize)


class LinearTime(unittest.TestCase):
    """Sixteen times the input takes about sixteen times as long, not 256 times."""

    def check(self, make, run):
        def seconds(size):
            data = make(size)
            durations = []
            for _ in range(3):
                begin = time.perf_counter()
                run(data)
                durations.append(time.perf_counter() - begin)
            return min(durations)

        size = 2000
        self.assertLess(seconds(16 * size), 80 * max(seconds(size), 0.0005))

    def test_multipart(self):
        for make in (
            lambda n: part(b"H: v", b"\n" * n) + END,
            lambda n: part(b"H: v", b"\r\n--" * n) + END,
            lambda n: part(b"H: v", b"--B" * n) + END,
            lambda n: part(b"H: v" + b"\r\n v" * n) + END,
            lambda n: part(b"H: v", b"v") * n + END,
            lambda n: part(b"H: " + b"v" * n) + END,
            lambda n: b"--B\r\n" * n,
        ):
            self.check(make, parts)

    def test_headers(self):
        for piece in (";", ';a="', '"', '\\"', "; ", "a", ";a=b"):
            for start in ("a", 'a; b="'):
                self.check(lambda n: start + piece * n, util.parse_header)

    def test_query_strings(self):
        for piece in ("a=b&", "%", "%00", "+", "&", "a=%ff;"):
            self.check(lambda n: piece * n, util.parse_qsl)

    def test_storage(self):
        def use(fs):
            for name in fs:
                fs[name]
                fs.add_field("more", "x")

        self.check(lambda n: form(*((str(i), "x") for i in range(n))), use)


def passing(function):
    """A decorator that hides nothing."""

    @functools.wraps(function)
    def wrapper(*args, **kw):
        return function(*args, **kw)

    return wrapper


class Arguments(unittest.TestCase):
    def setUp(self):
        self.fs = form(("a", "1"), ("b", "2"), ("c", "3"), ("b", "4"), ("req", "evil"), ("self", "evil"))

    def call(self, obj, **args):
        return util.apply_fs_data(obj, self.fs, **args)

    def test_by_name(self):
        self.assertEqual(self.call(lambda a, b: (a, b)), ("1", ["2", "4"]))
        self.assertIs(type(self.call(lambda a: a)), str)

    def test_defaults_stay(self):
        self.assertEqual(self.call(lambda a, x=5: (a, x)), ("1", 5))

    def test_a_missing_argument_is_a_type_error(self):
        with self.assertRaises(TypeError):
            self.call(lambda x: x)

    def test_keyword_only(self):
        def take(a, *, b, c="d"):
            return a, b, c

        self.assertEqual(self.call(take), ("1", ["2", "4"], "3"))

    def test_positional_only(self):
        def take(req, a, /, b, **kw):
            return req, a, b, kw

        self.assertEqual(self.call(take, req=0), (0, "1", ["2", "4"], {"c": "3", "self": "evil"}))

    def test_positional_only_stops_at_a_gap(self):
        def take(a, x=8, c=9, /):
            return a, x, c

        self.assertEqual(self.call(take), ("1", 8, 9))

    def test_var_positional_gets_nothing(self):
        def take(a, *b):
            return a, b

        self.assertEqual(self.call(take), ("1", ()))

    def test_var_keyword_gets_the_rest(self):
        def take(req, **kw):
            return req, kw

        self.assertEqual(self.call(take, req=0), (0, {"a": "1", "b": ["2", "4"], "c": "3", "self": "evil"}))

    def test_a_client_cannot_replace_an_argument(self):
        self.assertEqual(self.call(lambda req: req, req=0), 0)
        self.assertEqual(self.call(lambda a: a, a=None), None)
        self.assertEqual(self.call(passing(lambda req: req), req=0), 0)

    def test_arguments_without_a_parameter_are_dropped(self):
        self.assertEqual(self.call(lambda a: a, req=0), "1")

    def test_methods_classes_and_instances(self):
        class Page:
            def __init__(self, a, **kw):
                self.made = a, sorted(kw)

            def show(self, c, **kw):
                return c, sorted(kw)

            def __call__(self, b, **kw):
                return b, sorted(kw)

            @classmethod
            def make(cls, a):
                return cls, a

            @staticmethod
            def plain(c):
                return c

        page = Page(0)
        self.assertEqual(self.call(Page).made, ("1", ["b", "c", "req"]))
        self.assertEqual(self.call(page.show), ("3", ["a", "b", "req"]))
        self.assertEqual(self.call(page), (["2", "4"], ["a", "c", "req"]))
        self.assertEqual(self.call(Page.make), (Page, "1"))
        self.assertEqual(self.call(page.plain), "3")

    def test_classes_made_by_new(self):
        class Text(str):
            def __new__(cls, a):
                return str.__new__(cls, a)

        self.assertEqual(self.call(Text), "1")

    def test_classes_without_a_constructor(self):
        class Empty:
            pass

        self.assertIsInstance(self.call(Empty), Empty)

    def test_partials_keep_what_is_bound(self):
        def take(req, a, b, **kw):
            return req, a, b, sorted(kw)

        self.assertEqual(self.call(functools.partial(take, 7, b=8)), (7, "1", 8, ["c", "self"]))

    def test_decorators_take_what_the_function_takes(self):
        self.assertEqual(self.call(passing(passing(lambda a: a))), "1")
        self.assertEqual(self.call(functools.lru_cache()(lambda a, c=0: (a, c))), ("1", "3"))

    def test_decorators_keep_their_own_parameters(self):
        def inner(a):
            return a

        @functools.wraps(inner)
        def adds(req, **kw):
            return req, inner(**kw)

        @functools.wraps(inner)
        def narrow(req):
            return req, inner("fixed")

        self.assertEqual(self.call(adds, req=0), (0, "1"))
        self.assertEqual(self.call(narrow, req=0), (0, "fixed"))

    def test_decorated_methods(self):
        class Page:
            @passing
            def show(self, a):
                return a

            @passing
            def everything(self, **kw):
                return sorted(kw)

        self.assertEqual(self.call(Page().show), "1")
        self.assertEqual(self.call(Page().everything), ["a", "b", "c", "req"])

    def test_class_based_decorators(self):
        class Decorator:
            def __init__(self, function):
                functools.update_wrapper(self, function)

            def __call__(self, *args, **kw):
                return self.__wrapped__(*args, **kw)

        self.assertEqual(self.call(Decorator(lambda a: a)), "1")

    def test_callables_that_do_not_tell(self):
        self.assertEqual(self.call(dict), {})
        self.assertEqual(self.call("x".upper, req=0), "X")

    def test_uploads_and_nameless_parts(self):
        body = named(b"name=f; filename=x", b"data") + named(b"name=t", b"v") + part(b"X: y", b"v") + END
        fs = form()
        fs.list.extend(fields(body))
        taken = util.apply_fs_data(lambda **kw: kw, fs)
        self.assertEqual(sorted(taken), ["f", "t"])
        self.assertIsInstance(taken["f"], util.Field)
        self.assertIs(type(taken["t"]), str)


class Redirects(unittest.TestCase):
    """What is refused before the request is touched."""

    def test_locations(self):
        for location in ("/a\r\nSet-Cookie: x=y", "/a\nb", "/a\rb", "/a\0b"):
            with self.subTest(location), self.assertRaises(ValueError):
                util.redirect(None, location)
        for location in (b"/a", None):
            with self.subTest(location), self.assertRaises(TypeError):
                util.redirect(None, location)

    def test_status(self):
        for status in (200, 300, 304, 404):
            with self.subTest(status), self.assertRaises(ValueError):
                util.redirect(None, "/a", status=status)

    def test_locations_become_ascii(self):
        self.assertEqual(util._checked_location("/é%20 ?a=b&c#d"), "/%C3%A9%20 ?a=b&c#d")


class Package(unittest.TestCase):
    def test_imports_outside_httpd(self):
        import mod_python

        self.assertIsNone(mod_python.mp_version)


if __name__ == "__main__":
    unittest.main()
