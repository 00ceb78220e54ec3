//! The newest content of each module that any child serves, for one application, in shared memory; and a version that grows
//! whenever a child begins to serve other content.
//!
//! A child whose own version is as high serves nothing older than any other child.
//!
//! ```text
//! child A   note(shop.py: h2)   version 1 -> 2      A serves h2 and has reached 2
//! child B   version() == 2, it has reached 1        B is behind: it compares its files before it serves anything
//! child B   note(shop.py: h2)   None                nothing new; B has reached 2 as well
//! ```

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::files::fingerprint::Hash;

/// How many modules have a line.
const LENGTH: usize = 2048;
/// How far from the place that its hash gives a module may have its line.
const REACH: usize = 64;
/// The content of a module that is gone.
const GONE: u64 = 1;

/// The newest content of a module.
#[repr(C)]
struct VersionLine {
    /// The mark of the name; 0 in an empty line.
    name: AtomicU64,
    /// The mark of the content; 0 while none is known.
    content: AtomicU64,
}

/// Why a child begins to serve content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeCause {
    /// It was built, which begins with a change.
    Built,
    /// It was loaded for the first time, or compared with its file.
    Found,
}

/// The content versions of one application. A table with open addressing, whose lines are never removed.
#[repr(C)]
pub struct ContentVersions {
    /// 0 while they belong to no application.
    used: AtomicU32,
    /// The hash of the application's key.
    key: [AtomicU64; 4],
    version: AtomicU64,
    lines: [VersionLine; LENGTH],
}

fn mark_of(hash: &Hash) -> u64 {
    // Zero and one have meanings of their own.
    u64::from_ne_bytes(hash[..8].try_into().unwrap_or_default()).max(2)
}

/// The mark of a module's name.
pub fn name_mark(name: &str) -> u64 {
    mark_of(blake3::hash(name.as_bytes()).as_bytes())
}

fn content_mark(content: Option<Hash>) -> u64 {
    content.as_ref().map_or(GONE, mark_of)
}

impl ContentVersions {
    /// Whether they belong to the application of this key; none if they belong to no application yet.
    pub fn is_of(&self, key: &Hash) -> Option<bool> {
        if self.used.load(Ordering::Acquire) == 0 {
            return None;
        }
        Some(self.key.iter().zip(words(key)).all(|(mine, word)| mine.load(Ordering::Relaxed) == word))
    }

    /// Gives them to an application. Under the scoreboard's lock only.
    pub fn give(&self, key: &Hash) {
        self.key.iter().zip(words(key)).for_each(|(mine, word)| mine.store(word, Ordering::Relaxed));
        self.used.store(1, Ordering::Release);
    }

    /// The newest version that a child serves.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Notes what the caller is about to serve; the hash is none for a module that is gone. Returns the new version if any of it
    /// differs from what is served so far. A module for which the table has no room counts as different if it was built.
    pub fn note<'a>(
        &self,
        contents: impl Iterator<Item = (&'a str, Option<Hash>)> + Clone,
        cause: ServeCause,
    ) -> Option<u64> {
        if !contents.clone().any(|(name, content)| self.is_other(name, content, cause)) {
            return None;
        }
        // The version first: if this child dies between the two, the next one that serves this content raises it again.
        let raised = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        for (name, content) in contents {
            if let Some(line) = self.line(name_mark(name)) {
                line.content.store(content_mark(content), Ordering::SeqCst);
            }
        }
        Some(raised)
    }

    /// Whether all of this is the newest that a child serves.
    pub fn serves<'a>(&self, mut contents: impl Iterator<Item = (&'a str, Option<Hash>)>) -> bool {
        contents.all(|(name, content)| {
            let line = self.line(name_mark(name));
            line.is_some_and(|line| line.content.load(Ordering::SeqCst) == content_mark(content))
        })
    }

    /// What the caller serves, which `served` looks up by the mark of a name, where another child serves other content.
    pub fn differing<'a, N>(&self, served: impl Fn(u64) -> Option<&'a (N, Hash)>) -> impl Iterator<Item = &'a (N, Hash)>
    where
        N: 'a,
    {
        let lines = self.lines.iter().map(|line| (line.name.load(Ordering::SeqCst), line));
        lines.filter(|(name, _)| *name != 0).filter_map(move |(name, line)| {
            served(name).filter(|(_, content)| line.content.load(Ordering::SeqCst) != content_mark(Some(*content)))
        })
    }

    fn is_other(&self, name: &str, content: Option<Hash>, cause: ServeCause) -> bool {
        let Some(line) = self.line(name_mark(name)) else { return cause == ServeCause::Built };
        // The first child fills an empty line in, so that the second one notices if it loads other content.
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
