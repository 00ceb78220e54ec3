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
pub(in crate::reload) type Signature = Vec<(Name, Option<Hash>)>;

/// The error of a failed build, and what it is due to.
#[derive(Default)]
pub(in crate::reload) struct Broken {
    /// The traceback.
    pub text: String,
    /// Its last line.
    pub brief: String,
    /// The changed modules that caused it, if a module failed.
    pub blame: HashSet<Name>,
    /// All modules that were to run again.
    pub affected: HashSet<Name>,
    /// The inputs of the bodies that ran: when one differs, a retry is worthwhile.
    pub attempts: FailureInputs,
    /// The error was a `MemoryError`: what this process has left decides, and not the code.
    pub lacks_memory: bool,
}

impl Broken {
    /// Makes the time limit the reason.
    pub(in crate::reload) fn is_late(&mut self, limit: Duration) {
        self.brief = format!("PythonReloadTimeout: loading the edited code took longer than {limit:?}");
        self.text = format!("{}\n{}", self.text, self.brief);
    }
}

/// A failed build, which is remembered until there is something else to build.
pub struct Failure {
    /// The traceback.
    pub text: String,
    /// Its last line.
    pub brief: String,
    attempts: FailureInputs,
    /// Source files that this build compiled and that belong to no generation and to no change.
    sources: Vec<FileVersion>,
    is_told: bool,
    signature: Signature,
    blame: Signature,
    affected: HashSet<Name>,
    at: Instant,
    /// The build was not tried, as too many threads hang in bodies.
    lacks_room: bool,
    /// This process had no memory left.
    lacks_memory: bool,
}

impl Failure {
    /// The failure of a build with these changes.
    pub(in crate::reload) fn new(broken: Broken, signature: Signature, is_told: bool) -> Self {
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
    pub(in crate::reload) fn of_another_child(brief: String, text: String, signature: Signature) -> Self {
        let affected = signature.iter().map(|(name, _)| name.clone()).collect();
        Self::told(brief, text, signature, affected)
    }

    /// Adds source files that the build compiled and that belong to no generation and to no change.
    pub(in crate::reload) fn of_sources(self, sources: Vec<FileVersion>) -> Self {
        Self { is_told: self.is_told && sources.is_empty(), sources, ..self }
    }

    /// Whether one of those source files differs now.
    pub(in crate::reload) fn has_other_sources(&self) -> bool {
        self.sources.iter().any(FileVersion::has_changed)
    }

    /// A failure that its changes alone explain.
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

    /// The failure to read an archive. `affected` are the names that were looked up in it.
    pub(in crate::reload) fn of_archive(damage: ArchiveDamage, affected: HashSet<Name>) -> Self {
        let ArchiveDamage { path, hash, brief, text } = damage;
        let signature = vec![(Name::from(path.to_string_lossy()), hash)];
        Self::told(brief, text, signature, affected)
    }

    /// The changes that could not be built.
    pub(in crate::reload) fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The inputs of the bodies that ran.
    pub(in crate::reload) fn attempts(&self) -> &FailureInputs {
        &self.attempts
    }

    /// Whether the signature covers everything that was read, so that another child would fail in the same way.
    pub(in crate::reload) fn is_told(&self) -> bool {
        self.is_told
    }

    /// The changes that caused it; empty unless a module failed.
    pub(in crate::reload) fn blame(&self) -> &Signature {
        &self.blame
    }

    /// Whether only this process fails: it had no memory or no threads left.
    pub(in crate::reload) fn is_own(&self) -> bool {
        self.lacks_room || self.lacks_memory
    }

    /// How long ago the build failed.
    pub(in crate::reload) fn age(&self) -> Duration {
        self.at.elapsed()
    }

    /// The failure of a build that was not tried, as too many threads of this child hang in bodies that do not come back.
    pub(in crate::reload) fn without_room(signature: Signature) -> Self {
        let brief = "too many threads of this child hang in bodies of modules that took longer than PythonReloadTimeout; \
                     the next build waits until one of them ends";
        let affected = signature.iter().map(|(name, _)| name.clone()).collect();
        let broken = Broken { brief: brief.to_owned(), affected, ..Broken::default() };
        Self { lacks_room: true, ..Self::new(broken, signature, false) }
    }

    /// Whether the build waits for a thread that hangs in a body.
    pub(in crate::reload) fn lacks_room(&self) -> bool {
        self.lacks_room
    }

    /// Whether a build of these changes has failed already.
    pub(in crate::reload) fn is_of(&self, signature: &Signature) -> bool {
        self.signature == *signature
    }

    /// Whether the other failure has the same cause and the same error, even if other changes differ.
    pub(in crate::reload) fn is_repeated_by(&self, other: &Self) -> bool {
        let is_same = !self.blame.is_empty() && self.blame == other.blame && self.brief == other.brief;
        is_same || (self.lacks_room && other.lacks_room)
    }

    /// Whether a request for this module would run newer code if the build had succeeded.
    pub(in crate::reload) fn affects(&self, module: &Name, graph: &Graph) -> bool {
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

    /// Logs the failure, in one record.
    pub(in crate::reload) fn report(&self, serving: u64) {
        log::record(
            log::Level::ERROR,
            &format!("reload failed; serving generation {serving}: {}\n{}", self.brief, self.text),
        );
    }
}

/// The signature of a set of changes.
pub(in crate::reload) fn signature<'a>(changes: impl Iterator<Item = (&'a Name, &'a Change)>) -> Signature {
    let mut marks: Signature = changes.map(|(name, change)| (name.clone(), change.mark())).collect();
    marks.sort();
    marks
}
