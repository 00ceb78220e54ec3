//! The documents name the directives and the make targets that exist, and no others.

use std::{collections::BTreeSet, fs, path::Path};

/// A file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The word at the beginning of a text.
fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// The word after each occurrence of `mark`.
fn words_after(text: &str, mark: &str) -> BTreeSet<String> {
    text.split(mark).skip(1).map(word).filter(|word| !word.is_empty()).collect()
}

/// The words at the beginnings of lines that begin with `mark`.
fn lines_with(text: &str, mark: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(mark)).map(word).collect()
}

/// The names in the table of directives, and in that of the phases, from which it takes the names of theirs.
fn directives() -> BTreeSet<String> {
    let tables = ["src/config/directive/table.rs", "src/config/phase.rs"].map(read).concat();
    let names = words_after(&tables, "c\"");
    let names: BTreeSet<String> = names.into_iter().filter(|name| is_directive(name)).collect();
    assert!(names.contains("PythonHandler") && names.contains("PythonReloadTrigger"), "{names:?}");
    names
}

fn is_directive(name: &str) -> bool {
    name.starts_with("Python") && name.len() > 6
}

/// Each directive, and nothing else, has a section or a line in the table of planned ones.
#[test]
fn each_directive_is_described() {
    let text = read("docs/directives.md");
    let (there, later) = text.split_once("\n## Not available yet").expect("the page ends with what is not there");
    let described: BTreeSet<String> = lines_with(there, "## ").into_iter().filter(|name| is_directive(name)).collect();
    let announced = lines_with(later, "| `");
    assert!(described.is_disjoint(&announced));
    let all: BTreeSet<String> = described.union(&announced).cloned().collect();
    assert_eq!(all, directives());
    // The directives that have a section are listed at the top, with links.
    let links: BTreeSet<String> =
        words_after(there, "](#python").into_iter().map(|rest| format!("python{rest}")).collect();
    assert!(described.iter().all(|name| links.contains(&name.to_lowercase())), "{links:?}");
}

/// The sample configuration has each directive in a comment, and no other one.
#[test]
fn each_directive_stands_in_the_configuration_to_start_from() {
    let found: BTreeSet<String> =
        lines_with(&read("apache-conf/python.conf"), "#").into_iter().filter(|name| is_directive(name)).collect();
    assert_eq!(found, directives());
}

/// Each make target that the documents name exists.
#[test]
fn each_make_target_exists() {
    let makefile = read("Makefile");
    let targets: BTreeSet<String> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.is_empty() && word(name) == *name)
        .collect();
    let help = lines_with(&makefile, "@echo 'make ");
    assert!(help.contains("test") && help.is_subset(&targets), "{help:?} in {targets:?}");
    for page in ["README.md", "docs/architecture.md", "docs/performance.md", "docs/reload.md"] {
        let text = read(page);
        let told: BTreeSet<String> = ["`make ", "$ make ", "sudo make "]
            .iter()
            .flat_map(|mark| words_after(&text, mark))
            .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            .collect();
        assert!(told.is_subset(&targets), "{page} tells of {told:?}, and there is {targets:?}");
    }
}
