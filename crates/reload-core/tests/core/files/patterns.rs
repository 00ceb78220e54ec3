//! The patterns of `PythonReloadExclude`.

use proptest::prelude::*;

use reload_core::{files::pattern, resolve::matches};

/// A matcher too simple to be wrong.
fn naive(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|n| naive(rest, &text[n..])),
        (Some((b'?', pattern)), Some((_, text))) => naive(pattern, text),
        (Some((p, pattern)), Some((t, text))) if p == t => naive(pattern, text),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// A pattern with a slash is compared with the whole path; `*` also stands for slashes.
    #[test]
    fn with_a_slash_the_whole_path_counts(pattern in "[ab*?]{0,6}/[ab*?]{0,6}", path in "[ab/]{0,12}") {
        prop_assert_eq!(matches(&pattern, &path), naive(pattern.as_bytes(), path.as_bytes()));
    }

    /// A pattern without a slash is compared with each part.
    #[test]
    fn without_a_slash_each_part_counts(pattern in "[ab*?]{0,8}", path in "[ab/]{0,12}") {
        let expected = path.split('/').any(|part| naive(pattern.as_bytes(), part.as_bytes()));
        prop_assert_eq!(matches(&pattern, &path), expected);
    }
}

/// What people write.
#[test]
fn everyday_patterns() {
    for (pattern, path, expected) in [
        ("vendor", "/srv/app/vendor/lib/x.py", true),
        ("vendor", "/srv/app/vendored/x.py", false),
        ("*_pb2.py", "/srv/app/api/user_pb2.py", true),
        ("*_pb2.py", "/srv/app/api/user_pb2_extra.py", false),
        ("/srv/app/gen/*", "/srv/app/gen/deep/er/x.py", true),
        ("/srv/app/gen/*", "/srv/app/generated/x.py", false),
        ("test_?.py", "/srv/app/test_1.py", true),
        ("test_?.py", "/srv/app/test_10.py", false),
    ] {
        assert_eq!(matches(pattern, path), expected, "{pattern} and {path}");
    }
}

/// A pattern made to keep a backtracking matcher busy for ever ends.
#[test]
fn a_hostile_pattern_ends() {
    let pattern = "*a".repeat(40) + "b";
    let text = "a".repeat(5_000);
    assert!(!matches(&pattern, &text));
    assert!(matches(&pattern, &(text + "b")));
}

/// Sets in brackets, as Python's fnmatch has them.
#[test]
fn sets_in_brackets() {
    for (pattern, text, expected) in [
        ("[ab].txt", "a.txt", true),
        ("[ab].txt", "c.txt", false),
        ("[!ab].txt", "c.txt", true),
        ("[!ab].txt", "a.txt", false),
        ("[a-c]x", "bx", true),
        ("[a-c]x", "dx", false),
        ("[]a]", "]", true),
        ("[!]a]", "b", true),
        ("[!]a]", "]", false),
        ("[a-]", "-", true),
        ("*[0-9]?", "file10", true),
        ("[open", "[open", true),
        ("[open", "o", false),
        ("[!]", "[!]", true),
    ] {
        assert_eq!(pattern::matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} and {text}");
    }
}
