//! P3 and P8: a source text that CPython accepts is loaded, and one that it refuses is contained.

use crate::{
    app::{App, handler},
    support::mpm_tests,
};

/// Texts that CPython compiles, and the value of `V` that each leads to.
fn accepted() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut huge = b"V = 'huge'\nDATA = [\n".to_vec();
    huge.extend(b"    1234567,\n".repeat(200_000));
    huge.extend(b"]\n");
    let mut large = b"V = 'large'\n#".to_vec();
    large.extend(b"x".repeat(50 << 20));
    let mut deep = b"V = 'deep'\nD = ".to_vec();
    deep.extend(b"[".repeat(90));
    deep.extend(b"]".repeat(90));
    deep.push(b'\n');
    vec![
        ("BOM", b"\xef\xbb\xbfV = 'bom'\n".to_vec(), "bom"),
        ("declared latin-1", b"# -*- coding: latin-1 -*-\nV = '\xe9t\xe9'\n".to_vec(), "\u{e9}t\u{e9}"),
        ("CRLF", b"V = 'crlf'\r\nif V:\r\n    W = 1\r\n".to_vec(), "crlf"),
        ("no line end", b"V = 'short'".to_vec(), "short"),
        ("huge", huge, "huge"),
        ("50 MB", large, "large"),
        ("deep", deep, "deep"),
    ]
}

/// Texts that CPython refuses to compile, for various reasons.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let mut parentheses = b"V = ".to_vec();
    parentheses.extend(b"(".repeat(1_000));
    parentheses.push(b'1');
    parentheses.extend(b")".repeat(1_000));
    let mut minus = b"V = ".to_vec();
    minus.extend(b"-".repeat(100_000));
    minus.extend(b"1\n");
    let mut blocks = Vec::new();
    for depth in 0..200 {
        blocks.extend(b" ".repeat(depth));
        blocks.extend(b"if 1:\n");
    }
    blocks.extend(b" ".repeat(200));
    blocks.extend(b"V = 1\n");
    vec![
        ("NUL", b"V = 'nul'\x00\n".to_vec()),
        ("undeclared latin-1", b"V = '\xe9'\n".to_vec()),
        ("BOM and another encoding", b"\xef\xbb\xbf# coding: latin-1\nV = 'both'\n".to_vec()),
        ("unknown encoding", b"# coding: no-such-encoding\nV = 'unknown'\n".to_vec()),
        ("nested parentheses", parentheses),
        ("nested operators", minus),
        ("nested blocks", blocks),
    ]
}

mpm_tests! {
    [prefork, event]
    fn p8_what_cpython_takes_is_loaded(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 'first'")]);
        let first = app.expect("first");
        for (what, bytes, value) in accepted() {
            app.site.write("c.py", bytes);
            let answer = app.ask();
            assert_eq!(answer.value, value, "{what}");
            assert_eq!(answer.pid, first.pid, "{what}");
        }
        app.expect_failures(0);
    }

    [prefork, event]
    fn p3_what_cpython_refuses_is_last_good(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 0")]);
        let first = app.expect("0");
        for (number, (what, bytes)) in refused().into_iter().enumerate() {
            app.site.write("c.py", bytes);
            for _ in 0..2 {
                let answer = app.ask();
                assert_eq!(answer.value, number.to_string(), "{what}");
                assert_eq!(answer.pid, first.pid, "{what}");
            }
            assert_eq!(app.failures().len(), number + 1, "{what}: {:#?}", app.failures());

            app.edit("c.py", &format!("V = {}", number + 1));
            assert_eq!(app.ask().value, (number + 1).to_string(), "after {what}");
        }
    }
}
