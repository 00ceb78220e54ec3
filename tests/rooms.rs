//! What the source keeps to: which room calls httpd, and which rooms hold `unsafe` code.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false if path.extension().is_some_and(|e| e == "rs") => vec![path],
            false => Vec::new(),
        })
        .collect()
}

/// The lines of a file that are no comments.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

/// Types end in `_t` and the constants of enumerations have `_e_` in them; what is left are functions and globals.
fn names_a_function(line: &str) -> bool {
    ["sys::ap_", "sys::apr_", "sys::mpr_"].iter().flat_map(|prefix| line.match_indices(prefix)).any(|(at, _)| {
        let rest = &line[at + "sys::".len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        !name.ends_with("_t") && !name.contains("_e_")
    })
}

#[test]
fn only_the_room_httpd_calls_httpd() {
    let source = root().join("src");
    let files = sources(&source).into_iter().filter(|file| !file.starts_with(source.join("httpd")));
    let calls: Vec<String> = files
        .flat_map(|file| {
            let shown = file.display().to_string();
            code(&file).into_iter().filter(|line| names_a_function(line)).map(move |line| format!("{shown}: {line}"))
        })
        .collect();
    assert!(calls.is_empty(), "these call httpd past the room httpd:\n{}", calls.join("\n"));
}

#[test]
fn unsafe_code_stands_in_the_rooms_that_safety_md_lists() {
    let root = root();
    let document = fs::read_to_string(root.join("SAFETY.md")).expect("SAFETY.md is there");
    // The rows of its table begin with the room's path in backticks.
    let rooms: Vec<PathBuf> =
        document.lines().filter_map(|line| Some(root.join(line.strip_prefix("| `")?.split_once('`')?.0))).collect();
    assert!(rooms.len() > 5 && rooms.iter().all(|room| room.exists()), "SAFETY.md lists rooms: {rooms:?}");
    let crates = fs::read_dir(root.join("crates")).expect("crates/ is there");
    let places = crates.map(|entry| entry.expect("a readable entry").path().join("src")).chain([root.join("src")]);
    let files = places.filter(|place| place.is_dir()).flat_map(|place| sources(&place));
    let strangers: Vec<PathBuf> = files
        .filter(|file| !rooms.iter().any(|room| file.starts_with(room)))
        .filter(|file| {
            code(file).iter().any(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe"))
        })
        .collect();
    assert!(strangers.is_empty(), "unsafe code outside of the rooms that SAFETY.md lists: {strangers:#?}");
}
