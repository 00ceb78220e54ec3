//! The source files of the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Where the crates that are linked into the module have their source, by the name that `use` gives them.
pub const CRATES: [(&str, &str); 3] =
    [("crate", "src"), ("os", "crates/os/src"), ("reload_core", "crates/reload-core/src")];

/// One file.
pub struct SourceFile {
    /// Its path in the repository.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// The items, without those that are only there for tests.
    pub fn items(&self) -> Vec<syn::Item> {
        let parsed = syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path));
        parsed.items.into_iter().filter(|item| !is_test(item)).collect()
    }
}

/// All files, by path.
pub static FILES: LazyLock<BTreeMap<String, SourceFile>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    for (_, directory) in CRATES {
        read_all(&repository().join(directory), &mut files);
    }
    assert!(files.len() > 100, "only {} source files were found", files.len());
    files
});

/// The directory of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read_all(directory: &Path, files: &mut BTreeMap<String, SourceFile>) {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    for path in entries.map(|entry| entry.expect("an entry of a directory of the source").path()) {
        if path.is_dir() {
            read_all(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let path =
                path.strip_prefix(repository()).expect("a file of the repository").to_string_lossy().into_owned();
            files.insert(path.clone(), SourceFile { text: read(&path), path });
        }
    }
}

/// Whether an item is a module for tests.
fn is_test(item: &syn::Item) -> bool {
    let syn::Item::Mod(module) = item else { return false };
    module.attrs.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// The file of the repository that a path such as `crate::reload::import::find` leads to: the deepest module on it. `crate_name` is
/// the first part as one of [`CRATES`], `parts` are the others.
pub fn file_of(crate_name: &str, parts: &[String]) -> Option<String> {
    let (_, root) = CRATES.iter().find(|(name, _)| *name == crate_name)?;
    let mut found = format!("{root}/lib.rs");
    let mut directory = PathBuf::from(root);
    for part in parts {
        directory.push(part);
        let beside = format!("{}.rs", directory.display());
        let inside = format!("{}/mod.rs", directory.display());
        match [beside, inside].into_iter().find(|file| FILES.contains_key(file)) {
            Some(file) => found = file,
            None => break,
        }
    }
    Some(found)
}
