//! What may be walked through, and what may be published.

use crate::{pages::Pages, support::mpm_tests};

mpm_tests! {
    [prefork, event]
    fn private_names_are_refused_at_every_level(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
_secret = 'no'
def _hidden():
    return 'no'
def shown():
    return 'yes'
class _K:
    value = 'no'
    _value = 'no'
instance = _K()
",
        );
        pages.site.write("_private.py", "def index():\n    return 'no'\n");
        pages.site.write("__init__.py", "def index():\n    return 'no'\n");
        pages.expect("/shown", "yes");
        for target in [
            "/_secret",
            "/_hidden",
            "/instance/_value",
            "/instance/__class__",
            "/instance/__dict__",
            "/__name__",
            "/shown/__globals__",
            "/shown/__code__",
            "/_private",
            "/_private.py",
            "/_private/index",
            "/__init__",
            "/_nothing_of_that_name",
            "/index/_secret",
            "/instance._value",
        ] {
            pages.refuse(target, 403);
        }
    }

    [prefork, event]
    fn modules_classes_and_builtins_are_refused(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
import os
import os as system
from os import path, getcwd
from len_alias import builtin
class K:
    value = 'no'
    def method(self):
        return 'no'
class Meta(type):
    pass
class M(metaclass=Meta):
    value = 'no'
def function():
    return 'yes'
function.attribute = 'no'
builtin_method = [].append
",
        );
        pages.site.write("len_alias.py", "builtin = len\n");
        pages.expect("/function", "yes");
        for target in [
            "/os",
            "/os/getcwd",
            "/system/environ",
            "/path",
            "/path/sep",
            "/getcwd",
            "/builtin",
            "/K",
            "/K/value",
            "/K/method",
            "/M",
            "/M/value",
            "/function/attribute",
            "/builtin_method",
        ] {
            pages.refuse(target, 403);
        }
    }

    [prefork, event]
    fn instances_and_plain_values_are_published(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
class Item:
    text = 'of the class'
    def __init__(self):
        self.own = 'of the instance'
    def method(self):
        return 'method of ' + self.own
    @classmethod
    def of_class(cls):
        return cls.__name__
    @staticmethod
    def static():
        return 'static'
    @property
    def computed(self):
        return 'computed'
    def __str__(self):
        return 'an item'
class Callable:
    inner = Item()
    def __call__(self):
        return 'called'
item = Item()
callable_item = Callable()
number = 42
text = 'a text'
data = b'\\xff\\x00'
numbers = [1, 2]
table = {'key': 1}
nothing = None
yes = True
",
        );
        for (target, text) in [
            ("/item", "an item"),
            ("/item/text", "of the class"),
            ("/item/own", "of the instance"),
            ("/item/computed", "computed"),
            ("/item/method", "method of of the instance"),
            ("/item/of_class", "Item"),
            ("/item/static", "static"),
            ("/item.method", "method of of the instance"),
            ("/callable_item", "called"),
            ("/callable_item/inner", "an item"),
            ("/callable_item/inner/method", "method of of the instance"),
            ("/number", "42"),
            ("/number/real", "42"),
            ("/text", "a text"),
            ("/numbers", "[1, 2]"),
            ("/table", "{'key': 1}"),
            ("/nothing", ""),
            ("/yes", "True"),
        ] {
            pages.expect(target, text);
        }
        assert_eq!(pages.get("/data").body, b"\xff\x00");
        for target in ["/text/upper", "/numbers/clear", "/table/keys", "/item/method/text", "/number/to_bytes"] {
            pages.refuse(target, 403);
        }
        for target in ["/absent", "/item/absent", "/item/absent/more", "/number/absent", "/text/absent"] {
            pages.refuse(target, 404);
        }
    }

    [prefork, event]
    fn odd_paths_do_no_harm(mpm) {
        let pages = Pages::of_module(
            mpm,
            "
def shown():
    return 'yes'
class Item:
    def __getattr__(self, name):
        if name.startswith('_'):
            raise AttributeError(name)
        return 'got ' + name
item = Item()
class Broken:
    def __getattr__(self, name):
        raise AttributeError(name) if name.startswith('_') else ValueError('no such thing')
broken = Broken()
",
        );
        pages.expect("/item/anything", "got anything");
        pages.expect("/item/%C3%A9t%C3%A9", "got \u{e9}t\u{e9}");
        pages.refuse("/broken/x", 500);
        for target in ["/item/%FF%FE", "/item/a%20b", "/item/%E2%82", "/item/%01%7F"] {
            let response = pages.get(target);
            assert!(response.status == 200 || response.status == 404, "{target}: {}", response.status);
        }
        for target in [
            "/shown/../../etc/passwd",
            "/..%2f..%2fetc/passwd",
            "/%FF",
            "/\u{e9}",
            "/shown.",
            "/.",
            "/.shown",
            "/shown..x",
            "/item/..",
            "/%00",
        ] {
            let response = pages.get(target);
            assert!(
                (400..500).contains(&response.status),
                "{target}: {} {}",
                response.status,
                String::from_utf8_lossy(&response.body)
            );
        }
        pages.expect("/shown", "yes");
    }
}
