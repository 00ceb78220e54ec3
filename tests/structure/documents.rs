//! docs/architecture.md names what is there.

use crate::source::{FILES, read};

/// Each file has a row in a table of its room. A row names files as `name.rs`, below a heading with the room's folder.
#[test]
fn each_file_is_on_the_map() {
    let page = read("docs/architecture.md");
    let map = tables(&page);
    let missing: Vec<_> = FILES.keys().filter(|path| !map.contains(path)).collect();
    assert!(missing.is_empty(), "not on the map: {missing:#?}");
    let gone: Vec<_> = map.iter().filter(|path| !FILES.contains_key(*path)).collect();
    assert!(gone.is_empty(), "on the map and not there: {gone:#?}");
}

/// The files that the tables name: a line that begins with "| `folder/` |" opens a room, and rows name its files.
fn tables(page: &str) -> Vec<String> {
    let mut folder = None;
    let mut files = Vec::new();
    for line in page.lines() {
        let Some(first) = line.strip_prefix("| ").and_then(|row| row.split(" | ").next()) else {
            folder = if line.starts_with('|') { folder } else { None };
            continue;
        };
        let names = first.split('`').skip(1).step_by(2);
        for name in names {
            match (&folder, name) {
                (_, name) if name.ends_with('/') => folder = Some(name.to_owned()),
                (Some(folder), name) if name.ends_with(".rs") => files.push(format!("{folder}{name}")),
                _ => {}
            }
        }
    }
    files
}
