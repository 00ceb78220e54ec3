//! Which file imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use syn::visit::{self, Visit};

use crate::source::{CRATES, FILES, SourceFile, file_of};

/// For each file the files that it imports from.
pub static IMPORTS: LazyLock<BTreeMap<String, BTreeSet<String>>> =
    LazyLock::new(|| FILES.values().map(|file| (file.path.clone(), imports_of(file))).collect());

/// Finds all paths in a file: those of `use` items, and those written out in code.
struct Paths<'a> {
    found: Vec<Vec<String>>,
    /// Where `self` and `super` start.
    module: &'a [String],
}

impl Paths<'_> {
    fn add(&mut self, mut parts: Vec<String>) {
        let mut base = self.module.to_vec();
        match parts.first().map(String::as_str) {
            Some("self") => drop(parts.remove(0)),
            Some("super") => {
                while parts.first().is_some_and(|part| part == "super") {
                    parts.remove(0);
                    base.pop();
                }
            }
            _ => base.clear(),
        }
        base.append(&mut parts);
        self.found.push(base);
    }

    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(path.ident.to_string()), &path.tree),
            syn::UseTree::Name(name) => self.add(with(name.ident.to_string())),
            syn::UseTree::Rename(rename) => self.add(with(rename.ident.to_string())),
            syn::UseTree::Glob(_) => self.add(before.to_vec()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    /// The path in `pub(in path)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

/// The module that a file is, beginning with the name of its crate.
fn module_of(path: &str) -> Vec<String> {
    let (name, root) = CRATES.iter().find(|(_, root)| path.starts_with(&format!("{root}/"))).expect("a crate's file");
    let inside = path[root.len() + 1..].trim_end_matches(".rs");
    let parts = inside.split('/').filter(|part| !["mod", "lib"].contains(part));
    [*name].into_iter().chain(parts).map(str::to_owned).collect()
}

fn imports_of(file: &SourceFile) -> BTreeSet<String> {
    let module = module_of(&file.path);
    let mut paths = Paths { found: Vec::new(), module: &module };
    file.items().iter().for_each(|item| paths.visit_item(item));
    let own = &module[0];
    let targets = paths.found.iter().filter_map(|parts| {
        let (first, rest) = parts.split_first()?;
        // A file of another crate says `crate` as well, and means its own.
        let name = if first == "crate" { own } else { first };
        file_of(name, rest)
    });
    targets.filter(|target| *target != file.path).collect()
}

/// The circles of files that import each other, each with more than one file.
pub fn circles() -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = IMPORTS.keys().map(|file| (file, reach(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, targets) in &reached {
        let circle: BTreeSet<String> =
            targets.iter().filter(|target| reached[*target].contains(file)).map(|target| (*target).clone()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// All files that a file imports, and what those import, and so on.
fn reach(file: &String) -> BTreeSet<&String> {
    let mut found = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        open.extend(IMPORTS[file].iter().filter(|target| found.insert(*target)));
    }
    found
}
