//! Zip archives.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// The bytes of an archive with these members, as Python makes it.
pub fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    const MAKE: &str = "import io, json, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
    for name, text in json.load(sys.stdin):
        archive.writestr(name, text)
sys.stdout.buffer.write(out.getvalue())";
    let list: Vec<String> = members.iter().map(|(name, text)| format!("[{}, {}]", json(name), json(text))).collect();
    let mut python = Command::new("python3")
        .args(["-c", MAKE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let input = format!("[{}]", list.join(","));
    python.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("Python reads");
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success());
    output.stdout
}

fn json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
