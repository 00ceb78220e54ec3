//! What the children of the server have come to serve of one application, in shared memory: for each module the newest content
//! that any of them serves, and a version that grows whenever one of them begins to serve other content.
//!
//! A child whose own version is as high serves nothing older than any other child.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::files::fingerprint::Hash;

/// How many modules have a line.
const LENGTH: usize = 2048;
/// How far from its place a module is looked for.
const REACH: usize = 64;
/// The mark of a module that is gone.
const GONE: u64 = 1;

#[repr(C)]
struct VersionLine {
    name: AtomicU64,
    content: AtomicU64,
}

/// The ledger of one application.
#[repr(C)]
pub struct ContentVersions {
    used: AtomicU32,
    key: [AtomicU64; 4],
    version: AtomicU64,
    lines: [VersionLine; LENGTH],
}

fn mark_of(hash: &Hash) -> u64 {
    // Zero and one have meanings of their own.
    u64::from_ne_bytes(hash[..8].try_into().unwrap_or_default()).max(2)
}

/// What stands for a module's name.
pub fn name_mark(name: &str) -> u64 {
    mark_of(blake3::hash(name.as_bytes()).as_bytes())
}

fn content_mark(content: Option<Hash>) -> u64 {
    content.as_ref().map_or(GONE, mark_of)
}

impl ContentVersions {
    /// Whether this is the ledger of an application, or of none yet.
    pub fn is_of(&self, key: &Hash) -> Option<bool> {
        if self.used.load(Ordering::Acquire) == 0 {
            return None;
        }
        Some(self.key.iter().zip(words(key)).all(|(mine, word)| mine.load(Ordering::Relaxed) == word))
    }

    /// Gives an unused ledger to an application. One process at a time may do so.
    pub fn give(&self, key: &Hash) {
        self.key.iter().zip(words(key)).for_each(|(mine, word)| mine.store(word, Ordering::Relaxed));
        self.used.store(1, Ordering::Release);
    }

    /// The version that is served somewhere.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Notes what the caller is about to serve; `None` for a module that is gone. Answers the new version if any of it is other
    /// content than is served so far. `built` tells that it was built because something has changed: what the ledger has no
    /// room for counts as changed then.
    pub fn note<'a>(
        &self,
        contents: impl Iterator<Item = (&'a str, Option<Hash>)> + Clone,
        built: bool,
    ) -> Option<u64> {
        if !contents.clone().any(|(name, content)| self.is_other(name, content, built)) {
            return None;
        }
        // Raised first: when a child dies between the two, the next one that serves this content raises it again.
        let raised = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        for (name, content) in contents {
            if let Some(line) = self.line(name_mark(name)) {
                line.content.store(content_mark(content), Ordering::SeqCst);
            }
        }
        Some(raised)
    }

    /// Whether this is what some child has served last.
    pub fn serves<'a>(&self, mut contents: impl Iterator<Item = (&'a str, Option<Hash>)>) -> bool {
        contents.all(|(name, content)| {
            let line = self.line(name_mark(name));
            line.is_some_and(|line| line.content.load(Ordering::SeqCst) == content_mark(content))
        })
    }

    /// What the caller serves, by the marks of names, where the ledger has other content.
    pub fn differing<'a, N>(&self, served: impl Fn(u64) -> Option<&'a (N, Hash)>) -> impl Iterator<Item = &'a (N, Hash)>
    where
        N: 'a,
    {
        let lines = self.lines.iter().map(|line| (line.name.load(Ordering::SeqCst), line));
        lines.filter(|(name, _)| *name != 0).filter_map(move |(name, line)| {
            served(name).filter(|(_, content)| line.content.load(Ordering::SeqCst) != content_mark(Some(*content)))
        })
    }

    fn is_other(&self, name: &str, content: Option<Hash>, built: bool) -> bool {
        let Some(line) = self.line(name_mark(name)) else { return built };
        // Whoever is first fills an empty line in, so that of two who load different contents one notices.
        let mine = content_mark(content);
        let now = line.content.compare_exchange(0, mine, Ordering::SeqCst, Ordering::SeqCst);
        now.is_err_and(|now| now != mine)
    }

    fn line(&self, name: u64) -> Option<&VersionLine> {
        let start = usize::try_from(name % LENGTH as u64).unwrap_or(0);
        (0..REACH).map(|step| &self.lines[(start + step) % LENGTH]).find(|line| {
            match line.name.compare_exchange(0, name, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => true,
                Err(taken) => taken == name,
            }
        })
    }
}

/// A hash as four numbers.
pub fn words(hash: &Hash) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(hash.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().unwrap_or_default());
    }
    words
}
