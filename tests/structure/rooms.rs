//! The rooms of docs/architecture.md: no import runs upward, no circle is large, and no folder is full.

use std::collections::BTreeMap;

use crate::imports::{IMPORTS, circles};
use crate::source::FILES;

/// The rooms from the bottom up. A file imports from its own floor and from those below.
const FLOORS: [&[&str]; 14] = [
    &["crates/os/src"],
    &["crates/reload-core/src"],
    &["src/httpd"],
    &["src/config", "src/python"],
    &["src/reload/code", "src/reload/interrupt"],
    &["src/reload/module"],
    &["src/reload/application"],
    &["src/reload/lifecycle"],
    &["src/reload/import"],
    &["src/reload/build"],
    &["src/reload"],
    &["src/api"],
    &["src/handlers"],
    &["src"],
];
/// The largest circle of files that import each other.
const LARGEST_CIRCLE: usize = 4;
/// The most files side by side in one folder.
const MOST_FILES: usize = 15;

/// The number of a file's floor: the longest folder that holds it decides.
fn floor_of(path: &str) -> usize {
    let holds = |folder: &str| path.starts_with(&format!("{folder}/"));
    let folders = FLOORS.iter().enumerate().flat_map(|(floor, folders)| folders.iter().map(move |f| (floor, *f)));
    let (floor, _) = folders.filter(|(_, f)| holds(f)).max_by_key(|(_, f)| f.len()).expect("a room for each file");
    floor
}

#[test]
fn no_import_runs_upward() {
    let mut upward = Vec::new();
    for (file, targets) in IMPORTS.iter() {
        upward.extend(
            targets
                .iter()
                .filter(|target| floor_of(target) > floor_of(file))
                .map(|target| format!("{file} -> {target}")),
        );
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn no_circle_has_more_than_four_files() {
    let large: Vec<_> = circles().into_iter().filter(|circle| circle.len() > LARGEST_CIRCLE).collect();
    assert!(large.is_empty(), "{large:#?}");
}

#[test]
fn no_folder_has_more_than_fifteen_files_side_by_side() {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in FILES.keys() {
        *folders.entry(path.rsplit_once('/').expect("a file in a folder").0).or_default() += 1;
    }
    folders.retain(|_, files| *files > MOST_FILES);
    assert!(folders.is_empty(), "{folders:?}");
}

/// What is outside of the engine names only what its front door shows.
#[test]
fn the_engine_has_one_door() {
    let is_inside = |path: &str| path.starts_with("src/reload/");
    let mut past = Vec::new();
    for (file, targets) in IMPORTS.iter().filter(|(file, _)| !is_inside(file)) {
        let inside = targets.iter().filter(|target| is_inside(target) && *target != "src/reload/mod.rs");
        past.extend(inside.map(|target| format!("{file} -> {target}")));
    }
    assert!(past.is_empty(), "{past:#?}");
}

/// Each room says at its head what it promises and what it does not know.
#[test]
fn each_room_has_a_contract() {
    let is_room = |path: &&String| path.ends_with("/mod.rs") || path.ends_with("/lib.rs");
    let silent: Vec<_> =
        FILES.keys().filter(is_room).filter(|path| !FILES[*path].text.trim_start().starts_with("//!")).collect();
    assert!(silent.is_empty(), "{silent:?}");
}
