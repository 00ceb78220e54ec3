//! Shell patterns: `*`, `?` and `[...]`.

/// Whether the text matches the pattern. `*` also matches slashes; a `[` without a `]` is literal.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
            continue;
        }
        match one(&pattern[p..], text[t]) {
            Some(length) => {
                p += length;
                t += 1;
            }
            None => match star {
                Some((sp, st)) => {
                    star = Some((sp, st + 1));
                    p = sp + 1;
                    t = st + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Whether a text has wildcards.
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|c| matches!(c, b'*' | b'?' | b'['))
}

/// How many bytes at the beginning of the pattern match this byte; `None` if they do not.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => match set(pattern) {
            Some((members, length)) => contains(members, byte).then_some(length),
            None => (byte == b'[').then_some(1),
        },
        c => (*c == byte).then_some(1),
    }
}

/// The members of a bracket expression, and its length. A `]` in first place is a member.
fn set(pattern: &[u8]) -> Option<(&[u8], usize)> {
    let first = if pattern.get(1) == Some(&b'!') { 3 } else { 2 };
    let end = pattern.iter().skip(first).position(|c| *c == b']')? + first;
    Some((&pattern[1..end], end + 1))
}

fn contains(members: &[u8], byte: u8) -> bool {
    let (members, is_negated) = match members.strip_prefix(b"!") {
        Some(rest) => (rest, true),
        None => (members, false),
    };
    let mut rest = members;
    let mut found = false;
    loop {
        rest = match rest {
            [] => return found != is_negated,
            [low, b'-', high, more @ ..] => {
                found |= (*low..=*high).contains(&byte);
                more
            }
            [member, more @ ..] => {
                found |= *member == byte;
                more
            }
        };
    }
}
