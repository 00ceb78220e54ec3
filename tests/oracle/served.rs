//! A real httpd that serves a tree, beside a fresh interpreter that sees the same one; and what must hold between their answers.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::PathBuf,
};

use crate::{
    fresh::Fresh,
    precision,
    random::Random,
    support::{Connection, Httpd, Mpm, Save, Site},
    world::{ROOTS, Tree},
};

/// How many requests are sent at once to a child with threads.
const AT_ONCE: usize = 3;

/// What Python says where a module is used before it is complete.
const CIRCULAR: [&str; 2] = ["circular import", "partially initialized"];

/// The marks of a late import that failed, and of a failed import that the body caught.
const FAILURES: [&str; 2] = ["!raises", " -2\n"];

/// An answer of the handler, or of the fresh interpreter.
#[derive(Clone, Debug)]
struct Answer {
    pid: String,
    runs: Vec<String>,
    places: HashMap<String, String>,
    dump: String,
}

impl Answer {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '\n');
        let pid = parts.next().filter(|pid| pid.parse::<u32>().is_ok())?.to_owned();
        let runs = parts.next()?.split_whitespace().map(str::to_owned).collect();
        let places = parts.next()?.split_whitespace().filter_map(|pair| pair.split_once('='));
        let places = places.map(|(name, place)| (name.to_owned(), place.to_owned())).collect();
        Some(Self { pid, runs, places, dump: parts.next()?.to_owned() })
    }
}

/// What a child served last.
struct Good {
    tree: Tree,
    answer: Answer,
}

/// The outcome of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The new code is served.
    New,
    /// The code cannot be loaded, and the last good code is served.
    LastGood,
    /// Modules use each other before they are complete, so that the order of imports decides what can be loaded. A fresh
    /// interpreter begins at the entry and the engine with the changes, so their results cannot be compared.
    Circular,
}

/// An httpd and a fresh interpreter over one tree.
pub struct Served {
    site: Site,
    connections: Vec<Connection>,
    fresh: Fresh,
    _httpd: Httpd,
    tree: Tree,
    good: HashMap<String, Good>,
    /// How many modules were reached last.
    pub reached: usize,
}

impl Served {
    /// Starts both over an empty tree.
    pub fn start(mpm: Mpm) -> Self {
        let site = Site::new();
        site.write("site-packages/oracle_dump.py", include_str!("dump.py"));
        for root in ROOTS {
            site.write(&format!("{root}/readme"), "");
        }
        let directories: Vec<PathBuf> = ROOTS.iter().chain(&["site-packages"]).map(|name| site.path(name)).collect();
        let listed: Vec<String> = directories.iter().map(|path| format!("'{}'", path.display())).collect();
        let conf = format!(
            "SetHandler mod_python\nPythonHandler h\nPythonDebug On\nPythonPath \"sys.path + [{}]\"",
            listed.join(", ")
        );
        let httpd = Httpd::builder(mpm).site(&site, &conf).start();
        let count = if mpm.threaded() { AT_ONCE } else { 1 };
        let connections = (0..count).map(|_| httpd.connect()).collect();
        let fresh = Fresh::start(&directories);
        Self { site, connections, fresh, _httpd: httpd, tree: Tree::new(), good: HashMap::new(), reached: 0 }
    }

    /// Turns the tree on disk into this one, file by file in a random order, and compares the answers.
    ///
    /// # Errors
    /// What is wrong with the answers.
    pub fn turn_into(&mut self, tree: &Tree, random: &mut Random) -> Result<Outcome, String> {
        let changed = self.write(tree, random);
        self.fresh.ask(&changed);
        let outcome = self.compare(true)?;
        if outcome == Outcome::New && random.chance(10) {
            self.fresh.ask(&[]);
            self.compare(false)?;
        }
        Ok(outcome)
    }

