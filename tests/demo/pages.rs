//! The pages of the demo site: the guest book, the files and the table of modules.

use crate::{
    run::{Run, sources},
    support::{Response, mpm_tests, wait_for},
};

/// Sends a form as a browser does.
fn post(run: &Run, target: &str, parts: &[(&str, &[u8])]) -> Response {
    let mut body = Vec::new();
    for (header, content) in parts {
        body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; {header}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    run.request("POST", target, &[("Content-Type", "multipart/form-data; boundary=edge")], Some(&body))
}

/// The page that a redirect leads to.
#[track_caller]
fn location(response: &Response) -> String {
    assert_eq!(response.status, 302, "{}", String::from_utf8_lossy(&response.body));
    String::from_utf8_lossy(response.header("Location").expect("a redirect says where to")).into_owned()
}

mpm_tests! {
    [prefork, event]
    fn the_guest_book(mpm) {
        let run = Run::start(&sources().join("scripts/run.py"), mpm, &[]);
        for target in ["/", "/index"] {
            let page = run.get(target);
            assert!(page.ok().contains("Nobody has signed yet."), "{}", page.text());
            assert_eq!(page.header("Content-Type"), Some(&b"text/html; charset=utf-8"[..]));
        }
        let message = "<b>bold</b> & \u{e9}\u{20ac}";
        let signed =
            post(&run, "/sign", &[("name=\"name\"", "J\u{f6}rg".as_bytes()), ("name=\"message\"", message.as_bytes())]);
        assert_eq!(location(&signed), "/index");
        let page = run.get("/index");
        assert!(page.ok().contains("J\u{f6}rg"), "{}", page.text());
        assert!(page.text().contains("&lt;b&gt;bold&lt;/b&gt; &amp; \u{e9}\u{20ac}"), "{}", page.text());
        assert!(!page.text().contains("<b>bold"));

        let empty = post(&run, "/sign", &[("name=\"name\"", b"x"), ("name=\"message\"", b" ")]);
        assert!(empty.ok().contains("An entry needs a message."), "{}", empty.text());
        assert_eq!(run.get("/sign?message=by+GET").status, 405);
        assert_eq!(run.get("/style.css").header("Content-Type"), Some(&b"text/css"[..]));
        for target in ["/nothing", "/layout", "/store"] {
            let status = run.get(target).status;
            assert!(status == 404 || status == 403, "{target}: {status}");
        }
    }

    [prefork, event]
    fn an_upload_and_its_download(mpm) {
        let run = Run::start(&sources().join("scripts/run.py"), mpm, &[]);
        assert!(run.get("/files").ok().contains("No files yet."));
        let content: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let file = "name=\"file\"; filename=\"a picture.png\"\r\nContent-Type: image/png";
        assert_eq!(location(&post(&run, "/files/upload", &[(file, &content)])), "/files");
        let page = run.get("/files");
        let link = page
            .ok()
            .split('"')
            .find(|part| part.starts_with("/files/get?"))
            .expect("a link to the file")
            .replace("&amp;", "&");
        let download = run.get(&link);
        assert_eq!(download.status, 200);
        assert!(download.body == content, "{} bytes came back", download.body.len());
        let disposition =
            String::from_utf8_lossy(download.header("Content-Disposition").expect("it is to be saved")).into_owned();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        for target in ["/files/get", "/files/get?number=999", "/files/get?number=x"] {
            assert_eq!(run.get(target).status, 404, "{target}");
        }
        let none = post(&run, "/files/upload", &[("name=\"file\"; filename=\"\"", b"")]);
        assert!(none.ok().contains("Choose a file first."), "{}", none.text());
        assert_eq!(post(&run, "/files/upload", &[(file, &vec![b'x'; 1_200_000])]).status, 413);
    }

    [prefork, event]
    fn the_table_of_modules(mpm) {
        let run = Run::start(&sources().join("scripts/run.py"), mpm, &[]);
        // Each child shows the modules that it has loaded itself.
        let page = wait_for("a child that has served both pages", || {
            run.get("/").ok();
            Some(run.get("/modules")).filter(|page| page.text().contains("id=\"store\""))
        });
        for name in ["layout", "palette", "markup", "store", "store.entries", "modules"] {
            assert!(page.ok().contains(&format!("id=\"{name}\"")), "no row for {name} in {}", page.text());
        }
        assert!(page.text().contains("apache-conf/demo/") || page.text().contains("lib/palette.py"), "{}", page.text());
    }
}
