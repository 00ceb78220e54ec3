//! The rules of query strings. The publisher and `mod_python.util` read them each with code of its own, so one table holds for
//! both.

use crate::{pages::Pages, support::mpm_tests};

const CODE: &str = "
from mod_python import util
def publisher(req):
    return ascii([(field.name, str(field.value)) for field in req.form.list])
def library(req):
    return ascii(util.parse_qsl(req.args or '', 1))
";

/// A query string, and the names and values that it holds, as Python's `ascii` shows them.
const QUERIES: [(&str, &str); 16] = [
    ("a=1&b=2", "[('a', '1'), ('b', '2')]"),
    ("a=1;b=2", "[('a', '1'), ('b', '2')]"),
    ("b=2&a=1&b=3", "[('b', '2'), ('a', '1'), ('b', '3')]"),
    ("&&a=1;;&b=2&", "[('a', '1'), ('b', '2')]"),
    ("a", "[('a', '')]"),
    ("a=", "[('a', '')]"),
    ("=1", "[('', '1')]"),
    ("=", "[('', '')]"),
    ("a=b=c", "[('a', 'b=c')]"),
    ("a+b=x+y%20z", "[('a b', 'x y z')]"),
    ("a=%2B%26%3D%3b", "[('a', '+&=;')]"),
    ("a=%zz&b=%4&c=%", "[('a', '%zz'), ('b', '%4'), ('c', '%')]"),
    ("a=%C3%A9", r"[('a', '\xe9')]"),
    ("a=%ff%41&b=%E2%82", r"[('a', '\ufffdA'), ('b', '\ufffd')]"),
    ("a=x%00y&b%00c=1", "[('a', 'x'), ('b', '1')]"),
    ("a=%2541", "[('a', '%41')]"),
];

mpm_tests! {
    [event]
    fn one_table_for_both(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        for (query, pairs) in QUERIES {
            for reader in ["publisher", "library"] {
                assert_eq!(pages.get(&format!("/{reader}?{query}")).ok(), pairs, "{reader} of {query}");
            }
        }
    }
}