    fn write(&mut self, tree: &Tree, random: &mut Random) -> Vec<PathBuf> {
        let paths: BTreeSet<&String> = self.tree.keys().chain(tree.keys()).collect();
        let mut paths: Vec<&String> =
            paths.into_iter().filter(|path| self.tree.get(*path) != tree.get(*path)).collect();
        random.shuffle(&mut paths);
        for path in &paths {
            match tree.get(*path) {
                Some(content) => {
                    let how = if random.chance(50) { Save::InPlace } else { Save::Rename };
                    self.site.save(how, path, content);
                }
                None => self.remove(path),
            }
        }
        let changed = paths.into_iter().map(|path| self.site.path(path)).collect();
        self.tree = tree.clone();
        changed
    }

    /// Removes a file, and the directories that are empty then.
    fn remove(&self, path: &str) {
        self.site.remove(path);
        let mut directory = path;
        while let Some((above, _)) = directory.rsplit_once('/') {
            directory = above;
            if fs::remove_dir(self.site.path(directory)).is_err() {
                return;
            }
        }
    }

    fn compare(&mut self, is_changed: bool) -> Result<Outcome, String> {
        for connection in &mut self.connections {
            connection
                .send_request("GET", "/", &[], None)
                .map_err(|error| format!("a request cannot be sent: {error}"))?;
        }
        let fresh = self.fresh.answer();
        let expected = Answer::read(&fresh);
        if CIRCULAR.iter().any(|words| fresh.contains(words)) {
            return Ok(Outcome::Circular);
        }
        let mut outcome = Outcome::LastGood;
        let mut runs: HashMap<String, Vec<String>> = HashMap::new();
        let mut answers = Vec::new();
        for connection in &mut self.connections {
            let response =
                connection.read_response(false).map_err(|error| format!("a request is not answered: {error}"))?;
            let answer = Answer::read(&String::from_utf8_lossy(&response.body)).filter(|_| response.status == 200);
            let Some(answer) = answer else {
                if expected.is_none() && self.good.is_empty() {
                    continue;
                }
                let what = String::from_utf8_lossy(&response.body);
                return Err(format!("status {}; a fresh interpreter says {}\n{what}", response.status, brief(&fresh)));
            };
            runs.entry(answer.pid.clone()).or_default().extend(answer.runs.iter().cloned());
            answers.push(answer);
        }
        for answer in answers {
            let last = self.good.get(&answer.pid);
            let is_new = expected.as_ref().is_some_and(|expected| expected.dump == answer.dump);
            if !is_new {
                let may_be_last = expected.as_ref().is_none_or(|expected| is_lenient(&expected.dump));
                let Some(last) = last.filter(|_| may_be_last) else {
                    let wanted = expected.as_ref().map_or(fresh.as_str(), |expected| &expected.dump);
                    return Err(format!("not what a fresh interpreter has:\n{}", difference(wanted, &answer.dump)));
                };
                if last.answer.dump != answer.dump {
                    let why = format!("a fresh interpreter says {}", brief(&fresh));
                    let lines = difference(&last.answer.dump, &answer.dump);
                    return Err(format!("{why}; not what was served last:\n{lines}"));
                }
                continue;
            }
            outcome = Outcome::New;
            self.reached = answer.places.len();
            let ran = runs.remove(&answer.pid);
            if let (Some(last), Some(ran)) = (last, &ran) {
                let before = precision::Loaded { tree: &last.tree, places: &last.answer.places };
                let after = precision::Loaded { tree: &self.tree, places: &answer.places };
                precision::check(&before, &after, ran, is_changed)?;
            }
            self.good.insert(answer.pid.clone(), Good { tree: self.tree.clone(), answer });
        }
        Ok(outcome)
    }
}

/// Whether a tree can be loaded, but has broken code that is imported. The last good code may serve too.
fn is_lenient(dump: &str) -> bool {
    FAILURES.iter().any(|mark| dump.contains(mark))
}

fn brief(text: &str) -> &str {
    if text.len() > 300 { "(a whole dump)" } else { text.trim() }
}

/// The lines that occur in only one of two texts.
fn difference(wanted: &str, got: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<String>>();
    let (wanted, got) = (lines(wanted), lines(got));
    let minus = wanted.difference(&got).map(|line| format!("- {line}\n"));
    let plus = got.difference(&wanted).map(|line| format!("+ {line}\n"));
    minus.chain(plus).collect()
}
