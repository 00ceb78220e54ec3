//! Shrinks a difference: fewer batches, fewer modules, fewer lines.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    module::tail,
    random::Random,
    served::Served,
    support::Mpm,
    world::{ROOTS, Tree},
};

/// Lines that the comparison needs: the static graph, and the handler.
const KEPT: [&str; 6] = ["# uses", "import oracle", "_o.end", "def handler", "    req.", "    return 0\n"];

/// A history that ends with a difference.
pub struct Shrinker {
    mpm: Mpm,
    end: Instant,
    kind: String,
    history: Vec<Tree>,
    report: String,
}

/// What identifies a difference: the first words of its report.
fn kind(report: &str) -> String {
    report.split([':', ';']).next().unwrap_or_default().split_whitespace().take(4).collect::<Vec<_>>().join(" ")
}

impl Shrinker {
    /// Runs the history again. Returns `None` where the difference does not recur. The search ends at the time limit.
    pub fn new(mpm: Mpm, history: Vec<Tree>, report: &str, patience: Duration) -> Option<Self> {
        let end = Instant::now() + patience;
        let mut this = Self { mpm, end, kind: kind(report), history: Vec::new(), report: String::new() };
        this.fails(history).then_some(this)
    }

    /// Whether a history ends like the current one. If so, it replaces that.
    fn fails(&mut self, history: Vec<Tree>) -> bool {
        if Instant::now() >= self.end || history.is_empty() {
            return false;
        }
        let mut served = Served::start(self.mpm);
        let mut random = Random::new(0);
        let found = history.iter().enumerate().find_map(|(at, tree)| {
            served
                .turn_into(tree, &mut random)
                .err()
                .filter(|report| kind(report) == self.kind)
                .map(|report| (at, report))
        });
        let Some((at, report)) = found else { return false };
        self.history = history;
        self.history.truncate(at + 1);
        self.report = report;
        true
    }

    /// Shrinks the history as far as time allows, and returns its text.
    pub fn shrink(mut self) -> String {
        let mut count = 1;
        while count < self.history.len() && !self.fails(self.history[self.history.len() - count..].to_vec()) {
            count *= 2;
        }
        let steps: Vec<Tree> = self.history.clone();
        let last = steps.len() - 1;
        self.drop_some((0..last).collect(), |history, dropped| {
            let kept = history.iter().enumerate().filter(|(at, _)| !dropped.contains(at));
            kept.map(|(_, tree)| tree.clone()).collect()
        });
        let paths: BTreeSet<String> = self.history.iter().flat_map(|tree| tree.keys().cloned()).collect();
        self.drop_some(paths.into_iter().collect(), |history, dropped| {
            history.iter().map(|tree| without_modules(tree, dropped)).collect()
        });
        for path in self.history.iter().flat_map(|tree| tree.keys().cloned()).collect::<BTreeSet<_>>() {
            let lines: BTreeSet<Vec<u8>> =
                self.history.iter().filter_map(|tree| tree.get(&path)).flat_map(|content| lines_of(content)).collect();
            self.drop_some(lines.into_iter().collect(), |history, dropped| {
                history.iter().map(|tree| without_lines(tree, &path, dropped)).collect()
            });
        }
        self.tell()
    }

    /// Drops as many items as possible, in smaller and smaller portions. `without` makes a history without some of them.
    fn drop_some<T: Clone>(&mut self, items: Vec<T>, without: impl Fn(&[Tree], &[T]) -> Vec<Tree>) {
        let mut portion = items.len();
        let mut items = items;
        let original = self.history.clone();
        let mut dropped: Vec<T> = Vec::new();
        while portion > 0 {
            let mut at = 0;
            while at < items.len() {
                let end = (at + portion).min(items.len());
                let mut more = dropped.clone();
                more.extend_from_slice(&items[at..end]);
                if self.fails(without(&original, &more)) {
                    dropped = more;
                    items.drain(at..end);
                } else {
                    at = end;
                }
            }
            portion /= 2;
        }
    }

    /// The whole first tree, the changes from each tree to the next, and the report.
    fn tell(&self) -> String {
        let directory = PathBuf::from(format!("{}/oracle-{}", std::env::temp_dir().display(), std::process::id()));
        let mut text = String::new();
        let mut before = Tree::new();
        for (at, tree) in self.history.iter().enumerate() {
            text.push_str(&format!("=== tree {at}\n"));
            write(&directory.join(at.to_string()), tree);
            for path in before.keys().chain(tree.keys()).collect::<BTreeSet<_>>() {
                match tree.get(path) {
                    Some(content) if before.get(path) != Some(content) => {
                        text.push_str(&format!("--- {path}\n{}", String::from_utf8_lossy(content)));
                    }
                    None => text.push_str(&format!("--- {path} is gone\n")),
                    Some(_) => {}
                }
            }
            before.clone_from(tree);
        }
        format!("{text}=== {}\nthe trees are kept in {}", self.report, directory.display())
    }
}

fn write(directory: &Path, tree: &Tree) {
    for (path, content) in tree {
        let file = directory.join(path);
        let above = file.parent().unwrap_or(directory);
        fs::create_dir_all(above).and_then(|()| fs::write(&file, content)).expect("a tree is kept");
    }
}

fn lines_of(content: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    content
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !KEPT.iter().any(|kept| line.starts_with(kept.as_bytes())))
        .map(<[u8]>::to_vec)
}

fn without_lines(tree: &Tree, path: &str, dropped: &[Vec<u8>]) -> Tree {
    let mut tree = tree.clone();
    if let Some(content) = tree.get_mut(path) {
        let kept = content.split_inclusive(|byte| *byte == b'\n').filter(|line| !dropped.iter().any(|d| d == line));
        *content = kept.flatten().copied().collect();
    }
    tree
}

/// The tree without these files, and without the lines that mention their modules.
fn without_modules(tree: &Tree, dropped: &[String]) -> Tree {
    let gone: Vec<&str> = dropped
        .iter()
        .map(|path| path.trim_end_matches("/__init__.py").trim_end_matches(".py"))
        .map(|path| path.rsplit_once('/').map_or(path, |(_, tail)| tail))
        .map(tail)
        .filter(|name| !ROOTS.contains(name))
        .collect();
    let mentions = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| gone.contains(&word)) && !line.starts_with(b"# uses")
    };
    let kept = tree.iter().filter(|(path, _)| !dropped.contains(path));
    kept.map(|(path, content)| {
        let lines = content.split_inclusive(|byte| *byte == b'\n').filter(|line| !mentions(line));
        (path.clone(), lines.flatten().copied().collect())
    })
    .collect()
}
