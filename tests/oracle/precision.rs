//! P5: the bodies that may run after a change, by the static graph alone. This is an independent and simple model of the promise
//! that only what changed, and what depends on it, runs again.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    module::{ancestors, parent},
    world::Tree,
};

/// A tree, and the addresses of the namespaces of the modules that were reached in it.
pub struct Loaded<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// The addresses, by name.
    pub places: &'a HashMap<String, String>,
}

/// Compares the bodies that ran with those that may run.
///
/// # Errors
/// A body ran that may not run, or ran twice, or a module has a new namespace without having run.
pub fn check(before: &Loaded<'_>, after: &Loaded<'_>, ran: &[String], is_changed: bool) -> Result<(), String> {
    let runs: HashSet<(&str, &str)> = ran.iter().filter_map(|run| run.split_once('=')).collect();
    let distinct: HashSet<&str> = runs.iter().map(|(name, _)| *name).collect();
    // If a body ran twice for one generation, the first build was discarded, because a package turned out to be lost or a file was
    // saved meanwhile. Only published code counts, and each generation is published once.
    if distinct.len() < runs.len() {
        return Err(format!("a body ran twice: {ran:?}"));
    }
    if !is_changed && !ran.is_empty() {
        return Err(format!("nothing has changed, and bodies ran: {ran:?}"));
    }
    let affected = affected(before.tree, after.tree);
    // A module that was not reached before may be loaded for the first time. A module that still has its namespace ran in a discarded
    // build, of files between the two trees or before a package turned out to be lost.
    let is_replaced = |name: &str| before.places.get(name).is_some_and(|place| after.places.get(name) != Some(place));
    let idle: Vec<&str> =
        distinct.iter().copied().filter(|name| is_replaced(name) && !affected.contains(*name)).collect();
    if !idle.is_empty() {
        return Err(format!("ran without having been affected: {idle:?}\naffected: {affected:?}"));
    }
    for (name, place) in before.places {
        // A package may get a new namespace without running, for a new module below it that need not be reached.
        let mut files = before.tree.keys().chain(after.tree.keys());
        let has_children = files.any(|path| ancestors(&name_of(path)).any(|above| above == name));
        let is_elsewhere = after.places.get(name).is_some_and(|now| now != place);
        if is_elsewhere && !has_children && !distinct.contains(name.as_str()) && !affected.contains(name) {
            return Err(format!("{name} has another namespace, and was not affected"));
        }
    }
    Ok(())
}

/// The dotted name of a source file; a data file belongs to the module of its name.
fn name_of(path: &str) -> String {
    let path = path.split_once('/').map_or(path, |(_, path)| path);
    let path = path.strip_suffix(".py").or(path.strip_suffix(".json")).unwrap_or(path);
    path.strip_suffix("/__init__").unwrap_or(path).replace("of_", "").replace('/', ".")
}

/// The module that a line imports `*` from.
fn star(line: &str) -> Option<&str> {
    line.strip_prefix("from ")?.split_once(" import *").map(|(module, _)| module)
}

/// Whether a module has an `__all__`.
fn has_all(tree: &Tree, name: &str) -> bool {
    let text = tree.iter().find(|(path, _)| path.ends_with(".py") && name_of(path) == name).map(|(_, content)| content);
    text.is_some_and(|content| String::from_utf8_lossy(content).contains("\n__all__"))
}

/// All modules that may have changed: those with changed files, those below a name that means another module now, and all that use
/// any of these.
fn affected(before: &Tree, after: &Tree) -> BTreeSet<String> {
    let mut users: HashMap<String, Vec<String>> = HashMap::new();
    let mut starred: Vec<(String, String)> = Vec::new();
    for (path, content) in
        before.iter().chain(after.iter().filter(|(path, content)| before.get(*path) != Some(content)))
    {
        let name = name_of(path);
        let text = String::from_utf8_lossy(content);
        let used = text.lines().find_map(|line| line.strip_prefix("# uses:")).unwrap_or_default();
        for used in used.split_whitespace() {
            for used in ancestors(used).chain([used]) {
                users.entry(used.to_owned()).or_default().push(name.clone());
            }
        }
        starred.extend(text.lines().filter_map(star).map(|package| (package.to_owned(), name.clone())));
    }
    let names: BTreeSet<String> = before.keys().chain(after.keys()).map(|path| name_of(path)).collect();
    for (package, user) in starred.iter().filter(|(package, _)| !has_all(before, package)) {
        for part in names.iter().filter(|name| parent(name) == *package) {
            // It may be an attribute of the package, and so of every module that imports `*` from there.
            users.entry(part.clone()).or_default().push(user.clone());
        }
    }
    let mut queue: Vec<String> = Vec::new();
    for path in before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)) {
        let name = name_of(path);
        if path.ends_with(".json") {
            // The data file of a package lies in the package's directory.
            queue.push(parent(&name).to_owned());
        }
        if !(before.contains_key(path) && after.contains_key(path)) {
            let below = format!("{name}.");
            queue.extend(names.iter().filter(|other| other.starts_with(&below)).cloned());
            queue.extend(ancestors(&name).map(str::to_owned));
        }
        queue.push(name);
    }
    let mut used_by: HashMap<&str, Vec<&str>> = HashMap::new();
    for (used, user) in users.iter().flat_map(|(used, by)| by.iter().map(move |user| (used, user))) {
        used_by.entry(user).or_default().push(used);
    }
    let mut found = BTreeSet::new();
    while let Some(name) = queue.pop() {
        if found.insert(name.clone()) {
            queue.extend(users.get(&name).into_iter().flatten().cloned());
            // The packages above get new objects. A package whose code depends on such an object runs.
            let above = ancestors(&name)
                .filter(|above| users.get(*above).is_some_and(|u| u.iter().any(|u| u == parent(above))));
            queue.extend(above.map(|above| parent(above).to_owned()));
        }
        if queue.is_empty() {
            let renewed: HashSet<&str> = found.iter().flat_map(|name| ancestors(name)).collect();
            let copies = starred.iter().map(|(_, user)| user.as_str()).filter(|user| found.contains(*user));
            queue
                .extend(suppliers(copies, &used_by, &renewed).filter(|name| !found.contains(*name)).map(str::to_owned));
        }
    }
    found
}

/// The modules that hold a renewed package, among all that the modules with `import *` use. Any name before a dot in these may be
/// such a package, so freshness comes before precision here.
fn suppliers<'a>(
    copies: impl Iterator<Item = &'a str>,
    used_by: &HashMap<&'a str, Vec<&'a str>>,
    renewed: &HashSet<&str>,
) -> impl Iterator<Item = &'a str> {
    let mut reached: HashSet<&str> = HashSet::new();
    let mut queue: Vec<&str> = copies.collect();
    while let Some(name) = queue.pop() {
        if reached.insert(name) {
            queue.extend(used_by.get(name).into_iter().flatten());
        }
    }
    let holds = |name: &&str| used_by.get(name).is_some_and(|used| used.iter().any(|used| renewed.contains(used)));
    reached.into_iter().filter(holds).collect::<Vec<_>>().into_iter()
}
