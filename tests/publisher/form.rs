//! Multipart forms, uploads and `req.form`.

use crate::{
    pages::Pages,
    support::{Connection, Response, mpm_tests},
};

const MULTIPART: &str = "multipart/form-data; boundary=edge";

/// A multipart body of these parts, given as header lines and content.
fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (header, content) in parts {
        body.extend_from_slice(format!("--edge\r\n{header}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

/// The header of a text field.
fn field(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"")
}

/// The header of an upload.
fn file(name: &str, filename: &str) -> String {
    format!("{}; filename=\"{filename}\"\r\nContent-Type: image/x-own; level=1", field(name))
}

const CODE: &str = "
import hashlib
def text(a, b='B'):
    return repr((a, b))
def upload(req, file, note=''):
    content = file.file.read()
    assert content == file.value
    return repr((file.name, file.filename, file.type, file.disposition, hashlib.sha256(content).hexdigest(), len(content), note))
def uploads(req, file):
    return repr([(f.filename, f.value) if hasattr(f, 'type_options') and f.filename else str(f) for f in file])
def everything(req, **kw):
    return repr(sorted((name, value if isinstance(value, (str, list)) else value.filename) for name, value in kw.items() if name != 'req'))
def form(req):
    form = req.form
    assert req.form is form
    return repr((form.keys(), [str(value) for value in form.getlist('a')], str(form.getfirst('a')), form.get('none', 0), len(form), 'a' in form,
                 [(name, str(value)) for name, value in form.items()]))
def no_form(req):
    return str('form' in vars(req))
";

mpm_tests! {
    [prefork, event]
    fn text_fields(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let post = |target: &str, parts: &[(&str, &[u8])]| pages.post(target, MULTIPART, &multipart(parts));
        let (a, b) = (field("a"), field("b"));
        assert_eq!(post("/text", &[(&a, b"1"), (&b, b"two\r\nlines")]).ok(), "('1', 'two\\r\\nlines')");
        assert_eq!(post("/text", &[(&a, b"1"), (&a, b"2")]).ok(), "(['1', '2'], 'B')");
        assert_eq!(post("/text?a=query", &[(&a, b"form"), (&b, b"")]).ok(), "(['query', 'form'], '')");
        assert_eq!(post("/text", &[(&a, "\u{e9}\u{20ac}".as_bytes())]).ok(), "('\u{e9}\u{20ac}', 'B')");
        assert_eq!(post("/text", &[(&field("\u{e9}"), b"x"), (&a, b"1")]).ok(), "('1', 'B')");
        assert_eq!(post("/text", &[(&a, b"--edg\r\n--edge2 \r\n-")]).ok(), "('--edg\\r\\n--edge2 \\r\\n-', 'B')");
        assert!(post("/text", &[(&a, b"\xff\xfe\x00")]).ok().ends_with(", 'B')"));
        assert_eq!(post("/text", &[(&b, b"1")]).status, 400);
    }

    [prefork, event]
    fn uploads(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let content: Vec<u8> = (0..1_500_000_u32).flat_map(|n| [n.to_le_bytes()[n as usize % 3], b'\n']).collect();
        let header = file("file", "C:\\dir\\a \u{e9}.bin");
        let note = field("note");
        let body = multipart(&[(&header, &content), (&note, b"after")]);
        let response = pages.post("/upload", MULTIPART, &body);
        let text = response.ok();
        assert!(text.starts_with("('file', 'C:\\\\dir\\\\a \u{e9}.bin', 'image/x-own', 'form-data', "), "{text}");
        assert!(text.ends_with(&format!(", {}, 'after')", content.len())), "{text}");

        let (one, two) = (file("file", "one.txt"), file("file", "two.txt"));
        let response = pages.post("/uploads", MULTIPART, &multipart(&[(&one, b"first"), (&two, b"\xff\x00")]));
        assert_eq!(response.ok(), "[('one.txt', b'first'), ('two.txt', b'\\xff\\x00')]");

        let response = pages.post(
            "/everything",
            MULTIPART,
            &multipart(&[(&one, b"first"), (&note, b"x"), (&file("req", "evil"), b"")]),
        );
        assert_eq!(response.ok(), "[('file', 'one.txt'), ('note', 'x')]");

        // A form whose file was not chosen.
        let empty = file("file", "");
        let response = pages.post("/everything", MULTIPART, &multipart(&[(&empty, b""), (&note, b"x")]));
        assert!(response.ok().contains("('note', 'x')"), "{}", response.text());
    }

    [prefork, event]
    fn chunked_multipart(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let (a, one) = (field("a"), file("b", "one.txt"));
        let body = multipart(&[(&a, b"1"), (&one, b"first")]);
        let mut chunks = Vec::new();
        for byte in &body {
            chunks.extend_from_slice(&[b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        let headers = [("Content-Type", MULTIPART), ("Transfer-Encoding", "chunked")];
        let response = pages.httpd.request("POST", "/everything", &headers, Some(&chunks));
        assert_eq!(response.ok(), "[('a', '1'), ('b', 'one.txt')]");
    }

    [prefork, event]
    fn forms_that_are_none(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let good = multipart(&[(&field("a"), b"1")]);
        assert_eq!(pages.post("/everything", "multipart/form-data", &good).status, 400);
        assert_eq!(pages.post("/everything", "multipart/form-data; boundary=", &good).status, 400);
        assert_eq!(pages.post("/everything", "text/xml", b"<a/>").status, 501);

        // Any other multipart body gets a response, and never makes the module fail.
        let headers = [
            "Content-Disposition: form-data",
            "X-No: disposition",
            "",
            "Content-Disposition: form-data; name",
            "no header",
            "\u{0}: \u{ff}",
        ];
        for header in headers {
            let body = multipart(&[(header, b"x")]);
            for end in [body.len(), body.len() - 4, body.len() - 13, 8, 0] {
                let response = pages.post("/everything", MULTIPART, &body[..end]);
                assert!(
                    response.status == 200 || response.status == 400,
                    "{header:?} up to {end}: {}",
                    response.status
                );
            }
        }
        assert_eq!(pages.post("/text", MULTIPART, &good).ok(), "('1', 'B')");
    }

    [prefork, event]
    fn the_form_of_the_request(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let expected = "(['a', 'b'], ['1', '2'], '1', 0, 2, True, [('a', '1'), ('b', '\u{e9}'), ('a', '2')])";
        pages.expect("/form?a=1&b=%C3%A9&a=2", expected);
        let response = pages.post("/form?a=1", "application/x-www-form-urlencoded", b"b=%C3%A9&a=2");
        assert_eq!(response.ok(), expected);
        let (a, b) = (field("a"), field("b"));
        let body = multipart(&[(&b, "\u{e9}".as_bytes()), (&a, b"2")]);
        assert_eq!(pages.post("/form?a=1", MULTIPART, &body).ok(), expected);
    }

    [prefork, event]
    fn a_slow_upload_is_waited_for(mpm) {
        let pages = Pages::of_module(mpm, CODE);
        let body = multipart(&[(&field("a"), b"1"), (&field("b"), b"2")]);
        let mut connection: Connection = pages.httpd.connect();
        let head = format!(
            "POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Type: {MULTIPART}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        connection.send(head.as_bytes()).expect("sent");
        for piece in body.chunks(7) {
            connection.send(piece).expect("sent");
        }
        let response: Response = connection.read_response(false).expect("an answer");
        assert_eq!(response.ok(), "('1', '2')");
    }
}
