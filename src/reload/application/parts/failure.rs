//! Why the newest code is not served.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::reload::application::parts::archives::ArchiveDamage;
use crate::reload::application::parts::change::Change;
use crate::reload::application::parts::failed_load::FailureInputs;
use os::log;
use reload_core::files::file_version::FileVersion;
use reload_core::files::fingerprint::Hash;
use reload_core::graph::{Graph, Name};

/// The names that differ from what is served, with the hashes of their new contents.
pub type Signature = Vec<(Name, Option<Hash>)>;

/// What a build that came to nothing tells.
#[derive(Default)]
pub struct Broken {
    /// The traceback.
    pub text: String,
    /// Its last line.
    pub brief: String,
    /// The changed modules whose content it is due to, where it was a module that failed.
    pub blame: HashSet<Name>,
    /// Everything that was to run again.
    pub affected: HashSet<Name>,
    /// What the bodies that ran have read and found: when that changes, it is worth another try.
    pub attempts: FailureInputs,
    /// The error was a `MemoryError`: what this process has left decides, and not the code.
    pub lacks_memory: bool,
}

impl Broken {
    /// The time limit was the reason.
    pub fn is_late(&mut self, limit: Duration) {
        self.brief = format!("PythonReloadTimeout: loading the edited code took longer than {limit:?}");
        self.text = format!("{}\n{}", self.text, self.brief);
    }
}

/// A failed build, remembered until there is something else to build.
pub struct Failure {
    /// The traceback.
    pub text: String,
    /// Its last line.
    pub brief: String,
    attempts: FailureInputs,
    /// What modules were made from that no generation has: no change tells of them.
    sources: Vec<FileVersion>,
    is_told: bool,
    signature: Signature,
    blame: Signature,
    affected: HashSet<Name>,
    at: Instant,
    /// It was not even tried, as too many threads hang in bodies.
    lacks_room: bool,
    /// This process had no memory left.
    lacks_memory: bool,
}

impl Failure {
    /// The failure of a build that was to take in these changes.
    pub fn new(broken: Broken, signature: Signature, is_told: bool) -> Self {
        let Broken { text, brief, blame, affected, attempts, lacks_memory } = broken;
        let blame = signature.iter().filter(|(name, _)| blame.contains(name)).cloned().collect();
        let (at, sources) = (Instant::now(), Vec::new());
        Self {
            text,
            brief,
            attempts,
            sources,
            signature,
            blame,
            affected,
            is_told,
            at,
            lacks_room: false,
            lacks_memory,
        }
    }

    /// The failure that another child had with these changes.
    pub fn of_another_child(brief: String, text: String, signature: Signature) -> Self {
        let affected = signature.iter().map(|(name, _)| name.clone()).collect();
        Self::told(brief, text, signature, affected)
    }

    /// The same for a build that has made modules from these files which no generation has.
    pub fn of_sources(self, sources: Vec<FileVersion>) -> Self {
        Self { is_told: self.is_told && sources.is_empty(), sources, ..self }
    }

    /// Whether a file holds something else by now of which no change tells.
    pub fn has_other_sources(&self) -> bool {
        self.sources.iter().any(FileVersion::has_changed)
    }

    /// A failure whose changes say all about it.
    fn told(brief: String, text: String, signature: Signature, affected: HashSet<Name>) -> Self {
        Self {
            text,
            brief,
            attempts: FailureInputs::default(),
            sources: Vec::new(),
            signature,
            blame: Signature::new(),
            affected,
            is_told: true,
            at: Instant::now(),
            lacks_room: false,
            lacks_memory: false,
        }
    }

    /// An archive that cannot be read, and the names that were looked for in it.
    pub fn of_archive(damage: ArchiveDamage, affected: HashSet<Name>) -> Self {
        let ArchiveDamage { path, hash, brief, text } = damage;
        let signature = vec![(Name::from(path.to_string_lossy()), hash)];
        Self::told(brief, text, signature, affected)
    }

    /// The changes that could not be built.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What the bodies that ran have read and found.
    pub fn attempts(&self) -> &FailureInputs {
        &self.attempts
    }

    /// Whether the signature tells of everything that was read, so that another child would fail in the same way.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// Those of the changes that it is due to; none where it was not a module that failed.
    pub fn blame(&self) -> &Signature {
        &self.blame
    }

    /// Whether other children would not meet it: it was this process that had no memory left, or no threads.
    pub fn is_own(&self) -> bool {
        self.lacks_room || self.lacks_memory
    }

    /// How long ago it was met.
    pub fn age(&self) -> Duration {
        self.at.elapsed()
    }

    /// The failure of a build that was not tried, as too many threads of this child hang in bodies that do not come back.
    pub fn without_room(signature: Signature) -> Self {
        let brief = "too many threads of this child hang in bodies of modules that took longer than PythonReloadTimeout; \
                     the next build waits until one of them ends";
        let affected = signature.iter().map(|(name, _)| name.clone()).collect();
        let broken = Broken { brief: brief.to_owned(), affected, ..Broken::default() };
        Self { lacks_room: true, ..Self::new(broken, signature, false) }
    }

    /// Whether it may be tried now that a thread has come back.
    pub fn lacks_room(&self) -> bool {
        self.lacks_room
    }

    /// Whether a build of these changes has failed already.
    pub fn is_of(&self, signature: &Signature) -> bool {
        self.signature == *signature
    }

    /// Whether the other one is the same content failing in the same way, whatever else has changed around it.
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        let is_same = !self.blame.is_empty() && self.blame == other.blame && self.brief == other.brief;
        is_same || (self.lacks_room && other.lacks_room)
    }

    /// Whether a request for this module would run other code if the build had not failed.
    pub fn affects(&self, module: &Name, graph: &Graph) -> bool {
        let mut seen: HashSet<&Name> = HashSet::from([module]);
        let mut queue = vec![module];
        while let Some(name) = queue.pop() {
            if self.affected.contains(name) {
                return true;
            }
            queue.extend(graph.used_by(name).filter(|used| seen.insert(used)));
        }
        false
    }

    /// Tells the administrator, in one record.
    pub fn report(&self, serving: u64) {
        log::record(
            log::Level::ERROR,
            &format!("reload failed; serving generation {serving}: {}\n{}", self.brief, self.text),
        );
    }
}

/// What tells one set of changes from another.
pub fn signature<'a>(changes: impl Iterator<Item = (&'a Name, &'a Change)>) -> Signature {
    let mut marks: Signature = changes.map(|(name, change)| (name.clone(), change.mark())).collect();
    marks.sort();
    marks
}
